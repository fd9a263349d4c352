package poller

import (
	"testing"
	"time"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/services/poller/internal/work"
)

// exactly fails unless the log holds every record of the cloud once.
func (w *world) exactly(n int) {
	w.t.Helper()
	seen := map[string]int{}
	for _, f := range w.facts() {
		seen[f.UserID+"/"+f.ExternalID+"/"+f.ContentHash]++
	}
	for key, times := range seen {
		if times != 1 {
			w.t.Errorf("%s was published %d times", key, times)
		}
	}
	if len(seen) != n {
		w.t.Errorf("the log holds %d versions, not %d", len(seen), n)
	}
}

func TestAConsentIsReadAtOnceAndOnce(t *testing.T) {
	w := newWorld(t)
	w.cloud.fill(25, w.clock.now(), day)
	w.cloud.change(func(c *cloud) { c.repeat = true })
	w.start(w.config(), work.Hooks{})
	p := newPerson()
	id := w.activate(p)
	got := w.ended(id)
	if got.Status != events.SyncSuccess || got.Trigger != events.TriggerConnect || got.Report != 1 || got.ConnectionID != p.connection {
		t.Errorf("the report is %+v", got)
	}
	if got.Counts != (events.SyncCounts{Pages: 3, Seen: 25, New: 25}) {
		t.Errorf("counts are %+v", got.Counts)
	}
	if got.Covered == nil || *got.Covered != got.Window || got.Window.To.Sub(got.Window.From) != 30*day {
		t.Errorf("window %v, covered %v", got.Window, got.Covered)
	}
	w.exactly(25)
	for _, f := range w.facts() {
		if f.SyncID != id || f.ConnectionID != p.connection || f.Origin != events.OriginAPI || f.ReplacesSequence != 0 || len(f.Raw) == 0 {
			t.Fatalf("a fact is %+v", f)
		}
	}
	var synced, next *time.Time
	if err := w.db.QueryRow(t.Context(), "SELECT last_synced_at, next_sync_at FROM poller.view_targets_v1 WHERE user_id = $1", p.user).Scan(&synced, &next); err != nil {
		t.Fatal(err)
	}
	if synced == nil || !synced.Equal(w.clock.now()) || next == nil || !next.After(w.clock.now()) {
		t.Errorf("last synced %v, next %v", synced, next)
	}
	var open int
	if err := w.db.QueryRow(t.Context(), "SELECT count(*) FROM poller.view_syncs_v1").Scan(&open); err != nil || open != 0 {
		t.Errorf("%d syncs are open: %v", open, err)
	}
}

func TestADeliveryThatRepeatsChangesNothing(t *testing.T) {
	w := newWorld(t)
	w.cloud.fill(12, w.clock.now(), day)
	first := w.start(w.config(), work.Hooks{})
	p := newPerson()
	initial := w.activate(p)
	w.ended(initial)
	manual := w.request(p, events.TriggerManual, w.clock.now().Add(-5*day), w.clock.now())
	w.ended(manual)
	if err := first.stop(); err != nil {
		t.Fatal(err)
	}
	// Without its durables the next poller is given everything again.
	for stream, durable := range map[string]string{events.StreamFacts: "poller_connections", events.StreamSyncs: "poller_syncs"} {
		if err := w.bus.JetStream().DeleteConsumer(t.Context(), stream, durable); err != nil {
			t.Fatal(err)
		}
	}
	calls := len(w.cloud.requests())
	w.start(w.config(), work.Hooks{})
	// The control: a later request is handled, so the earlier ones were too.
	control := w.request(p, events.TriggerManual, w.clock.now().Add(-day/2), w.clock.now())
	w.ended(control)
	second := newPerson()
	w.ended(w.activate(second))
	if n := len(w.reports(initial)) + len(w.reports(manual)); n != 2 {
		t.Errorf("the two first syncs have %d reports", n)
	}
	if n := len(w.cloud.requests()) - calls; n != 3 { // one for the control, two pages for the second person
		t.Errorf("the provider was asked %d times more", n)
	}
}

func TestARequestedWindowIsReadAsAsked(t *testing.T) {
	w := newWorld(t)
	w.cloud.fill(100, w.clock.now(), day)
	w.start(w.config(), work.Hooks{})
	p := newPerson()
	w.ended(w.activate(p))
	now := w.clock.now()
	id := w.request(p, events.TriggerBackfill, now.Add(-90*day), now)
	got := w.ended(id)
	if got.Status != events.SyncSuccess || got.Counts != (events.SyncCounts{Pages: 9, Seen: 90, New: 60, Unchanged: 30}) {
		t.Errorf("the report is %+v", got)
	}
	if !got.Window.From.Equal(now.Add(-90*day)) || got.Covered == nil || *got.Covered != got.Window {
		t.Errorf("window %v, covered %v", got.Window, got.Covered)
	}
	w.exactly(90)
}

