package simulator_test

import (
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stridelog/stridelog/provider/simulator"
)

// everyExtra is a table in which everything happens often.
func everyExtra() simulator.Extras {
	return simulator.Extras{
		Copies: []simulator.Repeat{
			{Percent: 60, Start: simulator.Spread{{Weight: 3, Low: -40, High: -1}, {Weight: 1, Low: 0, High: 0}, {Weight: 3, Low: 1, High: 40}},
				Length: simulator.Spread{{Weight: 1, Low: 70, High: 130}}, Automatic: 40, Lost: simulator.Lost{Distance: 50, HeartRate: 50, Energy: 50, Steps: 50, Name: 30}},
			{Percent: 30, Type: "workout", Length: simulator.Spread{{Weight: 1, Low: 100, High: 100}}},
		},
		Detections: []simulator.Repeat{{Percent: 70, Start: simulator.Spread{{Weight: 1, Low: 5, High: 90}}, Length: simulator.Spread{{Weight: 1, Low: 60, High: 95}}}},
		Forgotten: []simulator.Forgotten{{Percent: 50, Start: simulator.Spread{{Weight: 1, Low: -30, High: 0}},
			Length: simulator.Spread{{Weight: 1, Low: 180, High: 600}, {Weight: 1, Low: 721, High: 1800}}, HeartRate: 50}},
	}
}

// extrasOf are all extra records of a person in four months, and the workouts.
func extrasOf(t *testing.T, seed int64, miles bool, e simulator.Extras) (extras []simulator.Extra, workouts map[string]simulator.Truth) {
	t.Helper()
	since := noon.AddDate(0, 0, -120)
	p, err := simulator.NewPerson(seed, "extra", "Europe/Berlin", simulator.Options{Since: since, Miles: miles, Extras: e})
	if err != nil {
		t.Fatal(err)
	}
	workouts = map[string]simulator.Truth{}
	for date := since; date.Before(noon); date = date.AddDate(0, 0, 1) {
		extras = append(extras, p.Extras(date)...)
		for _, w := range p.Day(date) {
			workouts[w.ExternalID] = w
		}
	}
	return extras, workouts
}

func TestExtrasChangeNoWorkout(t *testing.T) {
	_, with := extrasOf(t, 3, false, everyExtra())
	none, without := extrasOf(t, 3, false, simulator.Extras{})
	if !reflect.DeepEqual(with, without) {
		t.Error("a person with extra records does something else")
	}
	if len(none) > 0 {
		t.Errorf("%d extra records without a table", len(none))
	}
	first, _ := extrasOf(t, 3, false, everyExtra())
	if again, _ := extrasOf(t, 3, false, everyExtra()); len(first) == 0 || !reflect.DeepEqual(first, again) {
		t.Errorf("%d extra records are others the second time", len(first))
	}
}

// Each record keeps to what its table says, and no two have an id.
func TestExtrasKeepToTheirTable(t *testing.T) {
	for seed := int64(1); seed <= 12; seed++ {
		t.Run(strconv.FormatInt(seed, 10), func(t *testing.T) {
			all, workouts := extrasOf(t, seed, seed%2 == 0, everyExtra())
			ids := map[string]bool{}
			for _, x := range all {
				of, known := workouts[x.Of]
				if _, taken := workouts[x.ExternalID]; taken || ids[x.ExternalID] || !known {
					t.Fatalf("id %s is taken, or of a workout that is not there: %s", x.ExternalID, x.Of)
				}
				ids[x.ExternalID] = true
				if x.Modified.Before(x.End()) || x.Duration <= 0 || x.ActiveDuration > x.Duration || x.Duration%time.Second != 0 {
					t.Errorf("%s: %v from %v, known at %v", x.ExternalID, x.Duration, x.Start, x.Modified)
				}
				if wrong := strays(x, of); wrong != "" {
					t.Errorf("a %s of %s %s: %+v of %+v", x.Kind, of.Type, wrong, x.Truth, of)
				}
			}
		})
	}
}

// strays says what an extra record has that the table above does not give.
func strays(x simulator.Extra, of simulator.Truth) string {
	late, share := x.Start.Sub(of.Start), 100*x.Duration.Seconds()/of.Duration.Seconds()
	switch {
	case of.Custom || of.Device == nil:
		return "repeats what is not repeated"
	case x.Kind == simulator.ExtraCopy && (x.Device != nil || x.Zones != nil || late < -40*time.Second || late > 40*time.Second || share < 69 || share > 131):
		return "is no copy"
	case x.Kind == simulator.ExtraDetection && (x.Device == nil || x.DistanceMeters != nil || x.Recording != simulator.RecordedAutomatically ||
		of.DistanceMeters == nil || of.Recording != simulator.RecordedActively || late < 5*time.Second || late > 90*time.Second || share < 59 || share > 95):
		return "is no detection"
	case x.Kind == simulator.ExtraForgotten && (*x.DistanceMeters != 0 || *x.Steps != 0 || *x.CaloriesKcal != 0 || x.Device == nil ||
		x.Duration < 3*time.Hour || x.Duration > 30*time.Hour || late > 0 || late < -30*time.Minute || of.Start.After(x.End())):
		return "is no session that nobody ended"
	}
	return ""
}

