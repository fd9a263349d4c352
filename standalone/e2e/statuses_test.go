package e2e

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stridelog/stridelog/provider/simulator"
	"github.com/stridelog/stridelog/provider/simulator/fitbit"
	"github.com/stridelog/stridelog/standalone/internal/client"
	"github.com/stridelog/stridelog/standalone/internal/config"
)

// TestAnAPIThatIsGoneForGoodIsRetired: an API that answers 410 for good retires
// the connection; one that answers 410 twice, with a good answer between, does not.
func TestAnAPIThatIsGoneForGoodIsRetired(t *testing.T) {
	const confirm = 4 * time.Second
	w := newFaultWorld(t, 2, func(c *config.Config) { c.RetireConfirm = confirm })
	ctx := deadline(t)
	left, stays := w.settled(ctx, t, w.people[0]), w.settled(ctx, t, w.people[1])

	// The second 410 comes when the first would have been confirmed, had nothing
	// answered well meanwhile.
	var first, second atomic.Pointer[time.Time]
	w.arm(w.people[1].AccountID(), whenListed(func() *fitbit.Fault {
		now := time.Now()
		switch {
		case first.CompareAndSwap(nil, &now):
			return fitbit.Gone()
		case now.Sub(*first.Load()) > confirm && second.CompareAndSwap(nil, &now):
			return fitbit.Gone()
		default:
			return nil
		}
	}))
	w.arm(w.people[0].AccountID(), whenListed(fitbit.Gone))

	retired := w.awaitStatus(ctx, t, left, "provider_retired")
	if retired.Reason != "api_gone" || retired.NextAction != "connect google_health" {
		t.Errorf("the connection is shown as %+v", retired)
	}
	w.awaitChanges(ctx, t, left, statusChange{Status: "provider_retired", Reason: "api_gone", NextAction: "connect google_health"})
	_, err := w.in.Client.Historical(ctx, left.ID, "fitbit", 3)
	expectSuspended(t, err, "provider_retired", "connect google_health")
	err = w.in.Client.Call(ctx, http.MethodPost, "/providers/fitbit/users/"+left.ID+"/sync", nil, nil)
	expectSuspended(t, err, "provider_retired", "connect google_health")

	for second.Load() == nil {
		wait(t, ctx, "the second 410")
	}
	asked := w.scansOf(w.people[0].AccountID())
	w.awaitScans(ctx, t, w.people[1], 3)
	if n := w.scansOf(w.people[0].AccountID()); n != asked {
		t.Errorf("a retired connection was polled %d times", n-asked)
	}
	w.expectUntouched(ctx, t, stays)
	// What was read stays, and is what the cloud had.
	w.awaitTruth(ctx, t, w.in.Client, left, w.people[0])
	w.awaitTruth(ctx, t, w.in.Client, stays, w.people[1])
}

// TestTroubleThatLastsDegradesUntilItIsOver: a provider that does not answer well
// for long makes a connection degraded, and its first good answer ends that. One
// that fails for a moment changes nothing.
func TestTroubleThatLastsDegradesUntilItIsOver(t *testing.T) {
	w := newFaultWorld(t, 2, func(c *config.Config) { c.DegradeAfter = 3 * time.Second })
	ctx := deadline(t)
	long, short := w.settled(ctx, t, w.people[0]), w.settled(ctx, t, w.people[1])
	var once atomic.Bool
	w.arm(w.people[1].AccountID(), whenListed(func() *fitbit.Fault {
		if once.CompareAndSwap(false, true) {
			return fitbit.ServerError(http.StatusServiceUnavailable)
		}
		return nil
	}))
	began := time.Now()
	w.arm(w.people[0].AccountID(), whenListed(func() *fitbit.Fault { return fitbit.ServerError(http.StatusServiceUnavailable) }))

	degraded := w.awaitStatus(ctx, t, long, "degraded")
	if took := time.Since(began); took < time.Second {
		t.Errorf("degraded after %v of trouble", took)
	}
	if degraded.Reason != "unavailable" || degraded.NextAction == "" {
		t.Errorf("the connection is shown as %+v", degraded)
	}
	event := statusChange{Status: "degraded", Reason: "unavailable", NextAction: degraded.NextAction}
	w.awaitChanges(ctx, t, long, event)

	// Who asks is heard: the sync waits, and succeeds with the answer.
	id, err := w.in.Client.Historical(ctx, long.ID, "fitbit", faultDays)
	if err != nil {
		t.Fatalf("a sync of a degraded connection: %v", err)
	}
	w.arm(w.people[0].AccountID(), nil)
	if sync, err := w.in.Client.AwaitSync(ctx, long.ID, id); err != nil || sync.Status != "success" {
		t.Errorf("after the trouble a sync ended %+v: %v", sync, err)
	}
	w.awaitStatus(ctx, t, long, "active")
	w.awaitChanges(ctx, t, long, event, statusChange{Status: "active"})

	w.awaitScans(ctx, t, w.people[1], 3)
	if !once.Load() {
		t.Error("the short trouble never struck")
	}
	w.expectUntouched(ctx, t, short)
	w.awaitTruth(ctx, t, w.in.Client, long, w.people[0])
	w.awaitTruth(ctx, t, w.in.Client, short, w.people[1])
}

