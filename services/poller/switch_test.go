package poller

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/services/poller/internal/work"
)

// ask requests a sync of one connection, at a time.
func (w *world) askOf(p person, at time.Time) (syncID string) {
	w.t.Helper()
	id := events.NewID()
	w.publish(events.Event{UserID: p.user, Data: &events.SyncRequested{
		SyncID: id, ConnectionID: p.connection, UserID: p.user, Provider: cloudName, Trigger: events.TriggerManual, RequestedAt: at,
		Window: events.Window{From: w.clock.now().AddDate(0, 0, -30), To: w.clock.now()},
	}})
	return id
}

func (w *world) revoke(p person, at time.Time) {
	w.t.Helper()
	w.publish(events.Event{UserID: p.user, Data: &events.ConnectionRevoked{
		ConnectionID: p.connection, UserID: p.user, Provider: cloudName, By: events.RevokedByReplaced, RevokedAt: at,
	}})
}

// inLine waits until the poller has handled all events about connections.
func (w *world) inLine() {
	w.t.Helper()
	w.eventually("the poller has handled what was said of connections", func() bool {
		last, err := w.bus.LastSequence(w.t.Context(), events.StreamFacts, "stridelog.connection.>")
		if err != nil {
			w.t.Fatal(err)
		}
		at, _, err := w.bus.Position(w.t.Context(), events.StreamFacts, "poller_connections")
		if err != nil {
			w.t.Fatal(err)
		}
		return at.Acknowledged >= last
	})
}

// A sync is asked for right after a change of accounts. Requests and consents travel on
// streams of their own: here the request always comes first.
func TestASyncRightAfterAChangeOfAccountsReadsTheNewOne(t *testing.T) {
	w := newWorld(t)
	w.cloud.fill(3, w.clock.now(), day)
	w.start(w.config(), work.Hooks{})
	old := newPerson()
	w.ended(w.activate(old))
	w.settled()
	next := person{user: old.user, connection: uuid.NewString()}
	id := w.askOf(next, w.clock.now())
	w.eventually("the request came to the poller before the consent", func() bool {
		at, err := w.bus.JetStream().Consumer(t.Context(), events.StreamSyncs, "poller_syncs")
		if err != nil {
			t.Fatal(err)
		}
		last, err := w.bus.LastSequence(t.Context(), events.StreamSyncs, events.TypeSubjects(events.TypeSyncRequested))
		if err != nil {
			t.Fatal(err)
		}
		return at.CachedInfo().Delivered.Stream >= last
	})
	w.revoke(old, w.clock.now())
	w.activate(next)
	if got := w.ended(id); got.Status != events.SyncSuccess || got.ConnectionID != next.connection {
		t.Errorf("the sync ended as %+v, %+v", got, got.Error)
	}
}

// The same account, disconnected and consented to again, keeps its connection's id.
func TestASyncRightAfterANewConsentToTheSameAccountIsRead(t *testing.T) {
	w := newWorld(t)
	w.cloud.fill(3, w.clock.now(), day)
	w.start(w.config(), work.Hooks{})
	p := newPerson()
	w.ended(w.activate(p))
	w.settled()
	hold := make(chan struct{})
	w.cloud.change(func(c *cloud) { c.enter = func() { <-hold } })
	before := w.askOf(p, w.clock.now())
	end := w.clock.now().Add(time.Second)
	w.clock.advance(2 * time.Second)
	after := w.askOf(p, w.clock.now())
	w.eventually("both requests are queued", func() bool {
		var n int
		if err := w.db.QueryRow(t.Context(), `SELECT count(*) FROM poller.windows WHERE id = ANY($1)`, []string{before, after}).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n == 2
	})
	w.revoke(p, end)
	w.inLine()
	w.cloud.change(func(c *cloud) { c.enter = nil })
	close(hold)
	if got := w.ended(before); got.Status != events.SyncFailed || got.Error == nil || got.Error.Code != "connection_revoked" {
		t.Errorf("what was asked for before the end is %+v", got)
	}
	if got := w.reports(after); len(got) != 0 {
		t.Fatalf("what was asked for after the end is %+v", got[0])
	}
	w.activate(p)
	if got := w.ended(after); got.Status != events.SyncSuccess || got.ConnectionID != p.connection {
		t.Errorf("what was asked for after the end is %+v, %+v", got, got.Error)
	}
}
