package projector_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/events/rpc"
	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/platform/bus/bustest"
	"github.com/stridelog/stridelog/platform/waittest"
	"github.com/stridelog/stridelog/services/projector/internal/projectortest"
)

const probeFormat = "probe.v1"

// probes are kinds that no program folds.
func probes(t *testing.T) (item, chunk events.Kind) {
	t.Helper()
	table := events.Kinds().With(
		events.Kind{Name: "probe", Shape: events.ShapeItem}, events.Kind{Name: "probe_samples", Shape: events.ShapeChunk})
	item, one := table.Find("probe")
	chunk, other := table.Find("probe_samples")
	if !one || !other {
		t.Fatal("the table has no probes")
	}
	return item, chunk
}

// about are three facts of these kinds about a person: a record, its removal, and a
// chunk that is long enough to be compressed.
func about(t *testing.T, user string) []events.Event {
	t.Helper()
	item, chunk := probes(t)
	r := events.RecordFetched{UserID: user, Provider: projectortest.Provider, Kind: item.Name, ExternalID: "1", Format: probeFormat,
		ContentHash: "sha256:00", HashVersion: 1, Origin: events.OriginAPI, FetchedAt: projectortest.Start(), Raw: []byte(`{"a":1.0}`)}
	fetched, err := item.Fetched(r)
	if err != nil {
		t.Fatal(err)
	}
	gone := events.RecordRemoved{UserID: user, Provider: projectortest.Provider, Kind: item.Name, ExternalID: "1", ReplacesSequence: 1,
		Origin: events.OriginAPI, Proof: events.RemovedNotFound, RemovedAt: projectortest.Start()}
	removed, err := item.Removed(gone)
	if err != nil {
		t.Fatal(err)
	}
	hour := r
	hour.Kind, hour.ExternalID = chunk.Name, events.ChunkID("pulse", "", "", "2026-03-01T06", nil)
	hour.Raw = []byte(strings.Repeat(`{"bpm":58},`, 1000))
	samples, err := chunk.Fetched(hour)
	if err != nil {
		t.Fatal(err)
	}
	var list []events.Event
	for id, data := range map[string]events.Data{item.FetchedID(r): fetched, item.RemovedID(gone): removed, chunk.FetchedID(hour): samples} {
		list = append(list, events.Event{ID: id, Source: "stridelog/poller", Time: projectortest.Start(), Provider: projectortest.Provider, UserID: user, Data: data})
	}
	slices.SortFunc(list, func(a, b events.Event) int { return strings.Compare(string(b.Type()), string(a.Type())) })
	return list
}

func (s *system) store(t *testing.T, list []events.Event) {
	t.Helper()
	for _, e := range list {
		bustest.Store(t, s.bus, e)
	}
}

