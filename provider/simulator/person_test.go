package simulator_test

import (
	"reflect"
	"strconv"
	"testing"
	"time"

	"github.com/stridelog/stridelog/provider/simulator"
)

var noon = time.Date(2026, time.May, 20, 12, 0, 0, 0, time.UTC)

func roster(t *testing.T, seed int64) []*simulator.Person {
	t.Helper()
	people, err := simulator.Roster(seed, noon)
	if err != nil {
		t.Fatal(err)
	}
	return people
}

// everyone calls f for the people of several seeds with all they did.
func everyone(t *testing.T, f func(t *testing.T, p *simulator.Person, history []simulator.Truth)) {
	t.Helper()
	for seed := int64(1); seed <= 12; seed++ {
		for _, p := range roster(t, seed) {
			t.Run(p.Name()+"/"+strconv.FormatInt(seed, 10), func(t *testing.T) { f(t, p, p.History(noon)) })
		}
	}
}

func TestTheSameSeedGivesTheSameHistory(t *testing.T) {
	for i, p := range roster(t, 7) {
		if again := roster(t, 7)[i]; !reflect.DeepEqual(p.History(noon), again.History(noon)) || p.AccountID() != again.AccountID() {
			t.Errorf("%s is somebody else the second time", p.Name())
		}
		if other := roster(t, 8)[i]; reflect.DeepEqual(p.History(noon), other.History(noon)) || p.AccountID() == other.AccountID() {
			t.Errorf("%s is the same with another seed", p.Name())
		}
	}
}

func TestTomorrowIsTodayAndOneDayMore(t *testing.T) {
	everyone(t, func(t *testing.T, p *simulator.Person, today []simulator.Truth) {
		tomorrow := map[string]simulator.Truth{}
		later, err := simulator.Roster(1, noon.AddDate(0, 0, 1))
		if err != nil {
			t.Fatal(err)
		}
		if !later[0].Since().Equal(roster(t, 1)[0].Since()) {
			t.Fatal("a roster made a day later begins on another day")
		}
		for _, w := range p.History(noon.AddDate(0, 0, 1)) {
			tomorrow[w.ExternalID] = w
		}
		for _, w := range today {
			if !reflect.DeepEqual(w, tomorrow[w.ExternalID]) {
				t.Errorf("workout %s is another or gone a day later", w.ExternalID)
			}
			delete(tomorrow, w.ExternalID)
		}
		for id, w := range tomorrow {
			if !w.Modified.After(noon) {
				t.Errorf("workout %s was there today and was not listed", id)
			}
		}
	})
}

func TestHistoriesAreBelievable(t *testing.T) {
	everyone(t, func(t *testing.T, _ *simulator.Person, history []simulator.Truth) {
		ids := map[string]bool{}
		recent := 0
		for i, w := range history {
			if ids[w.ExternalID] {
				t.Errorf("id %s comes twice", w.ExternalID)
			}
			ids[w.ExternalID] = true
			if w.Start.After(noon.AddDate(0, 0, -90)) {
				recent++
			}
			if i > 0 && w.Start.Before(history[i-1].End()) {
				t.Errorf("%s begins before %s is over", w.ExternalID, history[i-1].ExternalID)
			}
			plausible(t, w)
		}
		if recent < 60 || recent > 120 {
			t.Errorf("%d workouts in the last 90 days, want 60 to 120", recent)
		}
	})
}

func plausible(t *testing.T, w simulator.Truth) {
	t.Helper()
	switch {
	case w.Duration <= 0 || w.ActiveDuration > w.Duration || w.ActiveDuration <= 0:
		t.Errorf("%s: active %v of %v", w.ExternalID, w.ActiveDuration, w.Duration)
	case w.Duration%time.Second != 0 || w.Start.Nanosecond() != 0:
		t.Errorf("%s: not in whole seconds", w.ExternalID)
	case w.Modified.Before(w.End()) || w.Modified.After(noon):
		t.Errorf("%s: known at %v, over at %v", w.ExternalID, w.Modified, w.End())
	case w.DistanceMeters != nil && *w.AvgSpeedMPS() > 9:
		t.Errorf("%s: %v m/s", w.ExternalID, *w.AvgSpeedMPS())
	}
	minutes := 0
	for i, z := range w.Zones {
		minutes += z.Minutes
		if i > 0 && z.MinBPM != w.Zones[i-1].MaxBPM || z.Minutes < 0 || z.MinBPM >= z.MaxBPM {
			t.Errorf("%s: zone %+v after %+v", w.ExternalID, z, w.Zones[max(i-1, 0)])
		}
	}
	if whole := int(w.ActiveDuration.Minutes()); w.Zones != nil && minutes != whole {
		t.Errorf("%s: %d minutes in zones of %d", w.ExternalID, minutes, whole)
	}
}

