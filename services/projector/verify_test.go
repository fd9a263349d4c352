package projector_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/events/rpc"
	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/services/projector"
	"github.com/stridelog/stridelog/services/projector/internal/projectortest"
)

// verify compares everything, in chunks of five facts.
func (s *system) verify(t *testing.T) (found []string) {
	t.Helper()
	v := s.service.Verify(func(d projector.Difference) { found = append(found, fmt.Sprintf("%d %s", d.Sequence, d.What)) })
	if _, err := v.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	for chunk := range slices.Chunk(projectortest.Deliveries(t, s.bus, events.StreamFacts, 1), 5) {
		if err := v.Check(t.Context(), chunk); err != nil {
			t.Fatal(err)
		}
	}
	if err := v.Finish(t.Context()); err != nil {
		t.Fatal(err)
	}
	slices.Sort(found)
	return slices.Compact(found)
}

// The facts of each test: 1 and 3 are of one record of Anna's, 2 is another one, 4
// was not understood, 5 is removed by 6, 7 wins against the import 8, 10 is a
// duplicate of 9.
func verified(t *testing.T) *system {
	t.Helper()
	s := newSystem(t)
	later := projectortest.Start().Add(9000 * time.Minute)
	projectortest.Publish(t, s.bus,
		projectortest.Fact{User: anna, External: "a"},
		projectortest.Fact{User: ben, External: "b"},
		projectortest.Fact{User: anna, External: "a", Replaces: 1, Record: projectortest.Record{Minutes: 2}},
		projectortest.Fact{User: ben, External: "c", Record: projectortest.Record{Fault: "error"}},
		projectortest.Fact{User: anna, External: "d"},
		projectortest.Fact{User: anna, External: "d", Replaces: 5, Removed: true},
		projectortest.Fact{User: anna, External: "e"},
		projectortest.Fact{User: anna, External: "e", Origin: events.OriginImport},
		projectortest.Fact{User: ben, Provider: "google_health", External: "g", Record: projectortest.Record{Start: later, Minutes: 30}},
		projectortest.Fact{User: ben, Provider: "fitbit", External: "f", Record: projectortest.Record{Start: later, Minutes: 30}},
	)
	s.run(t)
	s.drained(t)
	if found := s.verify(t); len(found) != 0 {
		t.Fatalf("sound tables differ: %q", found)
	}
	if links := s.links(t); !slices.Equal(links, []string{"fitbit/f > google_health/g"}) {
		t.Fatalf("links are %q", links)
	}
	return s
}

func TestEachPlantedDifferenceIsFound(t *testing.T) {
	const link = " the workout's link to what it repeats is not the one that follows from the workouts"
	const miscounted = "0 the kept counts are not the numbers of the person's workouts"
	for sql, want := range map[string][]string{
		"UPDATE projector_g1.workouts SET duplicate_of = NULL": {"10" + link},
		"UPDATE projector_g1.workouts SET duplicate_of = (SELECT id FROM projector_g1.workouts WHERE external_id = 'f') WHERE external_id = 'd'": {"6" + link},
		"UPDATE projector_g1.workouts SET duplicate_of = (SELECT id FROM projector_g1.workouts WHERE external_id = 'g') WHERE external_id = 'b'": {"2" + link},
		"DELETE FROM projector_g1.workouts WHERE external_id = 'b'":                                                                              {miscounted, "2 the workout is missing"},
		"UPDATE projector_g1.record_counts SET count = count + 1 WHERE hidden":                                                                   {miscounted},
		"DELETE FROM projector_g1.record_counts WHERE NOT hidden":                                                                                {miscounted},
		"INSERT INTO projector_g1.record_counts VALUES ('" + anna + "', 'activity', 'fitbit', 'yoga', false, 2)":                                 {miscounted},
		"DELETE FROM projector_g1.workout_versions WHERE sequence = 4":                                                                           {"4 the fact has no version"},
		"DELETE FROM projector_g1.workout_versions WHERE sequence = 2":                                                                           {"2 the fact has no version", "2 the workout shows what is none of its versions"},
		"UPDATE projector_g1.workouts SET version = 1 WHERE external_id = 'a'":                                                                   {"3 the workout shows an earlier version than the winner"},
		"UPDATE projector_g1.workouts SET version = 7 WHERE external_id = 'a'":                                                                   {"7 the workout shows what is none of its versions"},
		"UPDATE projector_g1.workouts SET version = 8, origin_rank = 1 WHERE external_id = 'e'":                                                  {"7 the workout shows an earlier version than the winner"},
		"UPDATE projector_g1.workouts SET removed_at = NULL WHERE external_id = 'd'":                                                             {"6 the workout is not that of its version"},
		"UPDATE projector_g1.workout_versions SET removed = true WHERE sequence = 2":                                                             {"2 the version is not that of the fact"},
		"UPDATE projector_g1.workout_versions SET workout_id = gen_random_uuid() WHERE sequence = 1":                                             {"1 the fact has no version", "1 the version has no fact"},
	} {
		s := verified(t)
		s.exec(t, sql)
		if found := s.verify(t); !slices.Equal(found, want) {
			t.Errorf("%s: %q, want %q", sql, found, want)
		}
		rebuild(t, s.service)
		if found := s.verify(t); len(found) != 0 {
			t.Errorf("%s: a rebuild leaves %q", sql, found)
		}
	}
}

// What comes while it runs, and who is erased meanwhile, is no difference.
func TestWhatHappensMeanwhileIsNoDifference(t *testing.T) {
	s := verified(t)
	var found []projector.Difference
	v := s.service.Verify(func(d projector.Difference) { found = append(found, d) })
	target, err := v.Settle(t.Context())
	if err != nil || target != 10 {
		t.Fatalf("settled at %d: %v", target, err)
	}
	facts := projectortest.Deliveries(t, s.bus, events.StreamFacts, 1)
	projectortest.Publish(t, s.bus, projectortest.Fact{User: ben, External: "b", Replaces: 2}, projectortest.Fact{User: ben, External: "h"})
	s.drained(t)
	if _, err := bus.Call[rpc.EraseRequest, rpc.EraseResponse](t.Context(), s.bus, rpc.ProjectorErase, rpc.EraseRequest{UserID: anna, ErasureID: "e"}); err != nil {
		t.Fatal(err)
	}
	rebuild(t, s.service)
	if err := v.Check(t.Context(), facts); err != nil {
		t.Fatal(err)
	}
	if err := v.Finish(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(found) != 0 {
		t.Errorf("found %+v", found)
	}
}
