package googlehealth

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/provider/providertest"
	"github.com/stridelog/stridelog/provider/vocabulary"
)

// update writes the expected workouts anew; read every changed line of them.
var update = flag.Bool("update", false, "write testdata/workouts from the normalizer")

// Each record in testdata/records is composed for some of the quirks in sections 4
// and 9; testdata/workouts holds what becomes of it.
func TestRecordsBecomeWorkouts(t *testing.T) {
	providertest.Goldens(t, "testdata", exerciseNormalizer{}, FormatDataPoint, *update)
}

func normalized(t *testing.T, raw string) events.Workout {
	t.Helper()
	w, err := exerciseNormalizer{}.Normalize(provider.Record{Format: FormatDataPoint, Raw: []byte(raw)})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// minimal is a point with the members that every workout needs, and some more of
// its exercise.
func minimal(members string) string {
	if members != "" {
		members = "," + members
	}
	return `{"exercise":{"interval":{"startTime":"2026-05-03T16:20:10Z","startUtcOffset":"7200s","endTime":"2026-05-03T16:50:10Z"}` + members + `}}`
}

func TestEveryTypeOfTheVocabulary(t *testing.T) {
	types := vocabulary.Types()
	if len(types) != 181 {
		t.Fatalf("the vocabulary has %d types, the API 181", len(types))
	}
	for _, want := range types {
		w := normalized(t, minimal(fmt.Sprintf(`"exerciseType":%q`, strings.ToUpper(want))))
		if w.Type != want || w.Category != vocabulary.Category(want) || *w.ProviderType != strings.ToUpper(want) {
			t.Errorf("%s became %s, %s, %s", want, w.Type, w.Category, *w.ProviderType)
		}
	}
	for _, word := range []string{"EXERCISE_TYPE_UNSPECIFIED", "MOON_WALKING", "läufer"} {
		w := normalized(t, minimal(fmt.Sprintf(`"exerciseType":%q`, word)))
		if w.Type != vocabulary.Other || *w.ProviderType != word {
			t.Errorf("%s became %s under %s", word, w.Type, *w.ProviderType)
		}
	}
	if w := normalized(t, minimal("")); w.Type != vocabulary.Other || w.ProviderType != nil || w.Name != nil {
		t.Errorf("no type became %s, %v, %v", w.Type, w.ProviderType, w.Name)
	}
}

func TestRecordsThatAreNoWorkout(t *testing.T) {
	const interval = `"startTime":"2026-05-03T16:20:10Z","endTime":"2026-05-03T16:50:10Z"`
	for what, raw := range map[string]string{
		"another type":       `{"name":"users/1/dataTypes/sleep/dataPoints/7","sleep":{"interval":{` + interval + `}}}`,
		"no object":          `{"exercise":[]}`,
		"no interval":        `{"exercise":{}}`,
		"no start":           `{"exercise":{"interval":{"endTime":"2026-05-03T16:50:10Z"}}}`,
		"no end":             `{"exercise":{"interval":{"startTime":"2026-05-03T16:20:10Z"}}}`,
		"a start of seconds": `{"exercise":{"interval":{"startTime":1777825210,"endTime":"2026-05-03T16:50:10Z"}}}`,
		"backwards":          `{"exercise":{"interval":{"startTime":"2026-05-03T16:50:10Z","endTime":"2026-05-03T16:20:10Z"}}}`,
		"two years":          `{"exercise":{"interval":{"startTime":"2026-05-03T16:50:10Z","endTime":"2028-05-03T16:20:10Z"}}}`,
		"cut off":            `{"exercise":{"interval":{` + interval + `}}`,
	} {
		_, err := exerciseNormalizer{}.Normalize(provider.Record{Raw: []byte(raw)})
		if err == nil || strings.Contains(err.Error(), "2026") || !strings.HasPrefix(err.Error(), "normalize "+FormatDataPoint) {
			t.Errorf("%s: got %v", what, err)
		}
	}
	_ = normalized(t, `{"exercise":{"interval":{`+interval+`}}}`)
}

func TestOffsets(t *testing.T) {
	rome := 7200
	for name, test := range map[string]struct {
		member  string
		context events.ActivityContext
		source  string
		offset  string
		day     string
	}{
		"of the record":         {`"startUtcOffset":"-39600s",`, events.ActivityContext{UTCOffsetSeconds: &rome}, events.OffsetFromRecord, "-11:00", "2026-05-02"},
		"of the zone":           {``, events.ActivityContext{TimeZone: "Europe/Rome", UTCOffsetSeconds: &rome}, events.OffsetFromProfile, "+02:00", "2026-05-03"},
		"zone without offset":   {``, events.ActivityContext{TimeZone: "Europe/Rome"}, events.OffsetUnknown, "", ""},
		"none":                  {``, events.ActivityContext{}, events.OffsetUnknown, "", ""},
		"a plain number":        {`"startUtcOffset":7200,`, events.ActivityContext{}, events.OffsetUnknown, "", ""},
		"a day":                 {`"startUtcOffset":"86400s",`, events.ActivityContext{}, events.OffsetUnknown, "", ""},
		"zero is not an absent": {`"startUtcOffset":"0s",`, events.ActivityContext{UTCOffsetSeconds: &rome}, events.OffsetFromRecord, "+00:00", "2026-05-03"},
	} {
		raw := `{"exercise":{"interval":{` + test.member + `"startTime":"2026-05-03T06:20:10Z","endTime":"2026-05-03T07:00:00Z"}}}`
		w, err := exerciseNormalizer{}.Normalize(provider.Record{Raw: []byte(raw), Context: test.context})
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if w.ZoneOffset != nil {
			got = *w.ZoneOffset + *w.LocalDate
		}
		if w.OffsetSource != test.source || got != test.offset+test.day {
			t.Errorf("%s: offset %s from %s", name, got, w.OffsetSource)
		}
		if kept := strings.Contains(string(w.Details), "startUtcOffset"); kept != (test.member != "" && test.source == events.OffsetUnknown) {
			t.Errorf("%s: details are %s", name, w.Details)
		}
	}
}

// Every number of a record is either in a member of the workout or in its details.
func TestNothingIsLost(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		names := []string{"caloriesKcal", "distanceMillimeters", "steps", "averageHeartRateBeatsPerMinute", "averagePaceSecondsPerMeter",
			"averageSpeedMillimetersPerSecond", "elevationGainMillimeters", "activeZoneMinutes", "runVo2Max", "x_unheard_of"}
		values := []string{"0", `"0"`, "12", `"12"`, "12.5", `"12.5"`, `"NaN"`, `"-Infinity"`, "-1", "1e400", "null", "{}", `""`, `"twelve"`}
		sent := map[string]string{}
		var members []string
		for _, name := range names {
			if rapid.Bool().Draw(t, name) {
				sent[name] = rapid.SampledFrom(values).Draw(t, name+" value")
				members = append(members, fmt.Sprintf("%q:%s", name, sent[name]))
			}
		}
		w, err := exerciseNormalizer{}.Normalize(provider.Record{Raw: []byte(minimal(`"metricsSummary":{` + strings.Join(members, ",") + `}`))})
		if err != nil {
			t.Fatal(err)
		}
		said := map[string]bool{
			"caloriesKcal": w.CaloriesKcal != nil, "distanceMillimeters": w.DistanceMeters != nil, "steps": w.Steps != nil,
			"averageHeartRateBeatsPerMinute": w.AvgHeartRateBPM != nil, "averagePaceSecondsPerMeter": w.AvgPaceSecPerKM != nil,
			"averageSpeedMillimetersPerSecond": w.AvgSpeedMPS != nil, "elevationGainMillimeters": w.ElevationGainMeters != nil,
			"activeZoneMinutes": w.ActiveZoneMinutes != nil,
		}
		for _, name := range names {
			inDetails := bytes.Contains(w.Details, []byte(fmt.Sprintf("%q:%s", name, sent[name])))
			if _, was := sent[name]; said[name] == inDetails && was || said[name] && !was {
				t.Fatalf("%s %s: in a member %t, in the details %t: %s", name, sent[name], said[name], inDetails, w.Details)
			}
		}
	})
}

