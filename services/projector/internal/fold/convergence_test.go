package fold_test

import (
	"context"
	"fmt"
	"maps"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/platform/bus/bustest"
	"github.com/stridelog/stridelog/services/projector/internal/fold"
	"github.com/stridelog/stridelog/services/projector/internal/projectortest"
)

// clear empties the tables of facts.
func (x *bench) clear(t *testing.T) {
	t.Helper()
	_, err := x.db.Exec(t.Context(), `TRUNCATE projector_g1.workouts, projector_g1.workout_versions, projector_g1.workout_routes,
		projector_g1.unlinked_islands, projector_g1.connection_history,
		projector_g1.record_counts, projector.workout_links`)
	if err != nil {
		t.Fatal(err)
	}
}

func drawFact(t *rapid.T, n int) projectortest.Fact {
	f := projectortest.Fact{
		User:     rapid.SampledFrom([]string{anna, ben}).Draw(t, "user"),
		External: rapid.SampledFrom([]string{"1", "2"}).Draw(t, "external"),
		Origin:   rapid.SampledFrom([]events.Origin{events.OriginAPI, events.OriginAPI, events.OriginImport}).Draw(t, "origin"),
		Removed:  rapid.IntRange(0, 4).Draw(t, "removed") == 0,
		At:       projectortest.Start().Add(time.Duration(rapid.IntRange(0, 500).Draw(t, "at")) * time.Minute),
		Replaces: uint64(rapid.IntRange(0, 1).Draw(t, "replaces")),
	}
	if rapid.IntRange(0, 4).Draw(t, "route") == 0 {
		f.Removed, f.Origin, f.Route = false, events.OriginAPI, "<a/>"
		return f
	}
	steps := int64(rapid.IntRange(0, 2000).Draw(t, "steps"))
	f.Record = projectortest.Record{Minutes: n, Steps: &steps, Fault: rapid.SampledFrom([]string{"", "", "", "error", "panic"}).Draw(t, "fault")}
	return f
}

// expectation is the rule of promise 1, written down a second time.
type expectation struct {
	version          uint64
	rank             int
	removed          bool
	created, updated time.Time
	event            string
}

func expect(deliveries []bus.Delivery) map[string]expectation {
	want := map[string]expectation{}
	created := map[string]time.Time{}
	for _, d := range deliveries {
		var external, fault string
		var e expectation
		kind := events.TypeWorkoutRemoved
		switch a := d.Event.Data.(type) {
		case *events.ActivityFetched:
			external, e.rank = a.ExternalID, a.Origin.Rank()
			kind = events.TypeWorkoutRecorded
			if a.ReplacesSequence != 0 {
				kind = events.TypeWorkoutUpdated
			}
			if w, err := projectortest.Read(a.Raw); err == nil {
				fault = w.Fault
			}
		case *events.ActivityRemoved:
			external, e.rank, e.removed = a.ExternalID, a.Origin.Rank(), true
		default:
			continue // a route is no version
		}
		id := events.WorkoutID(d.Event.UserID, d.Event.Provider, external)
		if c, ok := created[id]; !ok || d.Event.Time.Before(c) {
			created[id] = d.Event.Time
		}
		e.version, e.updated, e.event = d.Sequence, d.Event.Time, events.WorkoutEventID(kind, id, d.Event.ID)
		if have, ok := want[id]; fault == "" && (!ok || e.rank > have.rank || (e.rank == have.rank && e.version > have.version)) {
			want[id] = e
		}
	}
	for id, e := range want {
		e.created = created[id]
		want[id] = e
	}
	return want
}

