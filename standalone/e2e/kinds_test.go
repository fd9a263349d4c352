package e2e

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/stridelog/stridelog/provider/simulator/googlehealth"
	"github.com/stridelog/stridelog/standalone/internal/client"
)

// TestASyncReadsTheKindsThatItIsAskedFor: from the query of a request to what the sync
// says of each kind.
func TestASyncReadsTheKindsThatItIsAskedFor(t *testing.T) {
	w := newGivenWorld(t)
	ctx := deadline(t)
	account := googlehealth.HealthUserID(w.people[0])
	w.arm(account, answers(given(t, "points_one_without_offset.json")))
	user := w.join(ctx, t, "some kinds", account)
	at := "/providers/" + google + "/users/" + user.ID + "/sync?start_date=2026-11-18&end_date=2026-11-23&kinds="

	var sync client.Sync
	if err := w.in.Client.Call(ctx, http.MethodPost, at+"activity", nil, &sync); err != nil {
		t.Fatal(err)
	}
	ended, err := w.in.Client.AwaitSync(ctx, user.ID, sync.SyncID)
	if err != nil || ended.Status != "success" || ended.Trigger != "manual" {
		t.Fatalf("the sync ended %+v: %v", ended, err)
	}
	var shown struct {
		Kinds []struct{ Kind, Status string }
	}
	var body json.RawMessage
	if err := w.in.Client.Call(ctx, http.MethodGet, "/users/"+user.ID+"/syncs/"+sync.SyncID, nil, &body); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(body, &shown); err != nil || len(shown.Kinds) != 1 || shown.Kinds[0].Kind != "activity" || shown.Kinds[0].Status != "success" {
		t.Errorf("the sync says %s: %v", body, err)
	}
	for _, kind := range []string{"no_such_kind", "route"} {
		err := w.in.Client.Call(ctx, http.MethodPost, at+kind, nil, new(json.RawMessage))
		if err == nil || !strings.Contains(err.Error(), "ask for activity") {
			t.Errorf("kinds=%s answered: %v", kind, err)
		}
	}
}
