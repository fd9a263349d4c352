package poller

import (
	"errors"
	"testing"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/events/rpc"
	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/platform/bus/bustest"
	"github.com/stridelog/stridelog/services/poller/internal/work"
)

// rows counts what the poller's tables hold about a user.
func (w *world) rows(user string) (n int) {
	w.t.Helper()
	err := w.db.QueryRow(w.t.Context(), `SELECT (SELECT count(*) FROM poller.targets WHERE user_id = $1)
		+ (SELECT count(*) FROM poller.windows WHERE user_id = $1) + (SELECT count(*) FROM poller.scans WHERE user_id = $1)
		+ (SELECT count(*) FROM poller.coverage WHERE user_id = $1)
		+ (SELECT count(*) FROM poller.activity_index WHERE user_id = $1) + (SELECT count(*) FROM poller.connections WHERE user_id = $1)
		+ (SELECT count(*) FROM poller.outbox WHERE subject LIKE '%' || $1::text)`, user).Scan(&n)
	if err != nil {
		w.t.Fatal(err)
	}
	return n
}

func (w *world) messages(user string) (n int) {
	w.t.Helper()
	for _, stream := range []string{events.StreamFacts, events.StreamSyncs, events.StreamDeadLetters} {
		if _, err := w.bus.Read(w.t.Context(), stream, []string{events.UserSubjects(user)}, 1, func(bus.Delivery) error {
			n++
			return nil
		}); err != nil {
			w.t.Fatal(err)
		}
	}
	return n
}

func (w *world) erase(user string) rpc.EraseResponse {
	w.t.Helper()
	got, err := bus.Call[rpc.EraseRequest, rpc.EraseResponse](w.t.Context(), w.bus, rpc.PollerErase,
		rpc.EraseRequest{UserID: user, ErasureID: events.NewID()})
	if err != nil {
		w.t.Fatal(err)
	}
	return got
}

// storeRecords puts a record and a chunk of a person into the log, of kinds that are no
// activities.
func (w *world) storeRecords(user string) {
	w.t.Helper()
	r := events.RecordFetched{UserID: user, Provider: cloudName, Kind: "probe", ExternalID: "1", Format: "probe.v1", ContentHash: "sha256:00",
		Origin: events.OriginAPI, FetchedAt: w.clock.now(), Raw: []byte("{}")}
	hour := r
	hour.Kind, hour.ExternalID = "probe_samples", events.ChunkID("pulse", "", "", "2026-03-01T06", nil)
	for _, data := range []events.Data{&r, &events.ChunkFetched{RecordFetched: hour}} {
		bustest.Store(w.t, w.bus, events.Event{ID: events.NewID(), Source: "stridelog/poller", Time: r.FetchedAt, Provider: cloudName, UserID: user, Data: data})
	}
}

func TestAnErasedUserLeavesNothing(t *testing.T) {
	w := newWorld(t)
	w.cloud.fill(25, w.clock.now(), day)
	w.start(w.config(), work.Hooks{})
	gone, stays := newPerson(), newPerson()
	w.ended(w.activate(gone))
	w.ended(w.activate(stays))
	if w.rows(gone.user) == 0 || w.messages(gone.user) == 0 {
		t.Fatal("the control: there must be something to erase")
	}
	for _, p := range []person{gone, stays} {
		w.storeRecords(p.user)
	}
	before := w.messages(stays.user)
	got := w.erase(gone.user)
	if got.Counts["facts"] != 26+2 || got.Counts["syncs"] != 1 || got.Counts["poller_index"] != 25 || got.Counts["poller_targets"] != 1 {
		t.Errorf("counts are %v", got.Counts)
	}
	if n := w.rows(gone.user) + w.messages(gone.user); n != 0 {
		t.Errorf("%d rows and messages are left", n)
	}
	if n := w.messages(stays.user); n != before || w.rows(stays.user) == 0 {
		t.Errorf("the other user has %d messages of %d", n, before)
	}
	// Called again it finds nothing; what still arrives is dropped.
	if got := w.erase(gone.user); got.Counts["facts"] != 0 {
		t.Errorf("erased twice: %v", got.Counts)
	}
	w.activate(gone)
	w.ended(w.activate(newPerson())) // the control: it comes after and is handled
	w.settled()
	if n := w.rows(gone.user); n != 0 {
		t.Errorf("%d rows came back", n)
	}
}

// The gateway asks for the rows first, and then for turns in the log.
func TestRowsAreErasedBeforeTheLog(t *testing.T) {
	w := newWorld(t)
	w.cloud.fill(25, w.clock.now(), day)
	w.start(w.config(), work.Hooks{})
	p := newPerson()
	w.ended(w.activate(p))
	ask := func(r rpc.EraseRequest) (rpc.EraseResponse, error) {
		r.UserID, r.ErasureID = p.user, events.NewID()
		return bus.Call[rpc.EraseRequest, rpc.EraseResponse](t.Context(), w.bus, rpc.PollerErase, r)
	}
	before := w.messages(p.user)
	got, err := ask(rpc.EraseRequest{Part: rpc.EraseRows})
	if err != nil || got.Counts["poller_index"] != 25 || got.Counts["facts"] != 0 {
		t.Fatalf("the rows: %+v, %v", got, err)
	}
	if n := w.rows(p.user); n != 0 || w.messages(p.user) != before {
		t.Errorf("%d rows are left, and %d messages of %d", n, w.messages(p.user), before)
	}
	for got.Left = 1; got.Left > 0; {
		if got, err = ask(rpc.EraseRequest{Part: rpc.EraseLog, Progress: got.Progress}); err != nil {
			t.Fatal(err)
		}
	}
	if n := w.messages(p.user); n != 0 || got.Erased["facts"] != 26 || got.Erased["syncs"] != 1 {
		t.Errorf("%d messages are left; erased are %v", n, got.Erased)
	}
	var refused *rpc.Error
	if _, err := ask(rpc.EraseRequest{Part: "half"}); !errors.As(err, &refused) || refused.Code != rpc.CodeInvalidArgument {
		t.Errorf("a part of a later version: %v", err)
	}
}

func TestAnErasureWaitsForTheWorker(t *testing.T) {
	w := newWorld(t)
	w.cloud.fill(25, w.clock.now(), day)
	w.start(w.config(), work.Hooks{})
	g := w.gate()
	p := newPerson()
	w.activate(p)
	w.wait("the worker asks the provider", g.reached)
	erased := make(chan error, 1)
	go func() {
		_, err := bus.Call[rpc.EraseRequest, rpc.EraseResponse](t.Context(), w.bus, rpc.PollerErase,
			rpc.EraseRequest{UserID: p.user, ErasureID: events.NewID()})
		erased <- err
	}()
	w.eventually("the user is marked", func() bool {
		var n int
		return w.db.QueryRow(t.Context(), "SELECT count(*) FROM poller.erased_users").Scan(&n) == nil && n == 1
	})
	g.let()
	if err := <-erased; err != nil {
		t.Fatal(err)
	}
	w.ended(w.activate(newPerson())) // the control: the poller goes on
	if n := w.rows(p.user) + w.messages(p.user); n != 0 {
		t.Errorf("%d rows and messages are left", n)
	}
}