// TestExtrasHoldWhatIsHard looks for each case in the records of a few people.
func TestExtrasHoldWhatIsHard(t *testing.T) {
	found := map[string]int{}
	for seed := int64(1); seed <= 4; seed++ {
		all, workouts := extrasOf(t, seed, false, everyExtra())
		for _, x := range all {
			of := workouts[x.Of]
			for name, is := range map[string]bool{
				"a copy that begins earlier":    x.Kind == simulator.ExtraCopy && x.Start.Before(of.Start),
				"a copy that begins later":      x.Kind == simulator.ExtraCopy && x.Start.After(of.Start),
				"a longer copy":                 x.Kind == simulator.ExtraCopy && x.Duration > of.Duration,
				"a shorter copy":                x.Kind == simulator.ExtraCopy && x.Duration < of.Duration,
				"a hollow copy":                 x.Kind == simulator.ExtraCopy && x.DistanceMeters == nil && x.AvgHeartRateBPM == nil && (x.CaloriesKcal == nil || *x.CaloriesKcal == 0),
				"a copy with a distance":        x.Kind == simulator.ExtraCopy && x.DistanceMeters != nil,
				"a copy that says zero kcal":    x.Kind == simulator.ExtraCopy && x.CaloriesKcal != nil && *x.CaloriesKcal == 0,
				"a copy with another energy":    x.Kind == simulator.ExtraCopy && x.CaloriesKcal != nil && *x.CaloriesKcal > 0 && *x.CaloriesKcal != *of.CaloriesKcal,
				"a copy without a name":         x.Kind == simulator.ExtraCopy && x.Name == nil,
				"a copy of another type":        x.Kind == simulator.ExtraCopy && x.Type == "workout" && of.Type != "workout",
				"a copy that was noticed":       x.Kind == simulator.ExtraCopy && x.Recording == simulator.RecordedAutomatically,
				"a detection with a heart rate": x.Kind == simulator.ExtraDetection && x.Zones != nil,
				"a forgotten session":           x.Kind == simulator.ExtraForgotten && x.Zones == nil,
				"one with a heart rate":         x.Kind == simulator.ExtraForgotten && x.Zones != nil,
				"one of more than a day":        x.Kind == simulator.ExtraForgotten && x.Duration > 24*time.Hour,
			} {
				if found[name] += 0; is {
					found[name]++
				}
			}
		}
	}
	for name, n := range found {
		if n == 0 {
			t.Errorf("nobody has: %s", name)
		}
	}
}

func TestImpossibleExtrasAreRefused(t *testing.T) {
	length := simulator.Spread{{Weight: 1, Low: 100, High: 100}}
	for want, e := range map[string]simulator.Extras{
		"copies 0: Percent is 101":           {Copies: []simulator.Repeat{{Percent: 101, Length: length}}},
		"detections 1: Length is empty":      {Detections: []simulator.Repeat{{Length: length}, {}}},
		"Length has the share":               {Copies: []simulator.Repeat{{Length: simulator.Spread{{Weight: 1, Low: 0, High: 9}}}}},
		"Start has the share":                {Copies: []simulator.Repeat{{Length: length, Start: simulator.Spread{{Weight: 0, Low: 1, High: 9}}}}},
		"Lost.Steps is -1":                   {Copies: []simulator.Repeat{{Length: length, Lost: simulator.Lost{Steps: -1}}}},
		`type is "jogging"`:                  {Copies: []simulator.Repeat{{Length: length, Type: "jogging"}}},
		"forgotten 0: HeartRate is 200":      {Forgotten: []simulator.Forgotten{{Length: length, HeartRate: 200}}},
		"forgotten 0: Start has the share":   {Forgotten: []simulator.Forgotten{{Length: length, Start: simulator.Spread{{Weight: 1, Low: 2, High: 1}}}}},
		"forgotten 0: Length is empty; give": {Forgotten: []simulator.Forgotten{{Percent: 5}}},
	} {
		p, err := simulator.NewPerson(1, "x", "UTC", simulator.Options{Now: noon, Extras: e})
		if p != nil || err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("made a person, or the error is %q, want %q in it", err, want)
		}
	}
}
