package fitbit

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/provider/internal/jsonarray"
	"github.com/stridelog/stridelog/provider/vocabulary"
)

func normalizeAs(format, raw string, c events.ActivityContext) (events.Workout, error) {
	return Normalizers()[format].Normalize(provider.Record{Provider: Name, Format: format, Raw: []byte(raw), Context: c})
}

// An entry of an export and one of the API with the same members are the same
// workout but for the notation of the start.
func TestAnEntryIsWhatTheAPIHas(t *testing.T) {
	records, err := filepath.Glob("testdata/records/*.json")
	if err != nil || len(records) == 0 {
		t.Fatalf("no records: %v", err)
	}
	for _, path := range records {
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var members map[string]json.RawMessage
		if err := json.Unmarshal(raw, &members); err != nil {
			t.Fatal(err)
		}
		start, ok := instantOf(members["startTime"])
		if !ok {
			continue
		}
		polled := normalized(t, string(raw), events.ActivityContext{})
		_, seconds := start.Zone()
		c := events.ActivityContext{UTCOffsetSeconds: &seconds, OffsetSource: events.OffsetFromRecord}
		written := start.UTC().Format("01/02/06 15:04:05")
		exported := strings.Replace(string(raw), strings.Trim(string(members["startTime"]), `"`), written, 1)
		imported, err := normalizeAs(FormatExportJSON, exported, c)
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		polled.StartTime, polled.EndTime = polled.StartTime.Truncate(time.Second), polled.EndTime.Truncate(time.Second)
		imported.EndTime = imported.EndTime.Truncate(time.Second)
		// Originals are written the same way; the export has them in its own notation.
		a, _ := json.Marshal(polled)
		b, _ := json.Marshal(imported)
		if string(a) != strings.ReplaceAll(string(b), written, strings.Trim(string(members["startTime"]), `"`)) {
			t.Errorf("%s: polled\n%s\nimported\n%s", path, a, b)
		}
	}
}

func TestExportTimes(t *testing.T) {
	for text, want := range map[string]string{
		`"05/07/26 17:55:40"`: "2026-05-07T17:55:40Z", `"12/31/99 23:59:59"`: "2099-12-31T23:59:59Z", `"02/29/72 00:00:00"`: "2072-02-29T00:00:00Z",
		`"01/02/00 00:00:00"`: "2000-01-02T00:00:00Z", `"02/29/15 00:00:00"`: "", `"31/12/15 00:00:00"`: "", `"2026-05-07T17:55:40"`: "", `7`: "", ``: "",
	} {
		got := ""
		if at, ok := exportTime(json.RawMessage(text)); ok {
			got = at.Format(time.RFC3339)
		}
		if got != want {
			t.Errorf("%s is %q, want %q", text, got, want)
		}
	}
	for text, want := range map[string]string{
		"2026-05-07 12:13:42+0000": "2026-05-07T12:13:42Z", "2026-10-04T12:54:29Z": "2026-10-04T12:54:29Z", "2026-10-04 12:54:29.5+02:00": "2026-10-04T10:54:29.5Z",
		"2026-10-04T12:54:29": "", "2026-10-04": "", "": "",
	} {
		got := ""
		if at, ok := rowTime(text); ok {
			got = at.Format(time.RFC3339Nano)
		}
		if got != want {
			t.Errorf("%s is %q, want %q", text, got, want)
		}
	}
	for text, want := range map[string]int{"+02:00": 7200, "-05:30": -19800, "Z": 0, "+0545": 20700, "-00:00": 0} {
		if got, ok := secondsEast(text); !ok || got != want {
			t.Errorf("%s is %d, %t", text, got, ok)
		}
	}
	for _, text := range []string{"", "2", "+20:00", "Europe/Oslo", "null"} {
		if got, ok := secondsEast(text); ok {
			t.Errorf("%q is %d", text, got)
		}
	}
}

// rowWith is a row of half an hour with some more columns.
func rowWith(columns map[string]string) string {
	names, values := "exercise_id,exercise_start,exercise_end", "7,2026-10-04T10:00:00Z,2026-10-04T10:30:00Z"
	for name, value := range columns {
		names, values = names+","+name, values+","+value
	}
	return names + "\r\n" + values
}