// What is known to be a record, of a kind that this program does not fold, is kept with
// its kind: no dead letter, nothing shown, the same after a rebuild, gone with its owner.
func TestRecordsOfAKindThatIsNotFoldedAreKept(t *testing.T) {
	s := newSystem(t)
	s.run(t)
	s.store(t, about(t, anna))
	projectortest.Publish(t, s.bus, projectortest.Fact{User: anna, External: "1"})
	s.store(t, about(t, ben))
	s.drained(t)
	want := []string{
		"1 stridelog.record.removed.v1 probe/", "2 stridelog.record.fetched.v1 probe/" + probeFormat, "3 stridelog.chunk.fetched.v1 probe_samples/" + probeFormat,
		"5 stridelog.record.removed.v1 probe/", "6 stridelog.record.fetched.v1 probe/" + probeFormat, "7 stridelog.chunk.fetched.v1 probe_samples/" + probeFormat,
	}
	if kept := s.kept(t); !slices.Equal(kept, want) || !s.shows(t, 0, 1) {
		t.Fatalf("%q are kept, want %q", kept, want)
	}
	if found := s.verify(t); len(found) != 0 {
		t.Errorf("%q differ", found)
	}
	rebuild(t, s.service)
	if kept := s.kept(t); !slices.Equal(kept, want) {
		t.Errorf("rebuilt, %q are kept", kept)
	}
	if found := s.verify(t); len(found) != 0 {
		t.Errorf("rebuilt, %q differ", found)
	}
	s.deadLetters(t, 0)
	if _, err := bus.Call[rpc.EraseRequest, rpc.EraseResponse](t.Context(), s.bus, rpc.ProjectorErase, rpc.EraseRequest{UserID: anna, ErasureID: "e"}); err != nil {
		t.Fatal(err)
	}
	s.store(t, about(t, anna)[:1]) // a late one
	s.drained(t)
	if kept := s.kept(t); !slices.Equal(kept, want[3:]) {
		t.Errorf("after the erasure %q are kept", kept)
	}
	if _, err := s.bus.EraseSubjects(t.Context(), events.StreamFacts, events.UserSubjects(anna)); err != nil {
		t.Fatal(err)
	}
	left := projectortest.Deliveries(t, s.bus, events.StreamFacts, 1)
	if len(left) != len(about(t, ben)) || slices.ContainsFunc(left, func(d bus.Delivery) bool { return d.Event.UserID != ben }) {
		t.Errorf("%d facts are left in the log, some perhaps of who was erased", len(left))
	}
	if found := s.verify(t); len(found) != 0 {
		t.Errorf("after the erasure %q differ", found)
	}
}

// A program from before records keeps their facts without a kind, and never as dead
// letters; the first one that knows the types says of what kind they are.
func TestWhatAnOlderProgramKeptOfRecordsGetsItsKind(t *testing.T) {
	s := newSystem(t)
	older := &system{db: s.db, bus: s.bus, service: s.another(t, projectortest.Normalizers())}
	older.service.SetOlder(events.TypeRecordFetched, events.TypeRecordRemoved, events.TypeChunkFetched, events.TypeChunkRemoved)
	stop := older.run(t)
	s.store(t, about(t, anna))
	older.drained(t)
	if kept, want := s.kept(t), []string{"1 stridelog.record.removed.v1 ", "2 stridelog.record.fetched.v1 ", "3 stridelog.chunk.fetched.v1 "}; !slices.Equal(kept, want) {
		t.Fatalf("the older program keeps %q, want %q", kept, want)
	}
	if found := older.verify(t); len(found) != 0 {
		t.Errorf("the older program finds %q", found)
	}
	stop()
	s.run(t)
	want := []string{"1 stridelog.record.removed.v1 probe/", "2 stridelog.record.fetched.v1 probe/" + probeFormat, "3 stridelog.chunk.fetched.v1 probe_samples/" + probeFormat}
	waittest.Until(t, "the kept facts have a kind", func() bool { return slices.Equal(s.kept(t), want) })
	s.exec(t, "UPDATE projector_g1.unknown_facts SET format = ''") // as a program leaves them that still runs beside
	if found := s.verify(t); len(found) != 0 {
		t.Errorf("%q differ", found)
	}
	s.deadLetters(t, 0)
}

// A record that a database refused is kept once it is requeued.
func TestARequeuedRecordIsKept(t *testing.T) {
	s := newSystem(t)
	s.run(t)
	s.exec(t, "ALTER TABLE projector_g1.unknown_facts ADD CONSTRAINT trouble CHECK (sequence <> 2)")
	s.store(t, about(t, anna))
	s.drained(t)
	dead := s.deadLetters(t, 1)
	s.exec(t, "ALTER TABLE projector_g1.unknown_facts DROP CONSTRAINT trouble")
	if _, err := s.bus.Requeue(t.Context(), dead[0].Sequence); err != nil {
		t.Fatal(err)
	}
	s.deadLetters(t, 0)
	if kept := s.kept(t); len(kept) != 3 {
		t.Errorf("%q are kept, want three facts", kept)
	}
	if found := s.verify(t); len(found) != 0 {
		t.Errorf("%q differ", found)
	}
}