// whenListed is a script that strikes the list alone.
func whenListed(fault func() *fitbit.Fault) func(*fitbit.Call) *fitbit.Fault {
	return func(call *fitbit.Call) *fitbit.Fault {
		if call.Endpoint != fitbit.EndpointActivities {
			return nil
		}
		return fault()
	}
}

// settled is a connected user whose tables equal the truth.
func (w *faultWorld) settled(ctx context.Context, t *testing.T, person *simulator.Person) client.User {
	t.Helper()
	user := join(ctx, t, w.in.Client, person)
	w.awaitTruth(ctx, t, w.in.Client, user, person)
	return user
}

func (w *faultWorld) awaitStatus(ctx context.Context, t *testing.T, user client.User, status string) client.Connection {
	t.Helper()
	for {
		list, err := w.in.Client.Connections(ctx, user.ID)
		if err != nil {
			t.Fatal(err)
		}
		if len(list) == 1 && list[0].Status == status {
			return list[0]
		}
		wait(t, ctx, "a connection that is %s: %+v", status, list)
	}
}

// awaitChanges waits until the log has as many changes of status, and compares.
func (w *faultWorld) awaitChanges(ctx context.Context, t *testing.T, user client.User, want ...statusChange) {
	t.Helper()
	for {
		got := w.log.changesOf(user.ID)
		if len(got) < len(want) {
			wait(t, ctx, "%d events of %d", len(got), len(want))
			continue
		}
		if !slices.Equal(got, want) {
			t.Errorf("the log has the changes %+v, want %+v", got, want)
		}
		return
	}
}

// awaitScans waits until a person's list was read so often from its start.
func (w *faultWorld) awaitScans(ctx context.Context, t *testing.T, person *simulator.Person, scans int) {
	t.Helper()
	for from := w.scansOf(person.AccountID()); w.scansOf(person.AccountID()) < from+scans; {
		wait(t, ctx, "scans of %s", person.Name())
	}
}

// expectUntouched wants a connection that is active and was nothing else.
func (w *faultWorld) expectUntouched(ctx context.Context, t *testing.T, user client.User) {
	t.Helper()
	list, err := w.in.Client.Connections(ctx, user.ID)
	if err != nil || len(list) != 1 || list[0].Status != "active" {
		t.Errorf("the healthy connection is shown as %+v: %v", list, err)
	}
	if changes := w.log.changesOf(user.ID); len(changes) != 0 {
		t.Errorf("the healthy connection changed: %+v", changes)
	}
}

func expectSuspended(t *testing.T, err error, code, nextAction string) {
	t.Helper()
	var problem *client.Problem
	if !errors.As(err, &problem) || problem.Status != http.StatusConflict || problem.Code != code || problem.NextAction != nextAction {
		t.Errorf("got %v, want 409 %s with the next action %q", err, code, nextAction)
	}
}