func TestARequestThatCannotBeReadIsAnswered(t *testing.T) {
	w := newWorld(t)
	c := w.config()
	w.start(c, work.Hooks{})
	now := w.clock.now()
	ended, unknown := newPerson(), newPerson()
	w.ended(w.activate(ended))
	w.publish(events.Event{UserID: ended.user, Data: &events.ConnectionRevoked{
		ConnectionID: ended.connection, UserID: ended.user, Provider: cloudName, By: events.RevokedByUser, RevokedAt: now,
	}})
	w.eventually("the target ends", func() bool {
		var status string
		return w.db.QueryRow(t.Context(), "SELECT status FROM poller.targets WHERE user_id = $1", ended.user).Scan(&status) == nil && status == "ended"
	})
	w.clock.advance(time.Minute)
	ask := func(p person, from, to time.Time) string {
		id := events.NewID()
		w.publish(events.Event{UserID: p.user, Data: &events.SyncRequested{
			SyncID: id, UserID: p.user, Provider: cloudName, Trigger: events.TriggerManual,
			Window: events.Window{From: from, To: to}, RequestedAt: now,
		}})
		return id
	}
	for code, id := range map[string]string{
		"connection_revoked":   ask(ended, now.Add(-day), now),
		"connection_not_found": ask(unknown, now.Add(-day), now),
		"invalid_window":       ask(ended, now, now),
	} {
		got := w.ended(id)
		if got.Status != events.SyncFailed || got.Error == nil || got.Error.Code != code || got.Error.Detail == "" {
			t.Errorf("want %s, got %+v", code, got)
		}
	}
}

func TestARescanPublishesOnlyWhatChanged(t *testing.T) {
	w := newWorld(t)
	w.cloud.fill(5, w.clock.now(), day/4)
	w.start(w.config(), work.Hooks{})
	p := newPerson()
	w.ended(w.activate(p))
	scan := func() {
		t.Helper()
		before := len(w.cloud.requests())
		w.advance(20 * time.Minute)
		w.eventually("a scan reads the provider", func() bool { return len(w.cloud.requests()) > before })
		w.settled()
	}
	scan()
	w.exactly(5)
	if n := len(w.reports("")); n != 1 {
		t.Errorf("a quiet scan makes %d reports", n-1)
	}
	w.cloud.edit("r1", "B")
	scan()
	w.exactly(6)
	w.eventually("a scan that found a change reports it", func() bool { return len(w.reports("")) == 2 })
	w.cloud.edit("r1", "A")
	scan()
	ids, replaces := map[string]bool{}, uint64(0)
	for _, f := range w.facts() {
		if f.ExternalID != "r1" {
			continue
		}
		if (f.ReplacesSequence == 0) != (len(ids) == 0) || f.ReplacesSequence < replaces {
			t.Errorf("version %d replaces %d", len(ids)+1, f.ReplacesSequence)
		}
		replaces = f.ReplacesSequence
		ids[events.ActivityFactID(events.TypeActivityFetched, f.UserID, cloudName, f.ExternalID, f.ReplacesSequence, f.ContentHash)] = true
	}
	if len(ids) != 3 {
		t.Errorf("A, B, A made %d facts", len(ids))
	}
}

func TestAWiderScanTakesTheNarrowersPlace(t *testing.T) {
	w := newWorld(t)
	w.start(w.config(), work.Hooks{})
	p := newPerson()
	w.ended(w.activate(p))
	before := len(w.cloud.requests())
	w.advance(7 * time.Hour) // both tiers are due
	w.eventually("a scan", func() bool { return len(w.cloud.requests()) > before })
	w.settled()
	requests := w.cloud.requests()[before:]
	if len(requests) != 1 || requests[0].Window.To.Sub(requests[0].Window.From) != 7*day {
		t.Errorf("the provider was asked for %+v", requests)
	}
}

func TestABadRecordIsKeptAndReported(t *testing.T) {
	w := newWorld(t)
	w.cloud.fill(3, w.clock.now(), day)
	w.cloud.change(func(c *cloud) { c.records[1].problem = "start time is not a time" })
	w.start(w.config(), work.Hooks{})
	got := w.ended(w.activate(newPerson()))
	if got.Status != events.SyncPartial || got.Counts.Rejected != 1 || got.Counts.New != 3 || got.Error == nil {
		t.Errorf("the report is %+v", got)
	}
	w.exactly(3)
	var synced *time.Time
	if err := w.db.QueryRow(t.Context(), "SELECT last_synced_at FROM poller.view_targets_v1").Scan(&synced); err != nil || synced != nil {
		t.Errorf("last_synced_at moved to %v without a complete success: %v", synced, err)
	}
}
