package duplicates

import (
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/stridelog/stridelog/provider/vocabulary"
)

func noon() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) }

func id(n int) uuid.UUID { return uuid.UUID{15: byte(n), 14: byte(n >> 8)} }

// run is a run of one provider, in minutes from noon, with distance and heart rate from
// a device.
func run(n int, provider string, from, to int) Workout {
	rank := slices.Index([]string{"google_health", "fitbit"}, provider)
	if rank < 0 {
		rank = 2
	}
	return Workout{
		ID: id(n), Provider: provider, OriginRank: 2, Type: "running", Category: vocabulary.CategoryRunning,
		SourceRank: int16(rank), Plausible: true, Measured: true, Measures: 3, Members: 2,
		Start: noon().Add(time.Duration(from) * time.Minute), End: noon().Add(time.Duration(to) * time.Minute),
	}
}

func as(w Workout, workoutType string) Workout {
	w.Type, w.Category = workoutType, vocabulary.Category(workoutType)
	return w
}

// measured is a record with other counts of what was measured and what it tells.
func measured(w Workout, measures, members int16) Workout {
	w.Measures, w.Members, w.Measured = measures, members, measures > 0
	return w
}

func routed(w Workout) Workout {
	w.Routed = true
	return w
}

func implausible(w Workout) Workout {
	w.Plausible = false
	return w
}

func from(w Workout, originRank int16) Workout {
	w.OriginRank = originRank
	return w
}