func (x *bench) compare(t *testing.T, rt *rapid.T, want map[string]expectation, last map[string]string) {
	rows, err := x.db.Query(t.Context(), "SELECT id::text, version, removed_at IS NOT NULL, created_at, updated_at FROM projector.view_workouts_v1")
	if err != nil {
		rt.Fatal(err)
	}
	defer rows.Close()
	count := 0
	for rows.Next() {
		var id string
		var got expectation
		var version int64
		if err := rows.Scan(&id, &version, &got.removed, &got.created, &got.updated); err != nil {
			rt.Fatal(err)
		}
		count++
		w := want[id]
		if uint64(version) != w.version || got.removed != w.removed || !got.created.Equal(w.created) || !got.updated.Equal(w.updated) {
			rt.Fatalf("workout %s is version %d removed %v created %s updated %s, want %+v", id, version, got.removed, got.created, got.updated, w)
		}
	}
	if rows.Err() != nil || count != len(want) {
		rt.Fatalf("%d workouts (%v), want %d", count, rows.Err(), len(want))
	}
	announced := map[string]string{}
	for id, w := range want {
		announced[id] = w.event
	}
	if !maps.Equal(last, announced) {
		rt.Fatalf("last announced %v, want %v", last, announced)
	}
}

// compareLinks wants that whoever follows the events knows the links that are stored.
func (x *bench) compareLinks(t *testing.T, rt *rapid.T, b *bus.Bus, from uint64) {
	stored := projectortest.Links(t, x.db)
	if said := projectortest.LinksSaid(t, b, from); !maps.Equal(said, stored) {
		rt.Fatalf("the events say the links %v, stored are %v", said, stored)
	}
}

// foldShuffled folds deliveries in any order, in any batches, some of them again.
func foldShuffled(t *testing.T, rt *rapid.T, f *fold.Facts, deliveries []bus.Delivery) {
	again := rapid.SliceOfN(rapid.SampledFrom(deliveries), 0, 5).Draw(rt, "repeated")
	left := rapid.Permutation(append(again, deliveries...)).Draw(rt, "order")
	for len(left) > 0 {
		n := rapid.IntRange(1, len(left)).Draw(rt, "batch")
		if err := f.Fold(t.Context(), left[:n]); err != nil {
			rt.Fatal(err)
		}
		left = left[n:]
	}
}

func TestAnyOrderAndRepetitionGivesTheSameTablesAndAnnouncements(t *testing.T) {
	x := setup(t)
	// The second run announces on a server of its own: the first one's would take
	// its events, which have the same ids, for repetitions.
	elsewhere := bustest.New(t)
	second := x.fold(t, elsewhere)
	second.Tables = x.facts.Tables
	rapid.Check(t, func(rt *rapid.T) {
		var facts []events.Event
		for i := range rapid.IntRange(1, 10).Draw(rt, "facts") {
			facts = append(facts, drawFact(rt, i+1).Event())
		}
		from := projectortest.End(t, x.bus, events.StreamFacts) + 1
		if err := x.bus.PublishAll(t.Context(), facts); err != nil {
			rt.Fatal(err)
		}
		deliveries := projectortest.Deliveries(t, x.bus, events.StreamFacts, from)
		want := expect(deliveries)

		x.clear(t)
		from = projectortest.End(t, x.bus, events.StreamChanges) + 1
		if err := x.facts.Fold(t.Context(), deliveries); err != nil {
			rt.Fatal(err)
		}
		x.compare(t, rt, want, projectortest.LastAnnounced(t, x.bus, from))
		x.compareLinks(t, rt, x.bus, from)
		inOrder := projectortest.Dump(t, x.db)

		x.clear(t)
		from = projectortest.End(t, elsewhere, events.StreamChanges) + 1
		foldShuffled(t, rt, second, deliveries)
		x.compare(t, rt, want, projectortest.LastAnnounced(t, elsewhere, from))
		x.compareLinks(t, rt, elsewhere, from)
		if mixed := projectortest.Dump(t, x.db); mixed != inOrder {
			rt.Fatalf("in order:\n%s\nin another order:\n%s", inOrder, mixed)
		}
	})
}