func TestNamesOfRowsBecomeTypes(t *testing.T) {
	for name, want := range map[string]string{
		"Outdoor Walk": "walking", "Outdoor Run": "running", "Walk": "walking", "Run": "running", "Bike": "biking", "Outdoor Bike": "outdoor_bike",
		"Structured Workout": "workout", "Strength training": "strength_training", "Swim": "swimming", "Hike": "hiking", "Aerobic Workout": "aerobic_workout",
		"Martial Arts": "martial_arts", "HIIT": "hiit", "Tai-Chi": "tai_chi", "Underwater Basket Weaving": "other", "UNSPECIFIED": "other", "": "other",
	} {
		w, err := normalizeAs(FormatExportCSV, rowWith(map[string]string{"activity_name": name}), events.ActivityContext{})
		if err != nil || w.Type != want || w.Category != vocabulary.Category(want) {
			t.Errorf("%s is %s in %s, error %v", name, w.Type, w.Category, err)
		}
		if said := w.ProviderType != nil; said != (name != "" && name != "UNSPECIFIED") || said && *w.Name != name {
			t.Errorf("%s: the provider's word is %v", name, w.ProviderType)
		}
	}
}

// In a row a zero was not measured; a speed is computed, whatever its column says.
func TestZerosAndSpeedsOfRows(t *testing.T) {
	zeros := map[string]string{}
	for _, name := range []string{"calories", "steps", "distance_mm", "altitude_mm"} {
		zeros["tracker_total_"+name], zeros["manually_logged_total_"+name] = "0", "0"
	}
	zeros["tracker_avg_heart_rate"], zeros["tracker_peak_heart_rate"], zeros["tracker_avg_speed_mm_per_second"] = "0", "0.0", "82304"
	for name, columns := range map[string]map[string]string{"zeros": zeros, "no columns": {}, "odd": {"tracker_total_steps": "-4", "tracker_total_distance_mm": "far"}} {
		w, err := normalizeAs(FormatExportCSV, rowWith(columns), events.ActivityContext{})
		if err != nil {
			t.Fatal(err)
		}
		if w.CaloriesKcal != nil || w.Steps != nil || w.DistanceMeters != nil || w.ElevationGainMeters != nil || w.AvgHeartRateBPM != nil ||
			w.MaxHeartRateBPM != nil || w.AvgSpeedMPS != nil || w.AvgPaceSecPerKM != nil || w.ActiveDurationSeconds != nil {
			t.Errorf("%s became values: %+v", name, w)
		}
	}
	for _, scaled := range []string{"82304", "643", "0"} {
		w, err := normalizeAs(FormatExportCSV, rowWith(map[string]string{"tracker_total_distance_mm": "3600000", "tracker_avg_speed_mm_per_second": scaled}), events.ActivityContext{})
		if err != nil || *w.AvgSpeedMPS != 2 || *w.AvgPaceSecPerKM != 500 || *w.DistanceMeters != 3600 {
			t.Errorf("a speed of %s became %+v, error %v", scaled, w, err)
		}
		if !strings.Contains(string(w.Details), fmt.Sprintf(`"tracker_avg_speed_mm_per_second":%q`, scaled)) {
			t.Errorf("the column is lost: %s", w.Details)
		}
	}
	manual := map[string]string{"log_type": "MANUAL", "manually_logged_total_distance_mm": "1500000", "tracker_total_distance_mm": "0"}
	if w, err := normalizeAs(FormatExportCSV, rowWith(manual), events.ActivityContext{}); err != nil || w.DistanceMeters == nil || *w.DistanceMeters != 1500 || w.RecordingMethod != events.RecordingManual {
		t.Errorf("a manual row became %+v, error %v", w, err)
	}
}

// Elevation follows the unit of the entry, else that of the account.
func TestUnitsOfEntries(t *testing.T) {
	for name, test := range map[string]struct {
		members, account string
		want             float64
	}{
		"kilometres":     {`"distance":1,"distanceUnit":"Kilometer","elevationGain":100`, "en_US", 100},
		"miles":          {`"distance":1,"distanceUnit":"Mile","elevationGain":100`, "METRIC", 30.48},
		"of the account": {`"elevationGain":100`, "en_US", 30.48},
		"none":           {`"elevationGain":100`, "", 100},
	} {
		w, err := normalizeAs(FormatExportJSON, entryJSON(test.members), events.ActivityContext{DistanceUnit: test.account})
		if err != nil || *w.ElevationGainMeters != test.want {
			t.Errorf("%s: %+v, error %v", name, w.ElevationGainMeters, err)
		}
	}
}