func TestLinks(t *testing.T) {
	for name, c := range map[string]struct {
		workouts []Workout
		want     map[int]int
	}{
		"two providers":                {[]Workout{run(1, "fitbit", 0, 60), run(2, "google_health", 1, 61)}, map[int]int{1: 2}},
		"a provider without a place":   {[]Workout{run(1, "acme", 0, 60), run(2, "fitbit", 0, 60)}, map[int]int{1: 2}},
		"two without, by name":         {[]Workout{run(1, "zeta", 0, 60), run(2, "acme", 5, 60)}, map[int]int{1: 2}},
		"two sources of one provider":  {[]Workout{run(1, "fitbit", 1, 60), run(2, "fitbit", 0, 60)}, map[int]int{1: 2}},
		"the API before an import":     {[]Workout{from(run(1, "fitbit", 0, 60), 1), run(2, "fitbit", 5, 60)}, map[int]int{1: 2}},
		"the lower id of equals":       {[]Workout{run(2, "fitbit", 0, 60), run(1, "fitbit", 0, 60)}, map[int]int{2: 1}},
		"80 % of the shorter":          {[]Workout{run(1, "google_health", 0, 60), run(2, "fitbit", 28, 68)}, map[int]int{2: 1}},
		"less than 80 % of it":         {[]Workout{run(1, "google_health", 0, 60), run(2, "fitbit", 29, 69)}, nil},
		"half of the longer":           {[]Workout{run(1, "google_health", 0, 60), run(2, "fitbit", 30, 60)}, map[int]int{2: 1}},
		"less than half of it":         {[]Workout{run(1, "google_health", 0, 60), run(2, "fitbit", 31, 60)}, nil},
		"a session that held others":   {[]Workout{run(1, "google_health", 0, 600), run(2, "fitbit", 60, 120), run(3, "fitbit", 480, 510)}, nil},
		"another category":             {[]Workout{run(1, "google_health", 0, 60), as(run(2, "fitbit", 0, 60), "yoga")}, nil},
		"another type of the category": {[]Workout{run(1, "google_health", 0, 60), as(run(2, "fitbit", 0, 60), "treadmill")}, map[int]int{2: 1}},
		"a generic duplicate":          {[]Workout{run(1, "google_health", 0, 60), as(run(2, "fitbit", 0, 60), "workout")}, map[int]int{2: 1}},
		"generic, both ends near":      {[]Workout{run(1, "google_health", 0, 60), as(run(2, "fitbit", 6, 66), "workout")}, map[int]int{2: 1}},
		"generic, another start":       {[]Workout{run(1, "google_health", 0, 60), as(run(2, "fitbit", 7, 60), "workout")}, nil},
		"generic, another end":         {[]Workout{run(1, "google_health", 0, 60), as(run(2, "fitbit", 0, 67), "workout")}, nil},
		"generic, short":               {[]Workout{run(1, "google_health", 0, 10), as(run(2, "fitbit", 2, 12), "other")}, map[int]int{2: 1}},
		"generic, long":                {[]Workout{run(1, "google_health", 0, 300), as(run(2, "fitbit", 11, 300), "sport")}, nil},
		"two generic":                  {[]Workout{as(run(1, "google_health", 0, 60), "other"), as(run(2, "fitbit", 12, 72), "sport")}, map[int]int{2: 1}},
		"a generic primary":            {[]Workout{as(run(1, "google_health", 0, 60), "sport"), run(2, "fitbit", 0, 60)}, map[int]int{2: 1}},
		"one after the other":          {[]Workout{run(1, "google_health", 0, 60), run(2, "fitbit", 60, 120)}, nil},
		"no length":                    {[]Workout{run(1, "google_health", 0, 60), run(2, "fitbit", 30, 30), run(3, "fitbit", 30, 30)}, nil},
		"as long as is compared":       {[]Workout{run(1, "google_health", 0, 72*60), run(2, "fitbit", 0, 72*60)}, map[int]int{2: 1}},
		"longer":                       {[]Workout{run(1, "google_health", 0, 72*60+1), run(2, "fitbit", 0, 72*60+1)}, nil},
		"the richer before the better": {[]Workout{measured(run(1, "google_health", 0, 60), 2, 2), run(2, "fitbit", 1, 60)}, map[int]int{1: 2}},
		"a route is a measurement":     {[]Workout{run(1, "google_health", 0, 60), routed(run(2, "fitbit", 0, 60))}, map[int]int{1: 2}},
		"not measured comes last":      {[]Workout{measured(run(1, "google_health", 0, 60), 0, 2), measured(run(2, "fitbit", 0, 60), 1, 0)}, map[int]int{1: 2}},
		"what it tells, if as good":    {[]Workout{measured(run(1, "google_health", 0, 60), 1, 1), measured(run(2, "fitbit", 0, 60), 1, 2)}, map[int]int{1: 2}},
		"the plausible one":            {[]Workout{implausible(run(1, "google_health", 0, 60)), run(2, "fitbit", 0, 60)}, map[int]int{1: 2}},
		"implausible, hides none":      {[]Workout{implausible(run(1, "google_health", 0, 60)), implausible(run(2, "fitbit", 0, 60))}, nil},
		"implausible, hides an empty":  {[]Workout{implausible(run(1, "google_health", 0, 60)), implausible(measured(run(2, "fitbit", 0, 60), 1, 0))}, map[int]int{2: 1}},
		// C matches B alone, and B is a duplicate: C stands for itself.
		"a chain": {[]Workout{run(1, "google_health", 0, 100), run(2, "fitbit", 20, 120), run(3, "zeta", 40, 140)}, map[int]int{2: 1}},
		// The one in the middle is best: both ends are its duplicates.
		"a chain from the middle": {[]Workout{run(1, "fitbit", 0, 100), run(2, "google_health", 20, 120), run(3, "zeta", 40, 140)}, map[int]int{1: 2, 3: 2}},
		"the first of two primaries": {
			[]Workout{run(1, "google_health", 0, 60), as(run(2, "google_health", 0, 60), "yoga"), as(run(3, "fitbit", 0, 60), "workout")},
			map[int]int{3: 1},
		},
	} {
		t.Run(name, func(t *testing.T) {
			want := map[uuid.UUID]uuid.UUID{}
			for duplicate, primary := range c.want {
				want[id(duplicate)] = id(primary)
			}
			if got := Links(c.workouts); !maps.Equal(got, want) {
				t.Errorf("links are %v, want %v", got, want)
			}
		})
	}
}

// draw draws workouts that often touch.
func draw(t *rapid.T) (list []Workout) {
	for n := range rapid.IntRange(0, 14).Draw(t, "workouts") {
		start := rapid.IntRange(0, 40).Draw(t, "start")
		w := run(n+1, rapid.SampledFrom([]string{"fitbit", "google_health", "acme", "zeta"}).Draw(t, "provider"), 5*start, 5*start+5*rapid.IntRange(0, 12).Draw(t, "length"))
		w = as(w, rapid.SampledFrom([]string{"running", "treadmill", "yoga", "workout", "unheard_of"}).Draw(t, "type"))
		list = append(list, from(drawWorth(t, w), int16(rapid.IntRange(1, 2).Draw(t, "rank"))))
	}
	return list
}

