package e2e

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"testing"

	"github.com/stridelog/stridelog/provider/simulator/googlehealth"
	"github.com/stridelog/stridelog/standalone/internal/client"
)

// TestAPersonWhoComesFromFitbitHasTwoLinkedConnections: whichever was connected first,
// both name each other, Fitbit's points to Google Health and says so in an event, and
// its history is served as before. A stranger's Fitbit account is not linked.
func TestAPersonWhoComesFromFitbitHasTwoLinkedConnections(t *testing.T) {
	w := newGoogleWorld(t, googlehealth.Options{}, nil)
	ctx := deadline(t)
	for _, c := range []struct {
		name        string
		fitbitFirst bool
		person, old int // at Google, at Fitbit
		linked      bool
	}{
		{"from Fitbit", true, 0, 0, true},
		{"back to Fitbit", false, 0, 0, true},
		{"two people", true, 0, 1, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			user, err := w.in.Client.EnsureUser(ctx, c.name)
			if err != nil {
				t.Fatal(err)
			}
			account := googlehealth.HealthUserID(w.people[c.person])
			old := func() {
				if err := consent(ctx, w.in.Client, user.ID, w.people[c.old].AccountID()); err != nil {
					t.Fatal(err)
				}
			}
			if c.fitbitFirst {
				old()
			}
			w.join(ctx, t, c.name, account)
			if !c.fitbitFirst {
				old()
			}
			before := w.awaitConnection(ctx, t, user, "fitbit", "active", "")
			after := w.awaitConnection(ctx, t, user, google, "active", "")
			want := statusChange{Status: "active", NextAction: "use google_health"}
			if !c.linked {
				if len(before.LinkedConnectionIDs)+len(after.LinkedConnectionIDs) > 0 || before.NextAction != "" || len(w.log.changesOf(user.ID)) > 0 {
					t.Errorf("connections of two people are %+v and %+v", before, after)
				}
				return
			}
			if !slices.Equal(before.LinkedConnectionIDs, []string{after.ID}) || !slices.Equal(after.LinkedConnectionIDs, []string{before.ID}) {
				t.Errorf("the connections are not linked: %+v and %+v", before, after)
			}
			if before.NextAction != want.NextAction || after.NextAction != "" {
				t.Errorf("the next actions are %q and %q", before.NextAction, after.NextAction)
			}
			if c.fitbitFirst {
				w.awaitChange(ctx, t, user, want)
			}
			w.awaitBoth(ctx, t, user, len(w.cloud.Truth(w.people[c.old].AccountID())), len(w.health.Records(account)))
			if err := w.in.Client.Call(ctx, http.MethodDelete, "/users/"+user.ID+"/connections/fitbit", nil, nil); err != nil {
				t.Fatal(err)
			}
			w.awaitBoth(ctx, t, user, len(w.cloud.Truth(w.people[c.old].AccountID())), len(w.health.Records(account)))
		})
	}
}

// awaitBoth waits until the workouts of both providers are served.
func (w *googleWorld) awaitBoth(ctx context.Context, t *testing.T, user client.User, fitbits, googles int) {
	t.Helper()
	for {
		n := map[string]int{}
		for _, name := range []string{"fitbit", google} {
			rows, err := w.in.Client.Workouts(ctx, user.ID, url.Values{"include": {"duplicates"}, "provider": {name}})
			if err != nil {
				t.Fatal(err)
			}
			n[name] = len(rows)
		}
		if n["fitbit"] == fitbits && n[google] == googles {
			return
		}
		wait(t, ctx, "%d and %d workouts: %v", fitbits, googles, n)
	}
}