// TestHistoriesHoldWhatIsHard looks for each of the cases that a reader of
// records must survive, over the whole roster.
func TestHistoriesHoldWhatIsHard(t *testing.T) {
	cases := map[string]func(simulator.Truth) bool{
		"recorded by hand":             func(w simulator.Truth) bool { return w.Recording == simulator.RecordedManually },
		"noticed by the device":        func(w simulator.Truth) bool { return w.Recording == simulator.RecordedAutomatically },
		"recorded by phone":            func(w simulator.Truth) bool { return w.Device != nil && w.Device.Type == simulator.DeviceApp },
		"bridged from elsewhere":       func(w simulator.Truth) bool { return w.Device == nil && w.Recording == simulator.RecordedActively },
		"no name":                      func(w simulator.Truth) bool { return w.Name == nil },
		"a type of one's own":          func(w simulator.Truth) bool { return w.Custom && w.Type == "other" },
		"a partner's type":             func(w simulator.Truth) bool { return w.Custom && w.Type != "other" },
		"a walk without distance":      func(w simulator.Truth) bool { return w.Type == "walking" && w.DistanceMeters == nil },
		"a distance of zero":           func(w simulator.Truth) bool { return w.DistanceMeters != nil && *w.DistanceMeters == 0 },
		"a height of zero":             func(w simulator.Truth) bool { return w.ElevationGainMeters != nil && *w.ElevationGainMeters == 0 },
		"no steps":                     func(w simulator.Truth) bool { return w.Steps == nil },
		"no heart rate":                func(w simulator.Truth) bool { return w.AvgHeartRateBPM == nil },
		"heart rate without zones":     func(w simulator.Truth) bool { return w.AvgHeartRateBPM != nil && w.Zones == nil },
		"with pauses":                  func(w simulator.Truth) bool { return w.ActiveDuration < w.Duration },
		"over midnight":                func(w simulator.Truth) bool { return w.End().Format(time.DateOnly) != w.LocalDate() },
		"through a change of clocks":   func(w simulator.Truth) bool { return w.Start.Hour() == 1 && w.Duration >= 100*time.Minute },
		"edited":                       func(w simulator.Truth) bool { return !w.OriginalStart.Equal(w.Start) },
		"uploaded days later":          func(w simulator.Truth) bool { return w.Modified.Sub(w.End()) > 24*time.Hour },
		"an id of 19 digits":           func(w simulator.Truth) bool { return len(w.ExternalID) == 19 },
		"an id of 10 digits":           func(w simulator.Truth) bool { return len(w.ExternalID) == 10 },
		"an offset of zero in winter":  func(w simulator.Truth) bool { return w.Offset() == "+00:00" },
		"an offset of half an hour":    func(w simulator.Truth) bool { return w.Offset() == "+05:30" },
		"a local day ahead of UTC's":   func(w simulator.Truth) bool { return w.LocalDate() > w.Start.UTC().Format(time.DateOnly) },
		"a local day behind UTC's":     func(w simulator.Truth) bool { return w.LocalDate() < w.Start.UTC().Format(time.DateOnly) },
		"a zone labelled in Italian":   func(w simulator.Truth) bool { return len(w.Zones) > 0 && w.Zones[0].Label == "Fuori zona" },
		"a run, a swim, a ride, yoga…": func(w simulator.Truth) bool { return w.Type == "tennis" },
	}
	found := map[string]int{}
	types := map[string]bool{}
	for _, p := range roster(t, 1) {
		for _, w := range p.History(noon) {
			types[w.Type] = true
			for name, is := range cases {
				if is(w) {
					found[name]++
				}
			}
		}
	}
	for name := range cases {
		if found[name] == 0 {
			t.Errorf("nobody has: %s", name)
		}
	}
	for _, word := range []string{"running", "walking", "outdoor_bike", "swimming", "yoga", "weights", "tennis", "hiking", "spinning"} {
		if !types[word] {
			t.Errorf("nobody does %s", word)
		}
	}
}

