package fitbit_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stridelog/stridelog/provider/simulator"
)

var update = flag.Bool("update", false, "write the golden file anew")

// TestTheFirstRecordsAreFrozen holds the promise "same seed, same bytes" from
// one release to the next.
func TestTheFirstRecordsAreFrozen(t *testing.T) {
	a := newApp(t, nil)
	var got bytes.Buffer
	for _, p := range a.people {
		for _, w := range a.cloud.Truth(p.AccountID())[:15] {
			got.Write(append(a.cloud.RawRecord(p.AccountID(), w.ExternalID), '\n'))
		}
	}
	const file = "testdata/roster_seed_1.golden"
	if *update {
		if err := os.WriteFile(file, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Equal(want, got.Bytes()) {
		return
	}
	old, now := strings.Split(string(want), "\n"), strings.Split(got.String(), "\n")
	for i := range min(len(old), len(now)) {
		if old[i] != now[i] {
			t.Fatalf("record %d is another; if that is meant, run with -update\n was %s\n is  %s", i, old[i], now[i])
		}
	}
	t.Fatalf("%d lines, want %d", len(now), len(old))
}

// documented are the members that docs and recorded answers show, by path.
var documented = strings.Fields(`
 logId activityTypeId activityName logType startTime originalStartTime duration activeDuration originalDuration lastModified calories
 steps distance distanceUnit speed pace elevationGain averageHeartRate heartRateZones heartRateZones.name heartRateZones.min
 heartRateZones.max heartRateZones.minutes heartRateZones.caloriesOut activityLevel activityLevel.name activityLevel.minutes
 activeZoneMinutes activeZoneMinutes.totalMinutes activeZoneMinutes.minutesInHeartRateZones
 activeZoneMinutes.minutesInHeartRateZones.zoneName activeZoneMinutes.minutesInHeartRateZones.type
 activeZoneMinutes.minutesInHeartRateZones.order activeZoneMinutes.minutesInHeartRateZones.minutes
 activeZoneMinutes.minutesInHeartRateZones.minuteMultiplier hasActiveZoneMinutes manualValuesSpecified manualValuesSpecified.calories
 manualValuesSpecified.distance manualValuesSpecified.steps source source.id source.name source.type source.trackerFeatures source.url
 caloriesLink detailsLink heartRateLink tcxLink hasGps`)

func paths(value any, prefix string, found map[string]bool) {
	switch v := value.(type) {
	case map[string]any:
		for name, inner := range v {
			path := strings.TrimPrefix(prefix+"."+name, ".")
			found[path] = true
			paths(inner, path, found)
		}
	case []any:
		for _, inner := range v {
			paths(inner, prefix, found)
		}
	}
}

func TestRecordsHoldDocumentedMembersOnly(t *testing.T) {
	a := newApp(t, nil)
	found := map[string]bool{}
	for _, p := range a.people {
		for _, w := range a.cloud.Truth(p.AccountID()) {
			var record any
			if err := json.Unmarshal(a.cloud.RawRecord(p.AccountID(), w.ExternalID), &record); err != nil {
				t.Fatalf("%s: %v", w.ExternalID, err)
			}
			paths(record, "", found)
		}
	}
	for path := range found {
		if !slices.Contains(documented, path) {
			t.Errorf("no source shows the member %s", path)
		}
	}
	for _, path := range documented {
		if !found[path] {
			t.Errorf("no record has the member %s", path)
		}
	}
}

// TestRecordsLookLikePeoplesJSON wants each of the odd but legal ways to write.
func TestRecordsLookLikePeoplesJSON(t *testing.T) {
	a := newApp(t, nil)
	var all bytes.Buffer
	for _, p := range a.people {
		for _, w := range a.cloud.Truth(p.AccountID()) {
			all.Write(a.cloud.RawRecord(p.AccountID(), w.ExternalID))
		}
	}
	for _, odd := range []string{
		"<5k> & coffee", "Stride & Go <mobile>", `\"Old\" gym\\yard`, "Turno\u2028di notte", `https:\/\/www.fitbit.com\/`, "\"logId\": ", "太極拳",
		`\ud83d\udc15`, "+00:00", "000Z\",\"orig",
	} {
		if has := bytes.Contains(all.Bytes(), []byte(odd)); has != (odd != "+00:00") {
			t.Errorf("records with %q: %v", odd, has)
		}
	}
}

// wire is a record as an independent reader sees it.
type wire struct {
	LogID             json.Number
	ActivityName      *string
	LogType           string
	StartTime         time.Time
	OriginalStartTime time.Time
	LastModified      time.Time
	Duration          int64
	ActiveDuration    int64
	OriginalDuration  int64
	Calories, Steps   *int
	Distance          *float64
	DistanceUnit      *string
	Speed, Pace       *float64
	ElevationGain     *float64
	AverageHeartRate  *int
	HeartRateZones    []struct {
		Name              string
		Min, Max, Minutes int
		CaloriesOut       *float64
	}
	ActiveZoneMinutes *struct{ TotalMinutes int }
	Source            *struct{ ID, Name, Type string }
}

func near(a, b *float64, factor float64) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	return math.Abs(*a*factor-*b) <= 1e-5
}

func same[T comparable](a, b *T) bool { return a == b || a != nil && b != nil && *a == *b }

func TestRecordsSayTheTruth(t *testing.T) {
	a := newApp(t, nil)
	for _, p := range a.people {
		for _, w := range a.cloud.Truth(p.AccountID()) {
			raw := a.cloud.RawRecord(p.AccountID(), w.ExternalID)
			var r wire
			if err := json.Unmarshal(raw, &r); err != nil {
				t.Fatal(err)
			}
			if wrong := compare(r, w, p.Miles()); wrong != "" {
				t.Errorf("%s: %s\n%s", w.ExternalID, wrong, raw)
			}
		}
	}
}

// compare names the member that does not say the truth.
func compare(r wire, w simulator.Truth, miles bool) string {
	unit, height, word := 1000.0, 1.0, "Kilometer"
	if miles {
		unit, height, word = 1609.344, 0.3048, "Mile"
	}
	_, offset := w.Start.Zone()
	_, shown := r.StartTime.Zone()
	for name, ok := range map[string]bool{
		"logId":             r.LogID.String() == w.ExternalID,
		"activityName":      same(r.ActivityName, w.Name),
		"startTime":         r.StartTime.Equal(w.Start) && shown == offset,
		"originalStartTime": r.OriginalStartTime.Equal(w.OriginalStart),
		"lastModified":      r.LastModified.Equal(w.Modified),
		"duration":          r.Duration == w.Duration.Milliseconds(),
		"activeDuration":    r.ActiveDuration == w.ActiveDuration.Milliseconds(),
		"originalDuration":  r.OriginalDuration == w.OriginalDuration.Milliseconds(),
		"calories":          same(r.Calories, w.CaloriesKcal),
		"steps":             same(r.Steps, w.Steps),
		"distance":          near(r.Distance, w.DistanceMeters, unit),
		"distanceUnit":      (r.DistanceUnit == nil) == (w.DistanceMeters == nil) && (r.DistanceUnit == nil || *r.DistanceUnit == word),
		"speed":             near(r.Speed, w.AvgSpeedMPS(), unit/3600),
		"pace":              near(r.Pace, w.AvgPaceSecPerKM(), 1000/unit),
		"elevationGain":     near(r.ElevationGain, w.ElevationGainMeters, height),
		"averageHeartRate":  same(r.AverageHeartRate, w.AvgHeartRateBPM),
		"heartRateZones":    sameZones(r, w),
		"activeZoneMinutes": (r.ActiveZoneMinutes == nil) == (w.ActiveZoneMinutes() == nil) && (r.ActiveZoneMinutes == nil || r.ActiveZoneMinutes.TotalMinutes == *w.ActiveZoneMinutes()),
		"source": (r.Source == nil) == (w.Device == nil) &&
			(r.Source == nil || r.Source.ID == w.Device.ID && r.Source.Name == w.Device.Name && r.Source.Type == w.Device.Type),
		"logType": (r.LogType == "manual") == (w.Recording == simulator.RecordedManually) &&
			(r.LogType == "auto_detected") == (w.Recording == simulator.RecordedAutomatically),
	} {
		if !ok {
			return name + " is not the truth"
		}
	}
	return ""
}

func sameZones(r wire, w simulator.Truth) bool {
	if len(r.HeartRateZones) != len(w.Zones) {
		return false
	}
	for i, z := range r.HeartRateZones {
		truth := w.Zones[i]
		if z.Name != truth.Label || z.Min != truth.MinBPM || z.Max != truth.MaxBPM || z.Minutes != truth.Minutes || !near(z.CaloriesOut, truth.CaloriesKcal, 1) {
			return false
		}
	}
	return true
}
