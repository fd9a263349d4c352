package projector_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/events/rpc"
	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/platform/bus/bustest"
	"github.com/stridelog/stridelog/platform/waittest"
	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/services/projector/internal/projectortest"
)

const laterFormat = "test.later.v1"

// olderBeside is a projector on the same stores that knows neither routes nor the later format.
func (s *system) olderBeside(t *testing.T) *system {
	t.Helper()
	older := &system{db: s.db, bus: s.bus, service: s.another(t, projectortest.Normalizers())}
	older.service.SetOlder(events.TypeRouteFetched)
	return older
}

// newLater is a system that knows the later format.
func newLater(t *testing.T) *system {
	t.Helper()
	s := newSystem(t)
	s.service = s.another(t, provider.Normalizers{
		projectortest.Format: projectortest.Normalizer{Number: 1}, laterFormat: projectortest.Normalizer{Number: 1},
	})
	return s
}

// kept are the facts that nobody could fold.
func (s *system) kept(t *testing.T) []string {
	t.Helper()
	return projectortest.Strings(t, s.db, "SELECT sequence || ' ' || type || ' ' || format FROM projector_g"+
		fmt.Sprint(projectortest.Number(t, s.db, "SELECT generation FROM projector.serving"))+".unknown_facts ORDER BY sequence")
}

func (s *system) shows(t *testing.T, routes, workouts int64) bool {
	t.Helper()
	return projectortest.Number(t, s.db, "SELECT count(*) FROM projector.view_workout_routes_v1") == routes &&
		projectortest.Number(t, s.db, "SELECT count(*) FROM projector.view_workouts_v1") == workouts
}

// paused is an event that no program of today knows.
func paused(user string) events.Event {
	e := projectortest.Fact{User: user, External: "p"}.Event()
	e.Data = &events.Unknown{Type: "stridelog.activity.paused.v1", Payload: []byte(`{"since":"now"}`)}
	return e
}

// What a program does not know is kept, by sequence; the first one that knows it folds
// it from the log, and announces it. Rebuilds of both make the same of it.
func TestWhatIsUnknownIsKeptAndFoldedByAProgramThatKnowsIt(t *testing.T) {
	s := newLater(t)
	older := s.olderBeside(t)
	stop := older.run(t)
	projectortest.Publish(t, s.bus,
		projectortest.Fact{User: anna, External: "1"},
		projectortest.Fact{User: anna, External: "1", Replaces: 1, Route: "<a/>"},
		projectortest.Fact{User: ben, External: "2", Format: laterFormat})
	bustest.Store(t, s.bus, paused(anna))
	older.drained(t)
	unknown := []string{"2 " + string(events.TypeRouteFetched) + " ", "3 stridelog.activity.fetched.v1 " + laterFormat, "4 stridelog.activity.paused.v1 "}
	if kept := s.kept(t); !slices.Equal(kept, unknown) || !s.shows(t, 0, 1) {
		t.Fatalf("the older program keeps %q, want %q", kept, unknown)
	}
	if found := older.verify(t); len(found) != 0 {
		t.Errorf("the older program finds %q", found)
	}
	rebuild(t, older.service)
	if kept := s.kept(t); !slices.Equal(kept, unknown) {
		t.Errorf("rebuilt, the older program keeps %q", kept)
	}
	stop()
	s.run(t)
	waittest.Until(t, "what the older program kept is folded", func() bool { return slices.Equal(s.kept(t), unknown[2:]) })
	if !s.shows(t, 1, 2) {
		t.Error("the route or the workout of the later format is not shown")
	}
	if found := s.verify(t); len(found) != 0 {
		t.Errorf("%q differ", found)
	}
	var announced []string
	for _, d := range projectortest.Deliveries(t, s.bus, events.StreamChanges, 1) {
		if d.Event.Type() == events.TypeWorkoutRecorded {
			announced = append(announced, d.Event.UserID)
		}
	}
	if !slices.Equal(announced, []string{anna, ben}) {
		t.Errorf("recorded workouts of %q are announced", announced)
	}
	rebuild(t, s.service)
	if kept := s.kept(t); !slices.Equal(kept, unknown[2:]) || !s.shows(t, 1, 2) {
		t.Errorf("rebuilt, %q are kept", kept)
	}
	s.deadLetters(t, 0)
}

// An older and a newer program take facts of one durable; whoever gets them, they end
// the same.
func TestAnOlderProgramBesideLosesNothing(t *testing.T) {
	s := newLater(t)
	s.run(t)
	s.olderBeside(t).run(t)
	const people = 40
	for i := range people {
		user := fmt.Sprintf("00000000-0000-4000-8000-%012d", i)
		projectortest.Publish(t, s.bus, projectortest.Fact{User: user, External: "1"})
		first := projectortest.End(t, s.bus, events.StreamFacts)
		projectortest.Publish(t, s.bus,
			projectortest.Fact{User: user, External: "1", Replaces: first, Route: "<a/>"},
			projectortest.Fact{User: user, External: "2", Format: laterFormat})
	}
	s.drained(t)
	waittest.Until(t, "all is folded", func() bool { return s.shows(t, people, 2*people) && len(s.kept(t)) == 0 })
	if found := s.verify(t); len(found) != 0 {
		t.Errorf("%q differ", found)
	}
	s.deadLetters(t, 0)
}

func TestVerifyFindsWhatIsWrongWithKeptFacts(t *testing.T) {
	s := newSystem(t)
	s.run(t)
	bustest.Store(t, s.bus, paused(anna))
	bustest.Store(t, s.bus, paused(ben))
	s.drained(t)
	if found := s.verify(t); len(found) != 0 {
		t.Fatalf("sound tables differ: %q", found)
	}
	for _, step := range []struct {
		sql  string
		want []string
	}{
		{"UPDATE projector_g1.unknown_facts SET user_id = '" + ben + "'", []string{"1 what is kept of a fact is not that fact"}},
		{"DELETE FROM projector_g1.unknown_facts", []string{"1 the fact of an unknown type or format is not kept", "2 the fact of an unknown type or format is not kept"}},
	} {
		s.exec(t, step.sql)
		if found := s.verify(t); !slices.Equal(found, step.want) {
			t.Errorf("%s: %q, want %q", step.sql, found, step.want)
		}
	}
	rebuild(t, s.service)
	if found := s.verify(t); len(found) != 0 {
		t.Errorf("a rebuild leaves %q", found)
	}
	if _, err := s.bus.EraseSubjects(t.Context(), events.StreamFacts, events.UserSubjects(anna)); err != nil {
		t.Fatal(err)
	}
	if found, want := s.verify(t), []string{"1 a fact is kept that the log does not have"}; !slices.Equal(found, want) {
		t.Errorf("%q, want %q", found, want)
	}
}

func TestErasureTakesWhatIsUnknown(t *testing.T) {
	s := newSystem(t)
	s.run(t)
	bustest.Store(t, s.bus, paused(anna))
	bustest.Store(t, s.bus, paused(ben))
	s.drained(t)
	if _, err := bus.Call[rpc.EraseRequest, rpc.EraseResponse](t.Context(), s.bus, rpc.ProjectorErase, rpc.EraseRequest{UserID: anna, ErasureID: "e"}); err != nil {
		t.Fatal(err)
	}
	bustest.Store(t, s.bus, paused(anna)) // a late one
	s.drained(t)
	rebuild(t, s.service)
	if kept := s.kept(t); !slices.Equal(kept, []string{"2 stridelog.activity.paused.v1 "}) {
		t.Errorf("%q are kept", kept)
	}
}
