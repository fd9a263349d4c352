package rebuild_test

import (
	"context"
	"fmt"
	"maps"
	"testing"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/events/rpc"
	"github.com/stridelog/stridelog/platform/bus/bustest"
	"github.com/stridelog/stridelog/platform/waittest"
	"github.com/stridelog/stridelog/services/projector/internal/erasure"
	"github.com/stridelog/stridelog/services/projector/internal/projectortest"
	"github.com/stridelog/stridelog/services/projector/internal/rebuild"
)

// facts are of every kind: imports that the API replaced, edits, removals, details,
// and records that the first normalizer does not understand.
func facts() []projectortest.Fact {
	steps := int64(7)
	return []projectortest.Fact{
		{User: anna, External: "import", Origin: events.OriginImport},
		{User: anna, External: "both", Origin: events.OriginImport},
		{User: anna, External: "both", Replaces: 2, Record: projectortest.Record{Minutes: 2}},
		{User: ben, External: "edited", Record: projectortest.Record{Minutes: 1}},
		{User: ben, External: "edited", Replaces: 4, Record: projectortest.Record{Minutes: 3, Extra: []byte(`{"a":[1.50,"x"]}`)}},
		{User: ben, External: "removed"},
		{User: ben, External: "removed", Replaces: 6, Removed: true},
		{User: ben, External: "odd", Record: projectortest.Record{Fault: "error", Steps: &steps}},
		{User: ben, External: "lately odd"},
		{User: ben, External: "lately odd", Replaces: 9, Record: projectortest.Record{Fault: "error"}},
	}
}

func TestAnUnchangedRebuildAnnouncesNothing(t *testing.T) {
	w := newWorld(t)
	w.live(t, facts()...)
	w.take(t)
	for _, number := range []int{1, 2} { // a new version that reads the same is no news either
		report := w.rebuild(t, projectortest.Normalizer{Number: number})
		if n := w.take(t); n != 0 || report.Announced != 0 || report.Withheld != 0 {
			t.Errorf("normalizer %d: %d events came, the report says %+v", number, n, report.Differences)
		}
	}
	if n := w.generations(t); n != 1 {
		t.Errorf("%d generations are left", n)
	}
}

func TestARebuildAnnouncesWhatReadsOtherwise(t *testing.T) {
	w := newWorld(t)
	w.live(t, facts()...)
	w.take(t)
	if ids := w.behind(t); len(ids) != 0 {
		t.Fatalf("before the rebuild %v are not as served", ids)
	}
	report := w.rebuild(t, later())
	if len(w.behind(t)) == 0 {
		t.Fatal("the control: nothing reads otherwise")
	}
	// All but the removed one, and the one that was not understood is new.
	if n := w.take(t); n != 5 || report.Announced != 5 || report.Withheld != 0 {
		t.Errorf("%d events came, the report says %+v", n, report.Differences)
	}
	if ids := w.behind(t); len(ids) != 0 {
		t.Errorf("after the rebuild %v are not as served", ids)
	}
	w.rebuild(t, later())
	if n := w.take(t); n != 0 {
		t.Errorf("rebuilding again sends %d events", n)
	}
}

// What no event can say is counted: a normalizer that reads otherwise under the same
// version, and one that understands less.
func TestWhatCannotBeAnnouncedIsWithheld(t *testing.T) {
	w := newWorld(t)
	w.live(t, facts()...)
	w.take(t)
	report := w.rebuild(t, projectortest.Normalizer{Number: 1, Category: "endurance"})
	if n := w.take(t); n != 0 || report.Announced != 0 || report.Withheld != 4 {
		t.Errorf("the same version: %d events came, the report says %+v", n, report.Differences)
	}
	w.rebuild(t, later())
	w.take(t)
	// The record of "odd" is gone, "lately odd" falls back, the others are the same.
	report = w.rebuild(t, projectortest.Normalizer{Number: 2, Category: "endurance"})
	if n := w.take(t); n != 0 || report.Withheld != 2 {
		t.Errorf("less understood: %d events came, the report says %+v", n, report.Differences)
	}
}

