package fold_test

import (
	"slices"
	"testing"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/platform/bus/bustest"
	"github.com/stridelog/stridelog/services/projector/internal/projectortest"
)

func TestRoutesAreNotedInAnyOrderAndEndWithARemoval(t *testing.T) {
	x := setup(t)
	x.publish(t,
		projectortest.Fact{User: anna, External: "1"},
		projectortest.Fact{User: anna, External: "1", Replaces: 1, Route: "<a/>"},
		projectortest.Fact{User: anna, External: "2"},
		projectortest.Fact{User: anna, External: "2", Replaces: 3, Route: "<b/>"}, // ends with 5
		projectortest.Fact{User: anna, External: "2", Removed: true},
		projectortest.Fact{User: anna, External: "1", Replaces: 1, Route: "<c/>"},
		projectortest.Fact{User: ben, External: "1", Replaces: 1, Route: "<d/>"}, // its activity was never seen
	)
	// The subject says ben, the data says anna.
	bustest.StoreMessage(t, x.bus, projectortest.Fact{User: anna, External: "1", Replaces: 1, Route: "<e/>"}.Of(t, ben))
	deliveries := projectortest.Deliveries(t, x.bus, events.StreamFacts, 1)
	if err := x.facts.Fold(t.Context(), deliveries); err != nil {
		t.Fatal(err)
	}
	const shown = "SELECT workout_id || ' ' || activity_sequence || ' ' || sequence FROM projector.view_workout_routes_v1 ORDER BY sequence"
	run, other := events.WorkoutID(anna, projectortest.Provider, "1"), events.WorkoutID(ben, projectortest.Provider, "1")
	want := []string{run + " 1 2", run + " 1 6", other + " 1 7"}
	if got := projectortest.Strings(t, x.db, shown); !slices.Equal(got, want) {
		t.Errorf("the routes are %v, want %v", got, want)
	}
	if n := len(projectortest.Deliveries(t, x.bus, events.StreamDeadLetters, 1)); n != 1 {
		t.Errorf("%d dead letters, want that of the foreign route", n)
	}
	if n := len(projectortest.Deliveries(t, x.bus, events.StreamChanges, 1)); n != 2 {
		t.Errorf("%d announcements: a route is no version of a workout", n)
	}
	inOrder := projectortest.Dump(t, x.db)
	x.clear(t)
	if _, err := x.db.Exec(t.Context(), "TRUNCATE projector_g1.workout_routes"); err != nil {
		t.Fatal(err)
	}
	slices.Reverse(deliveries)
	for _, d := range append(deliveries, deliveries[:4]...) {
		if err := x.facts.Fold(t.Context(), append(deliveries[:0:0], d)); err != nil {
			t.Fatal(err)
		}
	}
	if mixed := projectortest.Dump(t, x.db); mixed != inOrder {
		t.Errorf("in order:\n%s\nin another order:\n%s", inOrder, mixed)
	}
}
