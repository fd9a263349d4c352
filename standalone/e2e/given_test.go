package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/stridelog/stridelog/provider/simulator/fitbit"
	"github.com/stridelog/stridelog/provider/simulator/googlehealth"
	"github.com/stridelog/stridelog/standalone/internal/client"
	"github.com/stridelog/stridelog/standalone/internal/config"
)

// given is an answer that others had from a provider, as they reported it.
func given(t *testing.T, name string) []byte {
	t.Helper()
	body, err := os.ReadFile("testdata/given/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// answers lets a list of Google answer with a body.
func answers(body []byte) func(*googlehealth.Call) *googlehealth.Fault {
	return func(c *googlehealth.Call) *googlehealth.Fault {
		if c.Endpoint != googlehealth.EndpointList {
			return nil
		}
		return &googlehealth.Fault{Before: true, Status: http.StatusOK, Body: body}
	}
}

// read asks a provider for the days of the given answers and waits for the end.
func (w *googleWorld) read(ctx context.Context, t *testing.T, user client.User, provider string) client.Sync {
	t.Helper()
	q := url.Values{"start_date": {"2026-11-18"}, "end_date": {"2026-11-23"}}
	var sync client.Sync
	if err := w.in.Client.Call(ctx, http.MethodPost, "/providers/"+provider+"/users/"+user.ID+"/sync?"+q.Encode(), nil, &sync); err != nil {
		t.Fatal(err)
	}
	sync, err := w.in.Client.AwaitSync(ctx, user.ID, sync.SyncID)
	if err != nil {
		t.Fatal(err)
	}
	return sync
}

// found reads the days of the given answers and gives the workouts by external id,
// once there are as many as wanted.
func (w *googleWorld) found(ctx context.Context, t *testing.T, user client.User, provider string, want int) map[string][]byte {
	t.Helper()
	if sync := w.read(ctx, t, user, provider); sync.Status != "success" {
		t.Fatalf("the sync ended %+v: %+v", sync, sync.Error)
	}
	for {
		if rows := byExternalID(t, w.rows(ctx, t, user)); len(rows) >= want {
			return rows
		}
		wait(t, ctx, "%d workouts", want)
	}
}

// has compares some members of a row with what they are to be, as JSON.
func has(t *testing.T, row []byte, want map[string]string) {
	t.Helper()
	var members map[string]json.RawMessage
	if err := json.Unmarshal(row, &members); err != nil {
		t.Fatalf("%v: %s", err, row)
	}
	for name, value := range want {
		if got := string(members[name]); got != value {
			t.Errorf("%s of %s is %s, want %s", name, members["external_id"], got, value)
		}
	}
}

// newGivenWorld has two people, whom nothing reads but what a test asks for.
func newGivenWorld(t *testing.T) *googleWorld {
	t.Helper()
	return newGoogleWorld(t, googlehealth.Options{}, func(c *config.Config) { c.Poll.Rescan = nil })
}

// TestAnAccountThatIsRefusedEverywhereNeedsANewConsent: Google answered 403 to every
// call of some accounts from one day to the next, while their refreshes worked.
func TestAnAccountThatIsRefusedEverywhereNeedsANewConsent(t *testing.T) {
	w := newGivenWorld(t)
	ctx := deadline(t)
	refusal, points := given(t, "permission_denied.json"), given(t, "points_one_without_offset.json")
	account := googlehealth.HealthUserID(w.people[0])
	w.arm(account, answers(points))
	user := w.join(ctx, t, "refused everywhere", account)
	before := w.found(ctx, t, user, google, 2)

	w.arm(account, func(c *googlehealth.Call) *googlehealth.Fault {
		if !strings.HasPrefix(c.URL.Path, "/v4/") {
			return nil
		}
		return &googlehealth.Fault{Before: true, Status: http.StatusForbidden, Body: refusal}
	})
	if sync := w.read(ctx, t, user, google); sync.Status == "success" {
		t.Errorf("a sync of a refused account ended %+v", sync)
	}
	c := w.awaitConnection(ctx, t, user, google, "action_required", "scope_missing")
	if !strings.Contains(c.NextAction, "take this app's access away") {
		t.Errorf("the next action is %q, and does not name taking the access away first", c.NextAction)
	}
	after := byExternalID(t, w.rows(ctx, t, user))
	for id, row := range before {
		if string(after[id]) != string(row) {
			t.Errorf("workout %s was\n%s\nand is\n%s", id, row, after[id])
		}
	}
	w.arm(account, answers(points))
	w.join(ctx, t, "refused everywhere", account)
	w.awaitConnection(ctx, t, user, google, "active", "")
	w.found(ctx, t, user, google, 2)
}

// TestRefusedSettingsCostAnOffsetAndNothingElse: a reader of others stopped there.
func TestRefusedSettingsCostAnOffsetAndNothingElse(t *testing.T) {
	w := newGivenWorld(t)
	ctx := deadline(t)
	refusal, list := given(t, "permission_denied.json"), answers(given(t, "points_one_without_offset.json"))
	account := googlehealth.HealthUserID(w.people[0])
	w.arm(account, func(c *googlehealth.Call) *googlehealth.Fault {
		if c.Endpoint == googlehealth.EndpointSettings {
			return &googlehealth.Fault{Before: true, Status: http.StatusForbidden, Body: refusal}
		}
		return list(c)
	})
	user := w.join(ctx, t, "without settings", account)
	rows := w.found(ctx, t, user, google, 2)
	has(t, rows["992001"], map[string]string{"zone_offset": `"+01:00"`, "local_date": `"2026-11-20"`, "calories_kcal": "300"})
	has(t, rows["992002"], map[string]string{"zone_offset": "null", "local_date": "null", "calories_kcal": "100"})
	w.awaitConnection(ctx, t, user, google, "active", "")
}

// TestLogsWithoutNames: no name, a type that nobody knows, an empty name.
func TestLogsWithoutNames(t *testing.T) {
	w := newGivenWorld(t)
	ctx := deadline(t)
	body := given(t, "logs_without_names.json")
	w.cloud.SetFault(func(c *fitbit.Call) *fitbit.Fault {
		if c.Endpoint != fitbit.EndpointActivities {
			return nil
		}
		return &fitbit.Fault{Before: true, Status: http.StatusOK, Body: body}
	})
	user := join(ctx, t, w.in.Client, w.people[0])
	rows := w.found(ctx, t, user, "fitbit", 3)
	if len(rows) != 3 {
		t.Errorf("%d workouts, want three", len(rows))
	}
	has(t, rows["993001"], map[string]string{"name": "null", "type": `"running"`})
	has(t, rows["993002"], map[string]string{"name": `"Padel met vrienden 🎾"`, "type": `"other"`, "category": `"other"`})
	has(t, rows["993003"], map[string]string{
		"name": "null", "type": `"running"`, "avg_heart_rate_bpm": "null", "steps": "null", "distance_meters": "null", "avg_speed_mps": "null",
	})
}

// TestAWorkoutIsReadWhileItGrows: it was listed before it was over, changed without
// another updateTime, and lost its energy for a while.
func TestAWorkoutIsReadWhileItGrows(t *testing.T) {
	w := newGivenWorld(t)
	ctx := deadline(t)
	account := googlehealth.HealthUserID(w.people[0])
	kcal := []string{"100", "612", "700", "null", "700", "0"}
	seconds := []string{"600", "3600", "3600", "3600", "3600", "3600"}
	var user client.User
	id := ""
	for i := range kcal {
		w.arm(account, answers(given(t, fmt.Sprintf("growing_%d.json", i+1))))
		if i == 0 {
			user = w.join(ctx, t, "growing", account)
		}
		w.found(ctx, t, user, google, 1)
		w.awaitFacts(ctx, t, user, "994001", i+1)
		history := w.history(ctx, t, user, i+1)
		rows := byExternalID(t, w.rows(ctx, t, user))
		if len(rows) != 1 {
			t.Fatalf("after answer %d there are %d workouts, want one", i+1, len(rows))
		}
		has(t, rows["994001"], map[string]string{"calories_kcal": kcal[i], "duration_seconds": seconds[i]})
		if now := workoutID(t, rows["994001"]); id != "" && now != id {
			t.Errorf("after answer %d the workout is %s, was %s", i+1, now, id)
		} else {
			id = now
		}
		for n, version := range history {
			has(t, version, map[string]string{"calories_kcal": kcal[n], "duration_seconds": seconds[n]})
		}
	}
}

// history waits until a user's only workout has so many versions, and gives them
// from the first.
func (w *googleWorld) history(ctx context.Context, t *testing.T, user client.User, want int) []json.RawMessage {
	t.Helper()
	for {
		var page struct {
			Data []struct{ Workout json.RawMessage }
		}
		for _, row := range w.rows(ctx, t, user) {
			if err := w.in.Client.Call(ctx, http.MethodGet, "/workouts/"+workoutID(t, row)+"/history", nil, &page); err != nil {
				t.Fatal(err)
			}
		}
		if len(page.Data) >= want {
			var all []json.RawMessage
			for _, version := range page.Data {
				all = append(all, version.Workout)
			}
			if len(all) != want {
				t.Fatalf("%d versions, want %d", len(all), want)
			}
			return all
		}
		wait(t, ctx, "%d versions: %d", want, len(page.Data))
	}
}
