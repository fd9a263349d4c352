package poller

import (
	"testing"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/platform/bus/bustest"
	"github.com/stridelog/stridelog/services/poller/internal/work"
)

// ofLater stores an event as a later program publishes it, of a type that this one does
// not know.
func (w *world) ofLater(p person, typ events.Type) uint64 {
	w.t.Helper()
	return bustest.Store(w.t, w.bus, events.Event{
		ID: events.NewID(), Source: "stridelog/later", Time: w.clock.now(), Provider: cloudName, UserID: p.user,
		Data: &events.Unknown{Type: typ, Payload: []byte(`{"external_id":"r1"}`)},
	})
}

// Everything in the poller that reads the log passes over events of a later program:
// the handlers, the index that catches up, a restart, verify, a reindex.
func TestEventsOfUnknownTypesArePassedOver(t *testing.T) {
	w := newWorld(t)
	w.cloud.fill(12, w.clock.now(), day)
	poller := w.start(w.config(), work.Hooks{})
	p := newPerson()
	w.ended(w.activate(p))
	w.settled()
	known := len(w.facts())
	w.ofLater(p, "stridelog.activity.paused.v1")
	w.ofLater(p, "stridelog.activity.removed.v2")
	w.ofLater(p, "stridelog.sync.requested.v2")
	consent := w.ofLater(p, "stridelog.connection.revoked.v2") // the last message of the log

	w.cloud.edit("r1", "B")
	if got := w.look(p, 30); got.Status != events.SyncSuccess || got.Counts.Changed != 1 || got.Counts.Removed != 0 {
		t.Errorf("the sync after them reports %+v", got)
	}
	if n := len(w.facts()); n != known+1 {
		t.Errorf("the log has %d records, want %d", n, known+1)
	}
	if found := w.verify(nil); len(found) != 0 {
		t.Errorf("verify finds %q", found)
	}
	w.eventually("the durable has acknowledged the last consent", func() bool {
		position, _, err := w.bus.Position(t.Context(), events.StreamFacts, "poller_connections")
		if err != nil {
			t.Fatal(err)
		}
		return position.Acknowledged >= consent
	})
	if err := poller.stop(); err != nil {
		t.Fatal(err)
	}
	if got := w.reindex(w.config()); got.Activities != 12 {
		t.Errorf("an index made again has %d activities, want 12", got.Activities)
	}
	// The position moves over what was passed over, and that is no restored log.
	w.start(w.config(), work.Hooks{})
	w.look(p, 30)
	if dead, err := w.bus.LastSequence(t.Context(), events.StreamDeadLetters, ">"); err != nil || dead != 0 {
		t.Errorf("there are dead letters up to %d, %v", dead, err)
	}
}

func TestAnImportPassesOverUnknownTypes(t *testing.T) {
	w := newWorld(t)
	c, _ := w.importing()
	p, entries := newPerson(), w.history(5, day)
	w.bringIn(c, p.user, entries[:3])
	w.ofLater(p, "stridelog.activity.fetched.v2")
	w.ofLater(p, "stridelog.activity.paused.v1")
	if got := w.bringIn(c, p.user, entries); got.Counts.Imported != 2 || got.Counts.AlreadyThere != 3 {
		t.Errorf("the import counts %+v, want 2 new ones of 5", got.Counts)
	}
	if live := w.live(p.user); len(live) != 5 {
		t.Errorf("the log has %d activities, want 5", len(live))
	}
}
