package fitbit

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/provider/providertest"
	"github.com/stridelog/stridelog/provider/vocabulary"
)

// update writes the expected workouts anew; read every changed line of them.
var update = flag.Bool("update", false, "write testdata/workouts from the normalizer")

// Each record in testdata/records is composed for one of the quirks in section
// 10; testdata/workouts holds what becomes of it.
func TestRecordsBecomeWorkouts(t *testing.T) {
	providertest.Goldens(t, "testdata", activityNormalizer{}, FormatActivityList, *update)
}

func normalized(t *testing.T, raw string, context events.ActivityContext) events.Workout {
	t.Helper()
	w, err := normalize(raw, context)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func normalize(raw string, context events.ActivityContext) (events.Workout, error) {
	r := provider.Record{Provider: Name, Format: FormatActivityList, Raw: []byte(raw), Context: context}
	return Normalizers()[FormatActivityList].Normalize(r)
}

// minimal is an entry with the members that every entry has, and some more.
func minimal(members string) string {
	if members != "" {
		members = "," + members
	}
	return `{"startTime":"2026-05-03T18:20:10.000+02:00","duration":1800000` + members + `}`
}

func TestUnits(t *testing.T) {
	const quantities = `"distance":2,"speed":7.2,"pace":300,"elevationGain":30`
	metric := []float64{2000, 2, 300, 30}
	imperial := []float64{3218.688, 3.218688, 186.411358, 9.144}
	for name, test := range map[string]struct {
		unit    string // of the record
		account string
		want    []float64 // nil: all null
	}{
		"kilometres":                    {"Kilometer", "", metric},
		"miles":                         {"Mile", "", imperial},
		"none named":                    {"", "", metric},
		"of the account":                {"", "en_US", imperial},
		"the record over the account":   {"Kilometer", "en_US", metric},
		"the metric account":            {"", "METRIC", metric},
		"a unit nobody has heard of":    {"Furlong", "", nil},
		"an account nobody understands": {"", "parsec", nil},
	} {
		members := quantities
		if test.unit != "" {
			members += fmt.Sprintf(`,"distanceUnit":%q`, test.unit)
		}
		w := normalized(t, minimal(members), events.ActivityContext{DistanceUnit: test.account})
		got := []*float64{w.DistanceMeters, w.AvgSpeedMPS, w.AvgPaceSecPerKM, w.ElevationGainMeters}
		for i, g := range got {
			switch {
			case test.want == nil && g != nil, test.want != nil && g == nil:
				t.Errorf("%s: quantity %d is %v", name, i, g)
			case g != nil && math.Abs(*g-test.want[i]) > 1e-6:
				t.Errorf("%s: quantity %d is %v, want %v", name, i, *g, test.want[i])
			}
		}
		if kept := strings.Contains(string(w.Details), quantities); kept != (test.want == nil) {
			t.Errorf("%s: details are %s", name, w.Details)
		}
	}
}

func TestAbsentIsNullAndZeroIsZero(t *testing.T) {
	absent := normalized(t, minimal(""), events.ActivityContext{})
	zero := normalized(t, minimal(`"activeDuration":0,"calories":0,"steps":0,"distance":0,"speed":0,"pace":0,"elevationGain":0,"averageHeartRate":0,
		"activeZoneMinutes":{"totalMinutes":0},"heartRateZones":[]`), events.ActivityContext{})
	var without, with map[string]any
	for w, into := range map[*events.Workout]*map[string]any{&absent: &without, &zero: &with} {
		text, err := json.Marshal(w)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(text, into); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{
		"active_duration_seconds", "calories_kcal", "steps", "distance_meters", "avg_speed_mps", "avg_pace_sec_per_km",
		"elevation_gain_meters", "avg_heart_rate_bpm", "active_zone_minutes",
	} {
		if value, ok := without[name]; !ok || value != nil {
			t.Errorf("%s of a record without it is %v", name, value)
		}
		if with[name] != 0.0 {
			t.Errorf("%s of a record with zero is %v", name, with[name])
		}
	}
	if absent.HeartRateZones != nil || zero.HeartRateZones == nil || len(zero.HeartRateZones) != 0 {
		t.Errorf("zones are %v without and %v with none", absent.HeartRateZones, zero.HeartRateZones)
	}
	if absent.MaxHeartRateBPM != nil || absent.ProviderType != nil || absent.Name != nil || absent.Type != vocabulary.Other {
		t.Errorf("made up: %+v", absent)
	}
	if null := normalized(t, minimal(`"steps":null,"distance":null,"heartRateZones":null`), events.ActivityContext{}); null.Steps != nil || null.DistanceMeters != nil || null.HeartRateZones != nil {
		t.Error("null became a value")
	}
}

func TestTimes(t *testing.T) {
	for start, want := range map[string][3]string{ // start in UTC, offset, local day
		"2026-05-03T00:30:00.000+02:00": {"2026-05-02T22:30:00Z", "+02:00", "2026-05-03"},
		"2026-05-02T23:59:59.999-07:00": {"2026-05-03T06:59:59.999Z", "-07:00", "2026-05-02"},
		"2026-01-11T00:10:00.000Z":      {"2026-01-11T00:10:00Z", "+00:00", "2026-01-11"},
		"2026-01-11T00:10:00.000+00:00": {"2026-01-11T00:10:00Z", "+00:00", "2026-01-11"},
		"2026-03-29T01:59:59.000+01:00": {"2026-03-29T00:59:59Z", "+01:00", "2026-03-29"},
		"2026-10-25T02:30:00.000+02:00": {"2026-10-25T00:30:00Z", "+02:00", "2026-10-25"},
		"2026-10-25T02:30:00.000+01:00": {"2026-10-25T01:30:00Z", "+01:00", "2026-10-25"},
		"2026-05-03T00:00:00.000+05:45": {"2026-05-02T18:15:00Z", "+05:45", "2026-05-03"},
		"2026-05-03T00:00:00.000+14:00": {"2026-05-02T10:00:00Z", "+14:00", "2026-05-03"},
		"2026-05-03T23:00:00.000-12:00": {"2026-05-04T11:00:00Z", "-12:00", "2026-05-03"},
		"2024-02-29T23:00:00-03:30":     {"2024-03-01T02:30:00Z", "-03:30", "2024-02-29"},
	} {
		w := normalized(t, fmt.Sprintf(`{"startTime":%q,"duration":5400500,"activeDuration":5400000}`, start), events.ActivityContext{})
		got := [3]string{w.StartTime.Format(time.RFC3339Nano), *w.ZoneOffset, *w.LocalDate}
		if got != want || w.OffsetSource != events.OffsetFromRecord {
			t.Errorf("%s became %v, want %v", start, got, want)
		}
		if w.EndTime.Sub(w.StartTime) != 5400500*time.Millisecond || w.DurationSeconds != 5400.5 || *w.ActiveDurationSeconds != 5400 {
			t.Errorf("%s: end %s, durations %v and %v", start, w.EndTime, w.DurationSeconds, *w.ActiveDurationSeconds)
		}
	}
}

func TestRecordsThatAreNoWorkout(t *testing.T) {
	for _, raw := range []string{
		`{"duration":1000}`, `{"startTime":"2026-05-03T18:20:10.000+02:00"}`, `{"startTime":"2026-05-03T18:20:10.000","duration":1000}`,
		`{"startTime":"2026-05-03","duration":1000}`, `{"startTime":7,"duration":1000}`, `{"startTime":"2026-02-30T18:20:10.000Z","duration":1000}`,
		`{"startTime":"2026-05-03T18:20:10.000+19:00","duration":1000}`, `{"startTime":"0001-05-03T18:20:10.000Z","duration":1000}`,
		`{"startTime":"2026-05-03T18:20:10.000Z","duration":-1}`, `{"startTime":"2026-05-03T18:20:10.000Z","duration":"1000"}`,
		`{"startTime":"2026-05-03T18:20:10.000Z","duration":1e30}`, `{"startTime":"2026-05-03T18:20:10.000Z","duration":null}`,
		`{"startTime":"2026-05-03T18:20:10.000Z","duration":1000`, ``, `[]`, `"x"`,
	} {
		_, err := normalize(raw, events.ActivityContext{})
		if err == nil {
			t.Errorf("%s became a workout", raw)
			continue
		}
		if strings.Contains(err.Error(), "2026") || strings.Contains(err.Error(), "1000") {
			t.Errorf("the error shows what is in the record: %v", err)
		}
	}
}

func TestRecordingMethods(t *testing.T) {
	for logType, want := range map[string]string{
		"manual": events.RecordingManual, "auto_detected": events.RecordingAutomatic, "tracker": events.RecordingActive,
		"mobile_run": events.RecordingActive, "fitstar": events.RecordingActive, "telepathy": events.RecordingUnknown,
	} {
		if w := normalized(t, minimal(fmt.Sprintf(`"logType":%q`, logType)), events.ActivityContext{}); w.RecordingMethod != want {
			t.Errorf("%s is %s, want %s", logType, w.RecordingMethod, want)
		}
	}
}

// What changes without the record changing must not make a new version of it;
// everything else must.
func TestVolatileMembers(t *testing.T) {
	raw, err := os.ReadFile("testdata/records/full_metric.json")
	if err != nil {
		t.Fatal(err)
	}
	changed := func(old, by string) bool {
		t.Helper()
		other := bytes.Replace(raw, []byte(old), []byte(by), 1)
		if bytes.Equal(other, raw) {
			t.Fatalf("the record has no %s", old)
		}
		a, errA := provider.ContentHash(raw, Volatile())
		b, errB := provider.ContentHash(other, Volatile())
		if errA != nil || errB != nil {
			t.Fatal(errA, errB)
		}
		return a != b
	}
	for old, by := range map[string]string{
		`"activityName":"Run"`: `"activityName":"Corsa"`, `"name":"Out of Range"`: `"name":"Fuori zona"`, `"zoneName":"Cardio"`: `"zoneName":"Kardio"`,
		`https://api.fitbit.com/1`: `https://mirror.example/1`, `https://www.fitbit.com/`: `https://www.fitbit.com/charge6`,
		`"tcxLink":`: `"heartRateLink":"https://a","caloriesLink":"https://b","detailsLink":"https://c","tcxLink":`,
	} {
		if changed(old, by) {
			t.Errorf("%s for %s makes a new version", by, old)
		}
	}
	for old, by := range map[string]string{
		`"distance":5.52`: `"distance":5.53`, `"lastModified":"2026-05-03T17`: `"lastModified":"2026-05-03T18`, `"name":"Charge 6"`: `"name":"Charge 5"`,
		`"minutes":9`: `"minutes":10`, `"logId":2471190346655808113`: `"logId":2471190346655808114`, `"calories":351`: `"calories":351,"new":1`,
	} {
		if !changed(old, by) {
			t.Errorf("%s for %s makes no new version", by, old)
		}
	}
}

// No member is lost: it is in the workout or, verbatim, in the details.
func TestNothingIsLost(t *testing.T) {
	mapped := []string{
		"logId", "activityName", "startTime", "duration", "activeDuration", "calories", "steps", "distance", "distanceUnit", "speed", "pace",
		"elevationGain", "averageHeartRate",
	}
	rapid.Check(t, func(t *rapid.T) {
		values := map[string]string{}
		for _, name := range append([]string{"source", "heartRateZones", "x_new", "logType", "activeZoneMinutes"}, mapped...) {
			if rapid.Bool().Draw(t, "has "+name) {
				values[name] = rapid.SampledFrom([]string{"0", "7", "1.0", "-3", "1e999", `"x"`, `"Mile"`, "true", "[ ]", `{"a":1.0}`, "null"}).Draw(t, name)
			}
		}
		values["startTime"], values["duration"] = `"2026-05-03T18:20:10.000+02:00"`, "1000"
		var members []string
		for _, name := range slices.Sorted(maps.Keys(values)) {
			members = append(members, fmt.Sprintf("%q: %s", name, values[name]))
		}
		w, err := normalize("{"+strings.Join(members, ", ")+"}", events.ActivityContext{})
		if err != nil {
			t.Fatal(err)
		}
		kept := map[string]json.RawMessage{}
		if len(w.Details) > 0 {
			if err := json.Unmarshal(w.Details, &kept); err != nil {
				t.Fatalf("details are no JSON: %s", w.Details)
			}
		}
		says := map[string]bool{
			"logId": values["logId"] == "7", "activityName": w.Name != nil, "startTime": true, "duration": true, "activeDuration": w.ActiveDurationSeconds != nil,
			"calories": w.CaloriesKcal != nil, "steps": w.Steps != nil, "distance": w.DistanceMeters != nil, "speed": w.AvgSpeedMPS != nil,
			"pace": w.AvgPaceSecPerKM != nil, "elevationGain": w.ElevationGainMeters != nil, "averageHeartRate": w.AvgHeartRateBPM != nil,
			"distanceUnit": values["distanceUnit"] == `"Mile"`,
		}
		for name, value := range values {
			if verbatim, inDetails := kept[name]; inDetails == says[name] || inDetails && string(verbatim) != value {
				t.Fatalf("%s: %s is in the workout: %t, in the details: %s", name, value, says[name], verbatim)
			}
		}
	})
}

func FuzzNormalize(f *testing.F) {
	records, err := filepath.Glob("testdata/records/*.json")
	if err != nil || len(records) == 0 {
		f.Fatalf("no records: %v", err)
	}
	for _, path := range records {
		raw, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	f.Add([]byte("{\"startTime\":\"2026-05-03T18:20:10.000Z\",\"duration\":0,\"\xff\":\"\xfe\",\"activityName\":\"\\u0000\"}"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		w, err := normalize(string(raw), events.ActivityContext{})
		if err != nil {
			return
		}
		if w.EndTime.Before(w.StartTime) || !vocabulary.Known(w.Type) || w.ZoneOffset == nil || w.LocalDate == nil {
			t.Fatalf("a broken workout from %q: %+v", raw, w)
		}
		if w.Details != nil && !json.Valid(w.Details) {
			t.Fatalf("details are no JSON: %q", w.Details)
		}
		if _, err := json.Marshal(w); err != nil {
			t.Fatalf("the workout cannot be written: %v", err)
		}
	})
}