// drawWorth draws what a record is worth.
func drawWorth(t *rapid.T, w Workout) Workout {
	w = measured(w, int16(rapid.IntRange(0, 3).Draw(t, "measures")), int16(rapid.IntRange(0, 2).Draw(t, "members")))
	w.Plausible, w.Routed = rapid.IntRange(0, 3).Draw(t, "plausible") > 0, rapid.IntRange(0, 3).Draw(t, "routed") == 0
	return w
}

// touching are the workouts that touch one, over others, in any number of steps.
func touching(workouts []Workout, one uuid.UUID) map[uuid.UUID]bool {
	found := map[uuid.UUID]bool{one: true}
	for before := 0; len(found) > before; {
		before = len(found)
		for _, a := range workouts {
			for _, b := range workouts {
				if found[a.ID] && a.Start.Before(b.until()) && b.Start.Before(a.until()) {
					found[b.ID] = true
				}
			}
		}
	}
	return found
}

// plain is promise 8 written down a second time: no islands are walked apart, every
// pair is compared. Whoever touches too many is left out.
func plain(workouts []Workout, most int) map[uuid.UUID]uuid.UUID {
	rest, links := map[uuid.UUID]Workout{}, map[uuid.UUID]uuid.UUID{}
	for _, w := range workouts {
		if len(touching(workouts, w.ID)) <= most {
			rest[w.ID] = w
		}
	}
	var primaries []Workout
	for len(rest) > 0 {
		var next *Workout
		for _, w := range rest {
			if next == nil || compare(&w, next) < 0 {
				next = &w
			}
		}
		delete(rest, next.ID)
		linked := false
		for _, p := range primaries {
			if !linked && match(&p, next) {
				links[next.ID], linked = p.ID, true
			}
		}
		if !linked {
			primaries = append(primaries, *next)
		}
	}
	return links
}

func TestLinksAreThoseOfThePlainRule(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		workouts := draw(t)
		most := rapid.IntRange(1, 14).Draw(t, "most")
		if got, want := (limits{most: most}).links(workouts), plain(workouts, most); !maps.Equal(got, want) {
			t.Fatalf("links are %v, want %v", got, want)
		}
	})
}

func TestLinksDoNotDependOnOrderOrOnWhatWasLinked(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		workouts := draw(t)
		links := Links(workouts)
		again := rapid.Permutation(workouts).Draw(t, "order")
		for i := range again {
			again[i].DuplicateOf = id(rapid.IntRange(0, 14).Draw(t, "stored"))
		}
		if got := Links(again); !maps.Equal(got, links) {
			t.Fatalf("links are %v, in another order %v", links, got)
		}
	})
}

func TestLinksPointOnlyToPrimaries(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		links := Links(draw(t))
		for duplicate, primary := range links {
			if onward, ok := links[primary]; ok {
				t.Fatalf("%s links to %s, which links to %s", duplicate, primary, onward)
			}
		}
	})
}

// What a batch relies on: whoever touches nothing that changed, and was linked to
// nothing that changed, keeps its link.
func TestLinksAwayFromAChangeStay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		before := draw(t)
		if len(before) == 0 {
			return
		}
		after := append([]Workout{}, before...)
		n := rapid.IntRange(0, len(after)-1).Draw(t, "changed")
		changed := before[n].ID
		if rapid.Bool().Draw(t, "removed") {
			after = append(after[:n], after[n+1:]...)
		} else {
			after[n].Start = after[n].Start.Add(time.Duration(rapid.IntRange(-100, 100).Draw(t, "moved")) * time.Minute)
			after[n].End = after[n].Start.Add(time.Duration(rapid.IntRange(0, 100).Draw(t, "length")) * time.Minute)
		}
		old, now := Links(before), Links(after)
		for _, i := range standard().islands(after) {
			seeded := false
			for _, w := range i.workouts {
				seeded = seeded || w.ID == changed || old[w.ID] == changed
			}
			for _, w := range i.workouts {
				if !seeded && old[w.ID] != now[w.ID] {
					t.Fatalf("%s linked to %s and links to %s, far from the change of %s", w.ID, old[w.ID], now[w.ID], changed)
				}
			}
		}
	})
}
