package projector_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/services/projector/internal/projectortest"
)

const seenTwice = 200

// seenByTwo is a history of 200 runs at two providers, whose clocks differ by a
// little, and a chain A~B~C: B is like A and like C, which are not like each other.
func seenByTwo() (list []projectortest.Fact) {
	at := func(provider, external string, start time.Time) projectortest.Fact {
		return projectortest.Fact{User: anna, Provider: provider, External: external, Record: projectortest.Record{Start: start, Minutes: 50}}
	}
	for i := range seenTwice {
		start := projectortest.Start().Add(time.Duration(i) * 12 * time.Hour)
		list = append(list, at("google_health", fmt.Sprint(i), start), at("fitbit", fmt.Sprint(i), start.Add(time.Duration(i%10)*time.Minute)))
	}
	chain := projectortest.Start().Add(-48 * time.Hour)
	return append(list, at("google_health", "A", chain), at("fitbit", "B", chain.Add(10*time.Minute)), at("acme", "C", chain.Add(20*time.Minute)))
}

// links are all links as "provider/id of the duplicate > that of the primary".
func (s *system) links(t *testing.T) []string {
	t.Helper()
	return projectortest.Strings(t, s.db, `SELECT format('%s/%s > %s/%s', d.provider, d.external_id, p.provider, p.external_id)
		FROM projector.view_workouts_v1 d JOIN projector.view_workouts_v1 p ON p.id = d.duplicate_of
		WHERE p.duplicate_of IS NULL AND p.removed_at IS NULL AND p.user_id = d.user_id ORDER BY 1`)
}

// shown are how many workouts a list has by default, and with duplicates.
func (s *system) shown(t *testing.T) (byDefault, all int64) {
	t.Helper()
	const count = "SELECT count(*) FROM projector.view_workouts_v1 WHERE removed_at IS NULL"
	return projectortest.Number(t, s.db, count+" AND duplicate_of IS NULL"), projectortest.Number(t, s.db, count)
}

// twoProjectors fold facts that are published in small pieces, so that both have some
// of one person's at the same time.
func twoProjectors(t *testing.T, facts []projectortest.Fact) *system {
	t.Helper()
	s := newSystem(t)
	s.run(t)
	other := *s
	other.service = s.another(t, projectortest.Normalizers())
	other.run(t)
	for piece := range slices.Chunk(facts, 7) {
		projectortest.Publish(t, s.bus, piece...)
	}
	s.drained(t)
	return s
}

func TestTheSameHistoryAtTwoProvidersIsShownOnce(t *testing.T) {
	facts := seenByTwo()
	reversed := slices.Clone(facts)
	slices.Reverse(reversed)
	var want []string
	for i := range seenTwice {
		want = append(want, fmt.Sprintf("fitbit/%d > google_health/%d", i, i))
	}
	want = append(want, "fitbit/B > google_health/A") // and C, which is like B alone, stands for itself
	slices.Sort(want)
	for name, order := range map[string][]projectortest.Fact{"as it was": facts, "in the opposite order": reversed} {
		t.Run(name, func(t *testing.T) {
			s := twoProjectors(t, order)
			check := func(when string) {
				t.Helper()
				if got := s.links(t); !slices.Equal(got, want) {
					t.Errorf("%s there are %d links, want %d: %v", when, len(got), len(want), got)
				}
				// 200, A and C; with duplicates the other 200 and B.
				if byDefault, all := s.shown(t); byDefault != seenTwice+2 || all != int64(len(facts)) {
					t.Errorf("%s %d workouts are shown, with duplicates %d; want %d and %d", when, byDefault, all, seenTwice+2, len(facts))
				}
			}
			check("live")
			rebuild(t, s.service)
			check("rebuilt")
			projectortest.Publish(t, s.bus, order[:20]...) // once more, as other facts
			s.drained(t)
			check("afterwards")
			for _, d := range projectortest.Deliveries(t, s.bus, events.StreamChanges, 1) {
				if d.Event.Type() == events.TypeWorkoutRemoved {
					t.Error("a duplicate was announced as removed")
				}
			}
		})
	}
}

// What is removed or moved frees its duplicates, what comes back takes them again; a
// rebuild agrees at each step.
func TestRemovalAndMoveWorkTheLinksOutAgain(t *testing.T) {
	s := newSystem(t)
	s.run(t)
	at := func(provider string, minutes int) projectortest.Fact {
		return projectortest.Fact{User: anna, Provider: provider, External: "1",
			Record: projectortest.Record{Start: projectortest.Start().Add(time.Duration(minutes) * time.Minute), Minutes: 60}}
	}
	gone := at("google_health", 0)
	gone.Removed = true
	for _, step := range []struct {
		name string
		fact projectortest.Fact
		want []string
	}{
		{"the first", at("acme", 0), nil},
		{"a better one", at("fitbit", 5), []string{"acme/1 > fitbit/1"}},
		{"the best", at("google_health", 0), []string{"acme/1 > google_health/1", "fitbit/1 > google_health/1"}},
		{"it is removed", gone, []string{"acme/1 > fitbit/1"}},
		{"it is back", at("google_health", 0), []string{"acme/1 > google_health/1", "fitbit/1 > google_health/1"}},
		{"it moves away", at("google_health", 9000), []string{"acme/1 > fitbit/1"}},
		{"another follows it", at("acme", 9005), []string{"acme/1 > google_health/1"}},
		{"the last follows", at("fitbit", 9010), []string{"acme/1 > google_health/1", "fitbit/1 > google_health/1"}},
	} {
		step.fact.Replaces = projectortest.End(t, s.bus, events.StreamFacts)
		projectortest.Publish(t, s.bus, step.fact)
		s.drained(t)
		if got := s.links(t); !slices.Equal(got, step.want) {
			t.Errorf("%s: links are %v, want %v", step.name, got, step.want)
		}
		live := projectortest.Dump(t, s.db)
		rebuild(t, s.service)
		if again := projectortest.Dump(t, s.db); again != live {
			t.Errorf("%s: a rebuild gives other rows:\n%s\nlive there were\n%s", step.name, again, live)
		}
	}
}

