package gateway_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/services/gateway/internal/gatewaytest"
)

// newManyKinds runs a gateway that knows a kind of each shape beside those of the product.
func newManyKinds(t *testing.T) *gatewaytest.System {
	t.Helper()
	s := gatewaytest.Stores(t)
	s.Publish()
	c := s.Config()
	c.Kinds = events.Kinds().With(
		events.Kind{Name: "probe_day", Shape: events.ShapeDay}, events.Kind{Name: "probe_series", Shape: events.ShapeChunk},
		events.Kind{Name: "probe_file", Shape: events.ShapeAttachment},
	)
	s.Start(c)
	return s
}

func TestASyncAsksForTheKindsThatItNames(t *testing.T) {
	s := newManyKinds(t)
	user := s.User()
	s.Connection(user, "fitbit", "active")
	base := "/api/v1/providers/fitbit/users/" + user.String() + "/sync"
	cases := []struct {
		path string
		want []string
	}{
		{"", nil},
		{"?kinds=probe_series", []string{"probe_series"}},
		{"?kinds=probe_day,activity", []string{"activity", "probe_day"}},
		{"?kinds=probe_day&kinds=activity,probe_day&start_date=2026-09-01&end_date=2026-09-03", []string{"activity", "probe_day"}},
		{"/historical?days=3", nil},
		{"/historical?days=3&kinds=probe_day", []string{"probe_day"}},
	}
	ids := make([]string, len(cases))
	for i, c := range cases {
		var got ticket
		s.Call(http.MethodPost, base+c.path, "", http.StatusAccepted, &got)
		ids[i] = got.SyncID
	}
	asked := requests(t, s)
	if len(asked) != len(cases) {
		t.Fatalf("%d syncs were asked for, want %d", len(asked), len(cases))
	}
	for i, c := range cases {
		if asked[i].SyncID != ids[i] || !slices.Equal(asked[i].Kinds, c.want) {
			t.Errorf("%q asked for %q as %s, want %q as %s", c.path, asked[i].Kinds, asked[i].SyncID, c.want, ids[i])
		}
	}
}

// A kind that there is not, and one that comes with other records, is refused with the
// kinds that a sync can name, and nothing is asked for.
func TestAKindThatNoSyncReadsIsRefusedWithThoseThereAre(t *testing.T) {
	s := newManyKinds(t)
	user := s.User()
	s.Connection(user, "fitbit", "active")
	base := "/api/v1/providers/fitbit/users/" + user.String() + "/sync"
	for query, says := range map[string]string{
		"?kinds=sleeping": `"sleeping" is no kind`, "?kinds=activity,sleeping": `"sleeping" is no kind`, "?kinds=ACTIVITY": `"ACTIVITY" is no kind`,
		"?kinds=probe_file": `"probe_file" comes with the records`, "?kinds=probe_day&kinds=route": `"route" comes with the records`,
	} {
		for _, path := range []string{base + query, base + "/historical" + query} {
			a := s.Do(gatewaytest.Request{Method: http.MethodPost, Path: path})
			p := checkProblem(t, path, a, http.StatusBadRequest, "invalid_request")
			if len(p.Errors) != 1 || p.Errors[0].Field != "kinds" || !strings.Contains(p.Errors[0].Message, says) ||
				!strings.HasSuffix(p.Errors[0].Message, ": ask for activity, probe_day, probe_series") {
				t.Errorf("%s answers %s", path, a.Body)
			}
		}
	}
	if asked := requests(t, s); len(asked) > 0 {
		t.Errorf("%d syncs were asked for", len(asked))
	}
}