func FuzzNormalize(f *testing.F) {
	records, err := filepath.Glob("testdata/records/*.json")
	if err != nil || len(records) == 0 {
		f.Fatal("no records", err)
	}
	for _, path := range records {
		raw, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	f.Add([]byte(minimal("")))
	f.Add([]byte(minimal(`"metricsSummary":{"heartRateZoneDurations":{"peakTime":"1s"}},"metricsSummary":7`)))
	f.Add([]byte("{\"exercise\":{\"interval\":{\"startTime\":\"2026-05-03T16:20:10Z\",\"endTime\":\"2026-05-03T16:50:10Z\"},\"\xff\":\"\xff\"}}"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		before := slices.Clone(raw)
		w, err := exerciseNormalizer{}.Normalize(provider.Record{Format: FormatDataPoint, Raw: raw})
		if !bytes.Equal(before, raw) {
			t.Fatal("the record was changed")
		}
		if err != nil {
			return
		}
		if w.StartTime.Location() != time.UTC || w.EndTime.Before(w.StartTime) || w.DurationSeconds < 0 || w.RecordingMethod == "" || w.OffsetSource == "" {
			t.Fatalf("an impossible workout: %+v", w)
		}
		for _, n := range []*float64{w.CaloriesKcal, w.DistanceMeters, w.AvgSpeedMPS, w.AvgPaceSecPerKM, w.ElevationGainMeters, w.ActiveDurationSeconds} {
			if n != nil && (math.IsNaN(*n) || math.IsInf(*n, 0) || *n < 0) {
				t.Fatalf("an impossible number: %v", *n)
			}
		}
		if _, err := json.Marshal(w); err != nil || w.Details != nil && (!json.Valid(w.Details) || !utf8.Valid(w.Details)) {
			t.Fatalf("details that are no JSON: %v: %q", err, w.Details)
		}
	})
}

// BenchmarkNormalize is what one record of common size costs.
func BenchmarkNormalize(b *testing.B) {
	record, err := os.ReadFile("testdata/records/outdoor_run.json")
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := (exerciseNormalizer{}).Normalize(provider.Record{Format: FormatDataPoint, Raw: record}); err != nil {
			b.Fatal(err)
		}
	}
}
