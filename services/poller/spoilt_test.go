package poller

import (
	"strings"
	"testing"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/platform/bus/bustest"
	"github.com/stridelog/stridelog/services/poller/internal/work"
)

// spoilt stores a record's fact with one text in another's place, under a type.
func (w *world) spoilt(p person, typ events.Type, was, now string) {
	w.t.Helper()
	m, err := events.Event{
		ID: events.NewID(), Source: "stridelog/test", About: "spoilt", Time: w.clock.now(), Provider: cloudName, UserID: p.user,
		Data: &events.ActivityFetched{
			UserID: p.user, Provider: cloudName, ConnectionID: p.connection, SyncID: p.user, ExternalID: "spoilt", Format: "cloud.v1",
			ContentHash: "sha256:00", HashVersion: 1, Origin: events.OriginAPI, FetchedAt: w.clock.now(), Raw: []byte(`{}`),
		},
	}.Encode()
	if err != nil {
		w.t.Fatal(err)
	}
	data := strings.Replace(string(m.Data), was, now, 1)
	if data == string(m.Data) && was != now {
		w.t.Fatalf("the fact holds no %s", was)
	}
	if m.Subject, err = events.Subject(typ, cloudName, p.user); err != nil {
		w.t.Fatal(err)
	}
	m.Header[events.HeaderType], m.Data = []string{string(typ)}, []byte(data)
	bustest.StoreMessage(w.t, w.bus, m)
}

// Facts that no table holds, and a record under the name of a revocation, stop
// nothing: neither the index that catches up, nor verify, nor the connection.
func TestFactsThatAreNotWhatTheySayStopNothing(t *testing.T) {
	w, p := verified(t)
	w.spoilt(p, events.TypeActivityFetched, `"external_id":"spoilt"`, `"external_id":"nul\u0000"`)
	w.spoilt(p, events.TypeActivityFetched, `"sync_id":"`+p.user, `"sync_id":"no-sync`)
	w.spoilt(p, events.TypeActivityFetched, `"connection_id":"`+p.connection, `"connection_id":"no-connection`)
	w.spoilt(p, events.TypeConnectionRevoked, "", "")
	w.eventually("the false revocation is a dead letter", func() bool {
		last, err := w.bus.LastSequence(t.Context(), events.StreamDeadLetters, ">")
		if err != nil {
			t.Fatal(err)
		}
		return last == 1
	})
	w.cloud.edit("r2", "B")
	if got := w.look(p, 30); got.Status != events.SyncSuccess || got.Counts.Changed != 1 {
		t.Errorf("the sync after them reports %+v", got)
	}
	if found := w.verify(nil); len(found) != 0 {
		t.Errorf("verify finds %q", found)
	}
	w.reindex(w.config())
	// What was given up is no sign of a restored log.
	again := w.start(w.config(), work.Hooks{})
	if got := w.look(p, 30); got.Status != events.SyncSuccess || got.Counts.Changed+got.Counts.New+got.Counts.Removed != 0 {
		t.Errorf("after a restart the sync reports %+v", got)
	}
	if err := again.stop(); err != nil {
		t.Errorf("the poller ended with %v", err)
	}
}
