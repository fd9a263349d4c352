package e2e

import (
	"context"
	"errors"
	"net/http"
	"testing"

	"github.com/stridelog/stridelog/provider/simulator/googlehealth"
	"github.com/stridelog/stridelog/standalone/internal/client"
	"github.com/stridelog/stridelog/standalone/internal/config"
)

// TestRoutesAreServedWhereTheScopeIsGranted: the bytes are the cloud's, each is asked
// for once, a removal ends it, and without the scope nothing is asked.
func TestRoutesAreServedWhereTheScopeIsGranted(t *testing.T) {
	w := newGoogleWorld(t, googlehealth.Options{}, func(c *config.Config) { c.Poll.Rescan = nil })
	ctx := deadline(t)
	private := googlehealth.HealthUserID(w.people[1])
	stranger, back := w.visit(ctx, t, "private", googlehealth.Decision{AccountID: private, Scopes: []string{scopeActivity, scopeSettings}})
	if back.Query().Get("status") != "active" {
		t.Fatalf("without the scope for location the person came back to %s", back)
	}
	w.awaitRecords(ctx, t, stranger, private, nil, nil)
	account := googlehealth.HealthUserID(w.people[0])
	user := w.settled(ctx, t, "somebody", account)
	rows := byExternalID(t, w.rows(ctx, t, user))
	var routed []string
	for _, r := range w.health.Records(account) {
		if !r.Detail.HasGPS {
			continue
		}
		routed = append(routed, r.ExternalID)
		w.awaitRoute(ctx, t, workoutID(t, rows[r.ExternalID]), w.health.RawTrack(account, r.ExternalID))
	}
	if len(routed) < 2 {
		t.Fatalf("only %d records have a route", len(routed))
	}
	if n := w.health.Requests()[googlehealth.EndpointTrack]; n != len(routed) {
		t.Errorf("%d requests for %d routes: the one without the scope may not be asked for", n, len(routed))
	}
	for id, row := range byExternalID(t, w.rows(ctx, t, stranger)) {
		if reason := w.noRoute(ctx, t, workoutID(t, row), http.StatusNotFound); reason != "scope_missing" {
			t.Errorf("the route of %s is missing because of %s", id, reason)
		}
	}
	if err := w.health.Delete(account, routed[0]); err != nil {
		t.Fatal(err)
	}
	if _, err := w.in.Client.Historical(ctx, user.ID, google, googleDays+2); err != nil {
		t.Fatal(err)
	}
	w.awaitRecords(ctx, t, user, account, nil, map[string]bool{routed[0]: true})
	w.noRoute(ctx, t, workoutID(t, rows[routed[0]]), http.StatusGone)
}

// awaitRoute waits until a workout's route is served as the cloud sent it.
func (w *googleWorld) awaitRoute(ctx context.Context, t *testing.T, workout string, want []byte) {
	t.Helper()
	for {
		var sent []byte
		err := w.in.Client.Call(ctx, http.MethodGet, "/workouts/"+workout+"/tcx", nil, &sent)
		var problem *client.Problem
		switch {
		case err == nil && string(sent) != string(want):
			t.Fatalf("the route is %d bytes, the cloud sent %d", len(sent), len(want))
		case err == nil:
			return
		case !errors.As(err, &problem) || problem.Status != http.StatusNotFound:
			t.Fatal(err)
		}
		wait(t, ctx, "a route: %v", err)
	}
}

// noRoute is why a workout has no route.
func (w *googleWorld) noRoute(ctx context.Context, t *testing.T, workout string, status int) (reason string) {
	t.Helper()
	err := w.in.Client.Call(ctx, http.MethodGet, "/workouts/"+workout+"/tcx", nil, new([]byte))
	expectProblem(t, err, status)
	var problem *client.Problem
	if errors.As(err, &problem) {
		reason = problem.Reason
	}
	return reason
}