// An older program may have linked otherwise. What the rebuild links otherwise is
// announced once, by an event of its own: the workouts read as before.
func TestARebuildAnnouncesTheLinksThatItChanged(t *testing.T) {
	w := newWorld(t)
	steps := int64(600)
	w.live(t,
		projectortest.Fact{User: anna, External: "rich", Record: projectortest.Record{Minutes: 30, Steps: &steps}},
		projectortest.Fact{User: anna, External: "poor", Record: projectortest.Record{Minutes: 30}},
		projectortest.Fact{User: ben, External: "poor", Record: projectortest.Record{Minutes: 30}},
		projectortest.Fact{User: ben, External: "poorer", Origin: events.OriginImport, Record: projectortest.Record{Minutes: 30}},
	)
	stored := projectortest.Links(t, w.db)
	if len(stored) != 2 {
		t.Fatalf("links are %v, want two", stored)
	}
	// The other way round for anna, as by the order of old; none for ben.
	_, err := w.db.Exec(t.Context(), `UPDATE projector_g1.workouts w SET duplicate_of = o.id FROM projector_g1.workouts o
		WHERE o.user_id = $1 AND w.user_id = $1 AND w.duplicate_of IS NULL AND o.id <> w.id`, anna)
	if err == nil {
		_, err = w.db.Exec(t.Context(), "UPDATE projector_g1.workouts w SET duplicate_of = NULL WHERE user_id = $1 OR external_id = 'poor'", ben)
	}
	if err != nil {
		t.Fatal(err)
	}
	from := projectortest.End(t, w.bus, events.StreamChanges) + 1
	report := w.rebuild(t, projectortest.Normalizer{Number: 1})
	if report.Relinked != 3 || report.Announced != 0 || report.Withheld != 0 {
		t.Errorf("the report says %+v, want three links announced and nothing else", report.Differences)
	}
	if said := projectortest.LinksSaid(t, w.bus, from); !maps.Equal(said, projectortest.Links(t, w.db)) || !maps.Equal(said, stored) {
		t.Errorf("the rebuild says %v, stored are %v", said, projectortest.Links(t, w.db))
	}
	w.rebuild(t, projectortest.Normalizer{Number: 1})
	if end := projectortest.End(t, w.bus, events.StreamChanges); end != from+2 {
		t.Errorf("%d events came, want three, and none of another rebuild", end+1-from)
	}
}

// many are facts enough for two rounds of announcements.
func many() (list []projectortest.Fact) {
	for i := range 700 {
		list = append(list, projectortest.Fact{User: []string{anna, ben}[i%2], External: fmt.Sprint(i), Record: projectortest.Record{Minutes: i%90 + 1}})
	}
	return list
}

// crashed is a world in which a rebuild was killed amid its announcements.
func crashed(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	w.live(t, many()...)
	w.take(t)
	projectortest.Killed(t, w.dbURL, w.busURL, dyingRebuild)
	if n := w.take(t); n != 500 || w.generations(t) != 2 {
		t.Fatalf("when it was killed %d events had come, with %d generations", n, w.generations(t))
	}
	if ids := w.behind(t); len(ids) != 200 {
		t.Fatalf("when it was killed, %d workouts were not as served", len(ids))
	}
	return w
}

func (w *world) complete(t *testing.T) {
	t.Helper()
	w.take(t)
	if ids := w.behind(t); len(ids) != 0 {
		t.Errorf("%d workouts are not as served", len(ids))
	}
	ids := map[string]int{}
	for _, d := range projectortest.Deliveries(t, w.bus, events.StreamChanges, 1) {
		if d.Event.Type() != events.TypeWorkoutLinked {
			ids[d.Event.ID]++
		}
	}
	if said, stored := projectortest.LinksSaid(t, w.bus, 1), projectortest.Links(t, w.db); !maps.Equal(said, stored) {
		t.Errorf("the events say %d links, stored are %d", len(said), len(stored))
	}
	if len(ids) != 1400 {
		t.Errorf("%d different events, want one of the fold and one of the rebuild for each workout", len(ids))
	}
}

func TestAProjectorGoesOnWhereARebuildWasKilled(t *testing.T) {
	w := crashed(t)
	// It starts as every projector does, which must leave the generation before alone.
	if err := rebuild.Tidy(t.Context(), w.tables); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	a := &rebuild.Announcer{Log: bustest.Logger(t), Bus: w.bus, Tables: w.tables}
	go func() { ended <- a.Run(ctx, func() {}) }()
	waittest.Until(t, "the generation before is dropped", func() bool { return w.generations(t) == 1 })
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	w.complete(t)
}

func TestTheNextRebuildGoesOnWhereOneWasKilled(t *testing.T) {
	w := crashed(t)
	if report := w.rebuild(t, later()); report.Announced != 700 || w.generations(t) != 1 {
		t.Errorf("%d are announced, %d generations are left", report.Announced, w.generations(t))
	}
	w.complete(t)
}

// A person who is erased between the switch and the announcement is not spoken of.
func TestNothingIsAnnouncedOfAnErasedPerson(t *testing.T) {
	w := crashed(t)
	eraser := &erasure.Eraser{Bus: w.bus, Tables: w.tables}
	if _, err := eraser.Erase(t.Context(), rpc.EraseRequest{UserID: anna, ErasureID: "e"}); err != nil {
		t.Fatal(err)
	}
	from := projectortest.End(t, w.bus, events.StreamChanges) + 1
	w.rebuild(t, later())
	spoken := map[string]int{}
	for _, d := range projectortest.Deliveries(t, w.bus, events.StreamChanges, from) {
		spoken[d.Event.UserID]++
	}
	if spoken[anna] != 0 || spoken[ben] == 0 {
		t.Errorf("events are about %v", spoken)
	}
}