func TestTenYearsOfHistory(t *testing.T) {
	p, err := simulator.NewPerson(3, "old hand", "Europe/London", simulator.Options{Now: noon, Days: 3652})
	if err != nil {
		t.Fatal(err)
	}
	history := p.History(noon)
	if len(history) < 3000 || len(history) > 4500 {
		t.Errorf("%d workouts in ten years", len(history))
	}
	first := history[0]
	if len(first.ExternalID) > 11 {
		t.Errorf("a record of %s has the id %s; old ids have 10 or 11 digits", first.LocalDate(), first.ExternalID)
	}
	ids := map[string]bool{}
	for _, w := range history {
		if ids[w.ExternalID] {
			t.Errorf("id %s comes twice", w.ExternalID)
		}
		ids[w.ExternalID] = true
		if year := w.Start.UTC().Year(); (w.ActiveZoneMinutes() != nil) != (w.Zones != nil && year >= 2020) {
			t.Errorf("%s of %d: active zone minutes", w.ExternalID, year)
		}
	}
}

func TestSinceFixesTheFirstDay(t *testing.T) {
	since := time.Date(2026, time.March, 1, 0, 0, 0, 0, time.UTC)
	p, err := simulator.NewPerson(1, "anna", "Europe/Berlin", simulator.Options{Since: since})
	if err != nil {
		t.Fatal(err)
	}
	if got := p.Day(since.AddDate(0, 0, -1)); got != nil {
		t.Errorf("%d workouts on the day before the first", len(got))
	}
	longer, err := simulator.NewPerson(1, "anna", "Europe/Berlin", simulator.Options{Now: noon, Days: 400})
	if err != nil {
		t.Fatal(err)
	}
	for day := since; day.Before(noon); day = day.AddDate(0, 0, 1) {
		if !reflect.DeepEqual(p.Day(day), longer.Day(day)) {
			t.Fatalf("%s depends on the first day of the history", day.Format(time.DateOnly))
		}
	}
}

func TestImpossiblePeopleAreRefused(t *testing.T) {
	for name, make := range map[string]func() (*simulator.Person, error){
		"no name": func() (*simulator.Person, error) {
			return simulator.NewPerson(1, "", "UTC", simulator.Options{Now: noon})
		},
		"no such zone": func() (*simulator.Person, error) {
			return simulator.NewPerson(1, "x", "Mars/Base", simulator.Options{Now: noon})
		},
		"no first day": func() (*simulator.Person, error) { return simulator.NewPerson(1, "x", "UTC", simulator.Options{}) },
		"too long": func() (*simulator.Person, error) {
			return simulator.NewPerson(1, "x", "UTC", simulator.Options{Now: noon, Days: 4000})
		},
		"negative": func() (*simulator.Person, error) {
			return simulator.NewPerson(1, "x", "UTC", simulator.Options{Now: noon, Days: -1})
		},
		"travels nowhere": func() (*simulator.Person, error) {
			return simulator.NewPerson(1, "x", "UTC", simulator.Options{Now: noon, Travels: []string{"Nowhere/At_all"}})
		},
	} {
		if p, err := make(); err == nil || p != nil {
			t.Errorf("%s: made a person", name)
		}
	}
}

func TestACopySharesNothing(t *testing.T) {
	for _, w := range roster(t, 1)[0].History(noon) {
		c := w.Copy()
		if !reflect.DeepEqual(c, w) {
			t.Fatalf("%s: the copy differs", w.ExternalID)
		}
		if len(c.Zones) > 0 {
			c.Zones[0].Minutes++
			*c.Zones[0].CaloriesKcal++
		}
		if c.Device != nil && len(c.Device.Features) > 0 {
			c.Device.Features[0] = "other"
		}
		if reflect.DeepEqual(c, w) && (len(c.Zones) > 0 || c.Device != nil && len(c.Device.Features) > 0) {
			t.Fatalf("%s: a change of the copy changes the original", w.ExternalID)
		}
	}
}