func TestTwoProjectorsShareTheFacts(t *testing.T) {
	x := setup(t)
	second := x.fold(t, bustest.Connect(t, x.url, "second"))
	run(t, x.facts)
	run(t, second)
	for round := range 15 {
		var facts []projectortest.Fact
		for i := range 20 {
			facts = append(facts, projectortest.Fact{
				User: []string{anna, ben}[i%2], External: fmt.Sprint(i % 7), Replaces: uint64(round),
				Removed: (round+i)%5 == 0, Record: projectortest.Record{Minutes: round + 1},
			})
		}
		x.publish(t, facts...)
	}
	projectortest.Drained(t, x.bus, events.StreamFacts, "projector-facts")
	x.compareAll(t)
}

// compareAll compares tables and announcements with the rule, outside a property.
func (x *bench) compareAll(t *testing.T) {
	t.Helper()
	want := expect(projectortest.Deliveries(t, x.bus, events.StreamFacts, 1))
	for id, w := range want {
		version := x.number(t, "SELECT version FROM projector.view_workouts_v1 WHERE id = $1", id)
		if uint64(version) != w.version {
			t.Errorf("workout %s is version %d, want %d", id, version, w.version)
		}
	}
	for id, event := range projectortest.LastAnnounced(t, x.bus, 1) {
		if event != want[id].event {
			t.Errorf("the last event about workout %s is %s, want %s", id, event, want[id].event)
		}
	}
	if n := x.number(t, "SELECT count(*) FROM projector.view_workouts_v1"); int(n) != len(want) {
		t.Errorf("%d workouts, want %d", n, len(want))
	}
}

func TestRedeliveryChangesNothing(t *testing.T) {
	x := setup(t)
	x.publish(t, projectortest.Fact{User: anna, External: "1"}, projectortest.Fact{User: anna, External: "1", Replaces: 1, Record: projectortest.Record{Minutes: 9}})
	x.foldAll(t)
	before := projectortest.Dump(t, x.db)
	x.foldAll(t)
	if after := projectortest.Dump(t, x.db); after != before {
		t.Errorf("before:\n%s\nafter:\n%s", before, after)
	}
	// Both facts came in one batch, so only the second ever was the version.
	if got := projectortest.Deliveries(t, x.bus, events.StreamChanges, 1); len(got) != 1 || got[0].Event.Type() != events.TypeWorkoutUpdated {
		t.Errorf("%d events were announced, want the update alone", len(got))
	}
}

// A large batch goes in by COPY, which knows no conflicts. Facts of it that were
// folded before must do no harm, nor keep the others out.
func TestALargeBatchThatWasFoldedInPartIsFoldedWhole(t *testing.T) {
	x := setup(t)
	var facts []projectortest.Fact
	for i := range 900 {
		facts = append(facts, projectortest.Fact{User: []string{anna, ben}[i%2], External: fmt.Sprint(i % 450), Record: projectortest.Record{Minutes: i + 1}})
	}
	x.publish(t, facts...)
	deliveries := projectortest.Deliveries(t, x.bus, events.StreamFacts, 1)
	for _, part := range [][]bus.Delivery{deliveries[:500], deliveries[300:], deliveries} {
		if err := x.facts.Fold(t.Context(), part); err != nil {
			t.Fatal(err)
		}
	}
	if n := x.number(t, "SELECT count(*) FROM projector.view_workout_versions_v1"); n != 900 {
		t.Errorf("%d versions, want 900", n)
	}
	x.compareAll(t)
	if n := len(projectortest.Deliveries(t, x.bus, events.StreamDeadLetters, 1)); n != 0 {
		t.Errorf("%d facts were given up", n)
	}
}

