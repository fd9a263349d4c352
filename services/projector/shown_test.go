package projector_test

import (
	"cmp"
	"flag"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/platform/waittest"
	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/provider/fitbit"
	"github.com/stridelog/stridelog/provider/googlehealth"
	"github.com/stridelog/stridelog/provider/simulator"
	"github.com/stridelog/stridelog/services/projector/internal/projectortest"
)

var firstSeed = flag.Int64("first-seed", 1, "the first of the seeds whose lists are compared with what happened")

const (
	shownSeeds   = 200
	shownDays    = 2
	readTogether = 8 // seeds whose people share their clouds: consent pages name everybody
)

// shownPerson is a user who is a simulated person.
type shownPerson struct {
	*simulator.Person
	seed   int64
	at     string // fitbit, google or both
	user   string
	window events.Window // whole days, that begin and end at 04:30 there
}

func (s shownPerson) String() string { return fmt.Sprintf("seed %d at %s", s.seed, s.at) }

// newPerson makes a person of a seed. Styles, zones and units take turns.
func newPerson(t *testing.T, seed int64, name string, beside simulator.Extras) *simulator.Person {
	t.Helper()
	p, err := simulator.NewPerson(seed, name, []string{"Europe/Berlin", "America/New_York", "Europe/London"}[seed%3], simulator.Options{
		Style: []simulator.Style{simulator.StyleRunner, simulator.StyleRider, simulator.StyleGym, simulator.StyleWalker}[seed/3%4],
		Miles: seed%5 == 0, Since: shownSince(), Extras: beside,
	})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// usersOf are the three of a seed: one at Fitbit, one at Google Health, and one at
// both, who is the same person as the second.
func usersOf(t *testing.T, seed int64) [3]shownPerson {
	t.Helper()
	alone, twice := newPerson(t, seed, "alone", withShortSessions(seenBeside())), newPerson(t, seed, "twice", seenBeside())
	since := shownSince()
	from := time.Date(since.Year(), since.Month(), since.Day()+int(seed%4), 4, 30, 0, 0, alone.Zone(since))
	user := func(at string, p *simulator.Person) shownPerson {
		id := uuid.NewSHA1(uuid.Nil, fmt.Append(nil, at, seed)).String()
		return shownPerson{p, seed, at, id, events.Window{From: from, To: from.AddDate(0, 0, shownDays)}}
	}
	return [3]shownPerson{user("fitbit", alone), user("google", twice), user("both", twice)}
}

// shownSince is the first day of everybody, a Wednesday. What is read begins there or up
// to three days later; on the last day the clocks change in Europe.
func shownSince() time.Time { return time.Date(2026, time.March, 25, 0, 0, 0, 0, time.UTC) }

// shown is a row of the default list.
type shown struct {
	Provider, ExternalID    string
	Seconds, Meters, Energy float64
}

// What a person did is what the default list of their workouts says, however many
// apps and devices recorded it besides. A session that nobody ended stays in the list
// with its zeros, since it repeats nothing; its hours are no part of the comparison.
func TestWhatIsShownIsWhatHappened(t *testing.T) {
	t.Logf("the seeds are %d to %d; -first-seed=N begins elsewhere", *firstSeed, *firstSeed+shownSeeds-1)
	s := newSystem(t)
	normalizers := provider.Normalizers{}
	maps.Copy(normalizers, fitbit.Normalizers())
	maps.Copy(normalizers, googlehealth.Normalizers())
	s.service = s.another(t, normalizers)
	var everybody []shownPerson
	t.Run("read", func(t *testing.T) {
		for from := *firstSeed; from < *firstSeed+shownSeeds; from += readTogether {
			var some [][3]shownPerson
			for seed := from; seed < from+readTogether; seed++ {
				users := usersOf(t, seed)
				some, everybody = append(some, users), append(everybody, users[:]...)
			}
			t.Run(fmt.Sprint("seeds from ", from), func(t *testing.T) {
				t.Parallel()
				s.readAll(t, some)
			})
		}
	})
	s.run(t)
	s.folded(t, int64(projectortest.End(t, s.bus, events.StreamFacts)))
	lists := s.lists(t)
	wrong := 0
	for _, one := range everybody {
		if difference := one.compare(lists[one.user]); difference != "" {
			if wrong++; wrong <= 10 {
				t.Errorf("%s: %s", one, difference)
			}
		}
	}
	if wrong > 0 {
		t.Errorf("the lists of %d people of %d are not what happened", wrong, len(everybody))
	}
}

// readAll reads what the accounts of some people have into the log.
func (s *system) readAll(t *testing.T, some [][3]shownPerson) {
	t.Helper()
	now := shownSince().AddDate(0, 0, 40) // what comes late has come
	var atFitbit, atGoogle []*simulator.Person
	for _, users := range some {
		atFitbit, atGoogle = append(atFitbit, users[0].Person, users[1].Person), append(atGoogle, users[1].Person)
	}
	fitbitCloud, googleCloud := fitbitOf(t, atFitbit, now), googleOf(t, atGoogle, now)
	for _, users := range some {
		alone := fitbitCloud.read(t, users[0].Person, users[0].window)
		here, there := fitbitCloud.read(t, users[2].Person, users[2].window), googleCloud.read(t, users[2].Person, users[2].window)
		facts := slices.Concat(
			factsOf(users[0].user, fitbit.Name, now, alone), factsOf(users[1].user, googlehealth.Name, now, there),
			factsOf(users[2].user, fitbit.Name, now, here), factsOf(users[2].user, googlehealth.Name, now, there))
		if err := s.bus.PublishAll(t.Context(), facts); err != nil {
			t.Fatal(err)
		}
	}
}

// folded waits until so many workouts are there, as long as there is progress.
func (s *system) folded(t *testing.T, want int64) {
	t.Helper()
	for have := int64(0); have < want; {
		before := have
		waittest.Until(t, fmt.Sprintf("the projector folds more than %d facts of %d", before, want), func() bool {
			have = projectortest.Number(t, s.db, "SELECT count(*) FROM projector.view_workouts_v1")
			return have > before
		})
	}
}

// The table asks for nothing that links do not promise, and for enough of it.
func TestWhatIsSeenBesideStaysInsideThePromise(t *testing.T) {
	kinds := map[string]int{}
	for seed := *firstSeed; seed < *firstSeed+shownSeeds; seed++ {
		users := usersOf(t, seed)
		for _, s := range users[:2] {
			happened := s.workouts()
			for _, x := range s.extras() {
				of, known := happened[x.Of]
				if !known {
					continue // of the day before
				}
				start, end := x.Start, x.End()
				if of.Start.After(start) {
					start = of.Start
				}
				if of.End().Before(end) {
					end = of.End()
				}
				shared := end.Sub(start).Seconds()
				shorter, longer := min(of.Duration, x.Duration).Seconds(), max(of.Duration, x.Duration).Seconds()
				if kinds[x.Kind]++; x.Kind != simulator.ExtraForgotten && (shared < 0.8*shorter || shared < 0.5*longer) {
					t.Errorf("%s: %s is no repetition of %s", s, describe(x.Kind, x.Truth), describe("the workout", of))
				}
			}
		}
	}
	if kinds[simulator.ExtraCopy] < 400 || kinds[simulator.ExtraDetection] < 100 || kinds[simulator.ExtraForgotten] < 100 {
		t.Errorf("beside the workouts of %d seeds there are only %v", shownSeeds, kinds)
	}
	t.Logf("beside the workouts of %d seeds there are %v", shownSeeds, kinds)
}

// lists reads what the default list reads, by user.
func (s *system) lists(t *testing.T) map[string][]shown {
	t.Helper()
	rows, err := s.db.Query(t.Context(), `SELECT user_id::text, provider, external_id, (doc::jsonb ->> 'duration_seconds')::float8,
			coalesce((doc::jsonb ->> 'distance_meters')::float8, 0), coalesce((doc::jsonb ->> 'calories_kcal')::float8, 0)
		FROM projector.view_workouts_v1 WHERE removed_at IS NULL AND duplicate_of IS NULL`)
	if err != nil {
		t.Fatal(err)
	}
	lists := map[string][]shown{}
	var user string
	var row shown
	_, err = pgx.ForEachRow(rows, []any{&user, &row.Provider, &row.ExternalID, &row.Seconds, &row.Meters, &row.Energy}, func() error {
		lists[user] = append(lists[user], row)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return lists
}

// halfSecond is what Google's records may be longer than the workout.
const halfSecond = 0.5

// compare says how a list differs from what happened.
func (s shownPerson) compare(list []shown) string {
	happened, beside := s.workouts(), s.extras()
	var want, got shown
	var strange []string
	for _, w := range happened {
		want.Seconds += w.Duration.Seconds()
		if w.DistanceMeters != nil {
			want.Meters += *w.DistanceMeters
		}
		if w.CaloriesKcal != nil {
			want.Energy += float64(*w.CaloriesKcal)
		}
	}
	times := map[string]int{}
	for _, row := range list {
		got.Meters, got.Energy = got.Meters+row.Meters, got.Energy+row.Energy
		x, extra := beside[row.ExternalID]
		switch {
		case extra && x.Kind == simulator.ExtraForgotten:
			continue
		case extra:
			strange = append(strange, "shown: "+describe(x.Kind+" from "+row.Provider, x.Truth)+" of "+describe("the workout", happened[x.Of]))
		default:
			times[row.ExternalID]++
		}
		got.Seconds += row.Seconds
	}
	for id, w := range happened {
		if times[id] != 1 {
			strange = append(strange, fmt.Sprintf("shown %d times: %s", times[id], describe("the workout", w)))
		}
	}
	tolerance := halfSecond * float64(len(happened))
	if len(strange) == 0 && math.Abs(got.Meters-want.Meters) < 0.1 && math.Abs(got.Energy-want.Energy) < 0.1 && math.Abs(got.Seconds-want.Seconds) <= tolerance {
		return ""
	}
	slices.Sort(strange)
	return fmt.Sprintf("the list has %.0f m, %.0f kcal and %.0f s; %.0f m, %.0f kcal and %.0f s happened\n\t%s",
		got.Meters, got.Energy, got.Seconds, want.Meters, want.Energy, want.Seconds, strings.Join(strange, "\n\t"))
}

// workouts are what the person did in the days that are read.
func (s shownPerson) workouts() map[string]simulator.Truth {
	all := map[string]simulator.Truth{}
	for day := s.Since(); day.Before(s.window.To.AddDate(0, 0, 2)); day = day.AddDate(0, 0, 1) {
		for _, w := range s.Day(day) {
			if s.window.Contains(w.Start) {
				all[w.ExternalID] = w
			}
		}
	}
	return all
}

// extras are the records beside them.
func (s shownPerson) extras() map[string]simulator.Extra {
	all := map[string]simulator.Extra{}
	for day := s.Since(); day.Before(s.window.To.AddDate(0, 0, 2)); day = day.AddDate(0, 0, 1) {
		for _, x := range s.Extras(day) {
			if s.window.Contains(x.Start) {
				all[x.ExternalID] = x
			}
		}
	}
	return all
}

// describe shows a record to whoever finds out whether rule, data or test is wrong.
func describe(kind string, w simulator.Truth) string {
	number := func(n *int) string {
		if n == nil {
			return "-"
		}
		return fmt.Sprint(*n)
	}
	meters := "-"
	if w.DistanceMeters != nil {
		meters = fmt.Sprintf("%.0f", *w.DistanceMeters)
	}
	device := "no device"
	if w.Device != nil {
		device = w.Device.Type
	}
	return fmt.Sprintf("%s %s, %s, %s, from %s for %s: %s m, %s kcal, %s bpm, %s steps", kind, cmp.Or(w.Type, "gone"), w.Recording, device,
		w.Start.Format(time.DateTime), w.Duration, meters, number(w.CaloriesKcal), number(w.AvgHeartRateBPM), number(w.Steps))
}