// A link is an attribute of the row that is served and no version of a workout: it
// has an event of its own, and changes neither version nor time.
func TestALinkIsAnnouncedAndIsNoVersion(t *testing.T) {
	s := newSystem(t)
	s.run(t)
	half := projectortest.Record{Minutes: 30}
	fitbit := projectortest.Fact{User: anna, External: "1", Record: half}
	google := projectortest.Fact{User: anna, Provider: "google_health", External: "1", Record: half}
	projectortest.Publish(t, s.bus, fitbit)
	s.drained(t)
	row := "SELECT concat_ws(' ', version, updated_at) FROM projector.view_workouts_v1 WHERE provider = 'fitbit'"
	before := projectortest.Strings(t, s.db, row)
	projectortest.Publish(t, s.bus, google)
	s.drained(t)
	if got := s.links(t); len(got) != 1 {
		t.Fatalf("links are %v, want one", got)
	}
	if after := projectortest.Strings(t, s.db, row); !slices.Equal(after, before) {
		t.Errorf("the duplicate's version and time are %v, were %v", after, before)
	}
	google.Removed, google.Replaces = true, 2
	projectortest.Publish(t, s.bus, google)
	s.drained(t)
	fitbit.Replaces, fitbit.Record.Minutes = 1, 31
	projectortest.Publish(t, s.bus, fitbit)
	s.drained(t)
	duplicate := events.WorkoutID(anna, "fitbit", "1")
	primary := events.WorkoutID(anna, "google_health", "1")
	var said []string
	for _, d := range projectortest.Deliveries(t, s.bus, events.StreamChanges, 1) {
		var link *string
		var version uint64
		switch e := d.Event.Data.(type) {
		case *events.WorkoutLinked:
			link, version = e.DuplicateOf, e.LinkVersion
		case *events.WorkoutUpdated:
			link, version = e.DuplicateOf, e.LinkVersion
		case *events.WorkoutRecorded:
			link, version = e.DuplicateOf, e.LinkVersion
		}
		what := "none"
		if link != nil {
			what = *link
		}
		said = append(said, fmt.Sprint(d.Event.About, " ", d.Event.Type(), " ", what, " ", version))
	}
	want := []string{
		fmt.Sprint(duplicate, " stridelog.workout.recorded.v1 none 0"),
		fmt.Sprint(primary, " stridelog.workout.recorded.v1 none 0"),
		fmt.Sprint(duplicate, " stridelog.workout.linked.v1 ", primary, " 2"),
		fmt.Sprint(primary, " stridelog.workout.removed.v1 none 0"),
		fmt.Sprint(duplicate, " stridelog.workout.linked.v1 none 3"),
		fmt.Sprint(duplicate, " stridelog.workout.updated.v1 none 3"),
	}
	if !slices.Equal(said, want) {
		t.Errorf("said was\n%s\nwant\n%s", strings.Join(said, "\n"), strings.Join(want, "\n"))
	}
}

// A route that comes later makes its workout the richer one, and a removal takes that
// away; verify agrees at each step.
func TestARouteThatComesLaterWorksTheLinksOutAgain(t *testing.T) {
	s := newSystem(t)
	s.run(t)
	at := func(provider string, f projectortest.Fact) projectortest.Fact {
		f.User, f.Provider, f.External, f.Record.Minutes = anna, provider, "1", 30
		return f
	}
	for _, step := range []struct {
		name string
		fact projectortest.Fact
		want []string
	}{
		{"one", at("google_health", projectortest.Fact{}), nil},
		{"another", at("fitbit", projectortest.Fact{}), []string{"fitbit/1 > google_health/1"}},
		{"its route", at("fitbit", projectortest.Fact{Replaces: 2, Route: "<a/>"}), []string{"google_health/1 > fitbit/1"}},
		{"it is removed", at("fitbit", projectortest.Fact{Replaces: 2, Removed: true}), nil},
		{"it is back without its route", at("fitbit", projectortest.Fact{Replaces: 4}), []string{"fitbit/1 > google_health/1"}},
	} {
		projectortest.Publish(t, s.bus, step.fact)
		s.drained(t)
		if got := s.links(t); !slices.Equal(got, step.want) {
			t.Errorf("%s: links are %v, want %v", step.name, got, step.want)
		}
		if said, stored := projectortest.LinksSaid(t, s.bus, 1), projectortest.Links(t, s.db); !maps.Equal(said, stored) {
			t.Errorf("%s: the events say %v, stored are %v", step.name, said, stored)
		}
		if found := s.verify(t); len(found) != 0 {
			t.Errorf("%s: verify finds %q", step.name, found)
		}
		live := projectortest.Dump(t, s.db)
		rebuild(t, s.service)
		if again := projectortest.Dump(t, s.db); again != live {
			t.Errorf("%s: a rebuild gives other rows:\n%s\nlive there were\n%s", step.name, again, live)
		}
	}
	s.exec(t, "UPDATE projector_g6.workouts SET routed = true WHERE provider = 'fitbit'")
	found := s.verify(t)
	if !slices.Contains(found, "5 whether the workout has a route does not follow from its routes") {
		t.Errorf("a route that is none: verify finds %q", found)
	}
}