func TestExportRecordsThatAreNoWorkout(t *testing.T) {
	for format, records := range map[string][]string{
		FormatExportJSON: {"", "[]", "{}", `{"startTime":"10/04/20 10:00:00"}`, `{"duration":1}`, `{"startTime":"2020","duration":1}`, `{"startTime":"10/04/20 10:00:00","duration":1e30}`},
		FormatExportCSV:  {"", "a,b", "exercise_start,exercise_end\r\n2026", "exercise_start,exercise_end\r\n2026-10-04T10:00:00Z,2026-10-04T09:00:00Z", rowsCSV("1,then,later,")},
	} {
		for _, raw := range records {
			if w, err := normalizeAs(format, raw, events.ActivityContext{}); err == nil {
				t.Errorf("%q became %+v", raw, w)
			} else if strings.Contains(err.Error(), "20") {
				t.Errorf("the error shows what is in the record: %v", err)
			}
		}
	}
}

func fuzzContexts() []events.ActivityContext {
	offset := -19800
	return []events.ActivityContext{
		{}, {TimeZone: "Asia/Kathmandu", DistanceUnit: "en_US"}, {UTCOffsetSeconds: &offset}, {TimeZone: "Local"},
		{UTCOffsetSeconds: &offset, Companion: rowWith(map[string]string{"tracker_peak_heart_rate": "180", `"odd ""name"`: "x"})},
	}
}

func FuzzEntry(f *testing.F) {
	for _, era := range eras() {
		for _, a := range readExport(f, filepath.Join("testdata", "exports", era)).activities {
			if a.Format == FormatExportJSON {
				f.Add(a.Raw, a.Context.Companion)
			}
		}
	}
	f.Add([]byte(`{"startTime":"02/29/00 00:00:00","duration":0,"logType":"manual","source":{"name":"iPhone"}}`), "a\r\n\xff")
	f.Fuzz(func(t *testing.T, raw []byte, companion string) {
		element, err := jsonarray.NewReader(strings.NewReader("["+string(raw)+"]"), jsonarray.Options{Max: len(raw), First: "logId"}).Next()
		alone := err == nil && string(element.Bytes) == strings.Trim(string(raw), " \t\r\n")
		seen := readEntry(element)
		usable := alone && seen.isObject && !seen.times.written.IsZero() && seen.times.timed
		if _, err := normalizeAs(FormatExportJSON, string(raw), events.ActivityContext{}); (err == nil) != usable {
			t.Fatalf("the importer takes %q for usable: %t, the normalizer says %v", raw, usable, err)
		}
		for _, c := range append(fuzzContexts(), events.ActivityContext{Companion: companion}) {
			w, err := normalizeAs(FormatExportJSON, string(raw), c)
			checkNormalized(t, raw, w, err)
		}
	})
}

func FuzzRow(f *testing.F) {
	for _, era := range eras() {
		for _, a := range readExport(f, filepath.Join("testdata", "exports", era)).activities {
			if a.Format == FormatExportCSV {
				f.Add(a.Raw)
			}
		}
	}
	f.Add([]byte(rowWith(map[string]string{"utc_offset": "+18:00", "x\xff": "\x00", "x": "\"a\nb\""})))
	f.Fuzz(func(t *testing.T, raw []byte) {
		for _, c := range fuzzContexts() {
			w, err := normalizeAs(FormatExportCSV, string(raw), c)
			checkNormalized(t, raw, w, err)
		}
	})
}

func checkNormalized(t *testing.T, raw []byte, w events.Workout, err error) {
	t.Helper()
	if err != nil {
		return
	}
	if w.EndTime.Before(w.StartTime) || !vocabulary.Known(w.Type) || (w.ZoneOffset == nil) != (w.LocalDate == nil) ||
		(w.ZoneOffset == nil) != (w.OffsetSource == events.OffsetUnknown) || w.DurationSeconds < 0 {
		t.Fatalf("a broken workout from %q: %+v", raw, w)
	}
	if w.Details != nil && !json.Valid(w.Details) {
		t.Fatalf("details are no JSON: %q", w.Details)
	}
	if _, err := json.Marshal(w); err != nil {
		t.Fatalf("the workout cannot be written: %v", err)
	}
}
