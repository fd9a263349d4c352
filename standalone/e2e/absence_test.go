package e2e

import (
	"context"
	"testing"
	"time"

	"github.com/stridelog/stridelog/provider/simulator/fitbit"
	"github.com/stridelog/stridelog/standalone/internal/client"
	"github.com/stridelog/stridelog/standalone/internal/config"
)

// TestAListThatIsSuddenlyEmptyRemovesNothing: an account whose list is empty for
// long keeps its workouts, says so once, and goes on as before when they are back.
func TestAListThatIsSuddenlyEmptyRemovesNothing(t *testing.T) {
	t.Parallel()
	w := newFaultWorld(t, 1, nil)
	ctx := deadline(t)
	person := w.people[0]
	user := w.settled(ctx, t, person)

	w.arm(person.AccountID(), whenListed(func() *fitbit.Fault { return &fitbit.Fault{Rewrite: fitbit.EmptyList} }))
	w.awaitSuspicion(ctx, t, user)
	// Many more empty lists, and the second look that would confirm a removal.
	w.awaitScans(ctx, t, person, 3)
	w.awaitTruth(ctx, t, w.in.Client, user, person)

	w.arm(person.AccountID(), nil)
	w.awaitScans(ctx, t, person, 2)
	w.awaitTruth(ctx, t, w.in.Client, user, person)
	w.expectUntouched(ctx, t, user)
	id, err := w.in.Client.Historical(ctx, user.ID, "fitbit", faultDays)
	if err != nil {
		t.Fatal(err)
	}
	if sync, err := w.in.Client.AwaitSync(ctx, user.ID, id); err != nil || sync.Status != "success" {
		t.Errorf("once the list was back a sync ended %+v: %v", sync, err)
	}
	w.awaitTruth(ctx, t, w.in.Client, user, person)
}

// TestAListThatStaysEmptyIsBelievedInTheEnd: the account that was really emptied
// loses its workouts, once its emptiness has lasted as long as it must.
func TestAListThatStaysEmptyIsBelievedInTheEnd(t *testing.T) {
	t.Parallel()
	w := newFaultWorld(t, 1, func(c *config.Config) { c.Poll.AbsenceConfirm = 4 * time.Second })
	ctx := deadline(t)
	person := w.people[0]
	user := w.settled(ctx, t, person)

	// What is near the edges of a window is not missed in it.
	gone, now, all := map[string]bool{}, time.Now(), w.cloud.Truth(person.AccountID())
	for _, truth := range all {
		if truth.Start.Before(now.Add(-13*day)) || truth.Start.After(now.Add(-15*time.Hour)) {
			continue
		}
		gone[truth.ExternalID] = true
		if err := w.cloud.Delete(person.AccountID(), truth.ExternalID); err != nil {
			t.Fatal(err)
		}
	}
	w.awaitSuspicion(ctx, t, user)
	for {
		rows, err := w.in.Client.Workouts(ctx, user.ID, everyRecord())
		if err != nil {
			t.Fatal(err)
		}
		facts := w.log.of(user.ID)
		a := inspect(facts, rows, user.ID, w.cloud.Truth(person.AccountID()), nil, gone, nil)
		if a.clean() && len(facts) == len(all)+len(gone) {
			break // each was fetched once, and those that are gone were removed once
		}
		wait(t, ctx, "%d facts of %d records, %d of them gone: %v", len(facts), len(all), len(gone), a)
	}
	w.expectUntouched(ctx, t, user)
}

// awaitSuspicion waits for a sync that ended because too much was missing.
func (w *faultWorld) awaitSuspicion(ctx context.Context, t *testing.T, user client.User) {
	t.Helper()
	for {
		syncs, err := w.in.Client.Syncs(ctx, user.ID)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range syncs {
			if s.Status == "partial" && s.Error != nil && s.Error.Code == "suspicious_absence" {
				return
			}
		}
		wait(t, ctx, "suspicious_absence in %+v", syncs)
	}
}
