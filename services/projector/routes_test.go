package projector_test

import (
	"slices"
	"testing"

	"github.com/stridelog/stridelog/events/rpc"
	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/services/projector/internal/projectortest"
)

func TestARebuildAndAnErasureCoverRoutes(t *testing.T) {
	s := newSystem(t)
	projectortest.Publish(t, s.bus,
		projectortest.Fact{User: anna, External: "1"}, projectortest.Fact{User: ben, External: "1"},
		projectortest.Fact{User: anna, External: "1", Replaces: 1, Route: "<a/>"}, projectortest.Fact{User: ben, External: "1", Replaces: 2, Route: "<b/>"},
	)
	s.run(t)
	s.drained(t)
	routes := func(user string) int64 {
		return projectortest.Number(t, s.db, "SELECT count(*) FROM projector.view_workout_routes_v1 WHERE user_id = $1", user)
	}
	if routes(anna) != 1 || routes(ben) != 1 {
		t.Fatalf("%d and %d routes, want one each", routes(anna), routes(ben))
	}
	before := projectortest.Dump(t, s.db)
	rebuild(t, s.service)
	if after := projectortest.Dump(t, s.db); after != before {
		t.Errorf("before:\n%s\nafter:\n%s", before, after)
	}
	answer, err := bus.Call[rpc.EraseRequest, rpc.EraseResponse](t.Context(), s.bus, rpc.ProjectorErase, rpc.EraseRequest{UserID: anna, ErasureID: "e"})
	if err != nil || answer.Counts["workout_routes"] != 1 {
		t.Errorf("erased %v, %v", answer.Counts, err)
	}
	rebuild(t, s.service) // the facts are still in the log here
	if routes(anna) != 0 || routes(ben) != 1 {
		t.Errorf("%d and %d routes, want those of the other person alone", routes(anna), routes(ben))
	}
}

func TestADifferenceOfRoutesIsFound(t *testing.T) {
	s := newSystem(t)
	projectortest.Publish(t, s.bus, projectortest.Fact{User: anna, External: "1"}, projectortest.Fact{User: anna, External: "1", Replaces: 1, Route: "<a/>"})
	s.run(t)
	s.drained(t)
	if found := s.verify(t); len(found) != 0 {
		t.Fatalf("sound tables differ: %q", found)
	}
	for _, step := range []struct {
		sql  string
		want []string
	}{
		{"UPDATE projector_g1.workout_routes SET activity_sequence = 7", []string{"2 the route is not that of its fact"}},
		{"UPDATE projector_g1.workout_routes SET sequence = 1", []string{"1 the route has no fact", "2 the route is missing"}},
		{"DELETE FROM projector_g1.workout_routes", []string{"1 whether the workout has a route does not follow from its routes", "2 the route is missing"}},
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
}

// A generation of a program that knew no routes gets them by the rebuild.
func TestAnOlderGenerationGetsRoutes(t *testing.T) {
	s := newSystem(t)
	stop := s.run(t)
	projectortest.Publish(t, s.bus, projectortest.Fact{User: anna, External: "1"}, projectortest.Fact{User: anna, External: "1", Replaces: 1, Route: "<a/>"})
	s.drained(t)
	stop()
	s.exec(t, "DROP VIEW projector.view_workout_routes_v1; DROP TABLE projector_g1.workout_routes; UPDATE projector.serving SET layout = 0")
	s.service = s.another(t, projectortest.Normalizers())
	s.run(t)
	s.upgraded(t)
	if n := projectortest.Number(t, s.db, "SELECT count(*) FROM projector.view_workout_routes_v1"); n != 1 {
		t.Errorf("%d routes, want 1", n)
	}
}