func TestCrashBeforeTheAnnouncementRepeatsIt(t *testing.T) {
	x := setup(t)
	died := make(chan struct{})
	crashes := 1
	x.facts.AfterCommit = func() error {
		if crashes > 0 {
			crashes--
			if n := len(projectortest.Deliveries(t, x.bus, events.StreamChanges, 1)); n != 0 {
				t.Errorf("%d events were announced before the commit was through", n)
			}
			close(died)
			return context.DeadlineExceeded
		}
		return nil
	}
	fact := projectortest.Fact{User: anna, External: "1", ID: "fact-1"}
	x.publish(t, fact)
	run(t, x.facts)
	<-died
	if n := x.number(t, "SELECT count(*) FROM projector.view_workouts_v1"); n != 1 {
		t.Errorf("%d workouts after the commit, want 1", n)
	}
	projectortest.Drained(t, x.bus, events.StreamFacts, "projector-facts")
	got := projectortest.Deliveries(t, x.bus, events.StreamChanges, 1)
	want := events.WorkoutEventID(events.TypeWorkoutRecorded, events.WorkoutID(anna, projectortest.Provider, "1"), "fact-1")
	if len(got) != 1 || got[0].Event.ID != want {
		t.Errorf("announced %d events, want one with the id %s", len(got), want)
	}
}

// What is to be said about links is written with them: a process that dies between the
// commit and the announcement leaves it to whoever gets the facts again.
func TestCrashBeforeTheAnnouncementOfALinkRepeatsIt(t *testing.T) {
	x := setup(t)
	half := projectortest.Record{Minutes: 30}
	x.publish(t, projectortest.Fact{User: anna, External: "1", Record: half}, projectortest.Fact{User: anna, External: "2", Record: half})
	deliveries := projectortest.Deliveries(t, x.bus, events.StreamFacts, 1)
	x.facts.AfterCommit = func() error { return context.DeadlineExceeded }
	if err := x.facts.Fold(t.Context(), deliveries); err == nil {
		t.Fatal("the control: it did not die")
	}
	stored := projectortest.Links(t, x.db)
	if n := len(projectortest.Deliveries(t, x.bus, events.StreamChanges, 1)); n != 0 || len(stored) != 1 {
		t.Fatalf("after the commit there are %d events and the links %v, want none and one", n, stored)
	}
	// The batch comes again, and its links are as they are already.
	x.facts.AfterCommit = nil
	for range 2 {
		if err := x.facts.Fold(t.Context(), deliveries); err != nil {
			t.Fatal(err)
		}
		if said := projectortest.LinksSaid(t, x.bus, 1); !maps.Equal(said, stored) {
			t.Errorf("the events say %v, stored are %v", said, stored)
		}
	}
	if n := len(projectortest.Deliveries(t, x.bus, events.StreamChanges, 1)); n != 3 {
		t.Errorf("%d events, want two workouts and a link", n)
	}
}

// Where nobody gets the facts again, a look finds what is left.
func TestLinksThatNobodyAnnouncedAreAnnounced(t *testing.T) {
	x := setup(t)
	for _, user := range []string{anna, ben} {
		for _, external := range []string{"1", "2"} {
			x.publish(t, projectortest.Fact{User: user, External: external, Record: projectortest.Record{Minutes: 30}})
		}
	}
	x.facts.AfterCommit = func() error { return context.DeadlineExceeded }
	if err := x.facts.Fold(t.Context(), projectortest.Deliveries(t, x.bus, events.StreamFacts, 1)); err == nil {
		t.Fatal("the control: it did not die")
	}
	left := &fold.Links{Log: bustest.Logger(t), Bus: x.bus, Tables: x.facts.Tables}
	for _, step := range []struct {
		age  time.Duration
		want int
	}{{time.Hour, 0}, {0, 2}, {0, 2}} {
		if err := left.Announce(t.Context(), step.age); err != nil {
			t.Fatal(err)
		}
		if n := len(projectortest.LinksSaid(t, x.bus, 1)); n != step.want {
			t.Errorf("%d links are said after a look for those of %s, want %d", n, step.age, step.want)
		}
	}
}
