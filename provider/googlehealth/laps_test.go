package googlehealth

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/provider"
)

// wholeLap is a split of which a lap says everything.
const wholeLap = `{"startTime":"2026-05-03T16:20:10Z","startUtcOffset":"7200s","endTime":"2026-05-03T16:25:10.5Z","endUtcOffset":"7200s","activeDuration":"290s","splitType":"DISTANCE",` +
	`"metricsSummary":{"caloriesKcal":61.5,"distanceMillimeters":1000000,"steps":"812","averageHeartRateBeatsPerMinute":"143","averagePaceSecondsPerMeter":0.29,` +
	`"averageSpeedMillimetersPerSecond":3448.3,"elevationGainMillimeters":4100,"activeZoneMinutes":"9"}}`

const saidLap = `{"start_time":"2026-05-03T16:20:10Z","end_time":"2026-05-03T16:25:10.5Z","duration_seconds":300.5,"active_duration_seconds":290,"trigger":"distance",` +
	`"distance_meters":1000,"calories_kcal":61.5,"steps":812,"avg_heart_rate_bpm":143,"avg_speed_mps":3.4483,"avg_pace_sec_per_km":290,"elevation_gain_meters":4.1,"active_zone_minutes":9}`

// unsaid is a lap of which nothing is known but some members.
func unsaid(members map[string]string) string {
	var parts []string
	for _, name := range []string{"start_time", "end_time", "duration_seconds", "active_duration_seconds", "trigger", "distance_meters", "calories_kcal", "steps",
		"avg_heart_rate_bpm", "avg_speed_mps", "avg_pace_sec_per_km", "elevation_gain_meters", "active_zone_minutes"} {
		value, ok := members[name]
		if !ok {
			value = "null"
		}
		parts = append(parts, fmt.Sprintf("%q:%s", name, value))
	}
	return "{" + strings.Join(parts, ",") + "}"
}

func TestSplitsAndLaps(t *testing.T) {
	many := "[" + strings.TrimSuffix(strings.Repeat("{},", maxLaps), ",") + "]"
	for name, c := range map[string]struct {
		list, want string // want is empty where the list cannot be read
		kept       bool   // in the details, as it came
	}{
		"none":            {"[]", "[]", false},
		"all of it":       {"[" + wholeLap + "," + wholeLap + "]", "[" + saidLap + "," + saidLap + "]", false},
		"nothing known":   {"[{}]", "[" + unsaid(nil) + "]", false},
		"one says more":   {"[" + wholeLap + `,{"splitType":"MANUAL","metricsSummary":{"totalSwimLengths":20}}]`, "[" + saidLap + "," + unsaid(map[string]string{"trigger": `"manual"`}) + "]", true},
		"another offset":  {`[{"startUtcOffset":"3600s","splitType":"CALORIES"}]`, "[" + unsaid(map[string]string{"trigger": `"calories"`}) + "]", true},
		"an unheard word": {`[{"splitType":"LATER"}]`, "[" + unsaid(nil) + "]", true},
		"backwards": {`[{"startTime":"2026-05-03T16:30:10Z","endTime":"2026-05-03T16:25:10Z","splitType":"DURATION"}]`,
			"[" + unsaid(map[string]string{"start_time": `"2026-05-03T16:30:10Z"`, "end_time": `"2026-05-03T16:25:10Z"`, "trigger": `"duration"`}) + "]", false},
		"no times":       {`[{"startTime":7,"endTime":"soon","activeDuration":"-1s"}]`, "[" + unsaid(nil) + "]", true},
		"no object":      {`[{},7]`, "", true},
		"no list":        {`{"a":1}`, "", true},
		"as many as fit": {many, "[" + strings.TrimSuffix(strings.Repeat(unsaid(nil)+",", maxLaps), ",") + "]", false},
		"too many":       {strings.Replace(many, "[", "[{},", 1), "", true},
	} {
		for _, member := range []string{"splits", "splitSummaries"} {
			w := normalized(t, minimal(fmt.Sprintf("%q:%s", member, c.list)))
			laps, others := w.Splits, w.Laps
			if member == "splitSummaries" {
				laps, others = others, laps
			}
			got := ""
			if laps != nil {
				text, err := json.Marshal(laps)
				if err != nil {
					t.Fatal(err)
				}
				got = string(text)
			}
			if kept := bytes.Contains(w.Details, []byte(fmt.Sprintf("%q:%s", member, c.list))); got != c.want || others != nil || kept != c.kept {
				t.Errorf("%s as %s: %d of the other, kept %t,\ngot  %.3000s\nwant %.3000s", name, member, len(others), kept, got, c.want)
			}
		}
	}
	if w := normalized(t, minimal("")); w.Splits != nil || w.Laps != nil {
		t.Errorf("splits and laps from nothing: %v, %v", w.Splits, w.Laps)
	}
}

// Every member of a split is either in the lap or the list is in the details, whole.
func TestNothingOfASplitIsLost(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		draw := func(names, values []string) (members []string) {
			for _, name := range names {
				if rapid.Bool().Draw(t, name) {
					members = append(members, fmt.Sprintf("%q:%s", name, rapid.SampledFrom(values).Draw(t, name+" value")))
				}
			}
			return members
		}
		values := []string{"0", `"12"`, "12.5", `"NaN"`, "-1", "null", "{}", `"twelve"`, `"7200s"`, `"2026-05-03T16:20:10Z"`, `"MANUAL"`}
		metrics := draw([]string{"caloriesKcal", "distanceMillimeters", "steps", "averageHeartRateBeatsPerMinute", "averagePaceSecondsPerMeter",
			"averageSpeedMillimetersPerSecond", "elevationGainMillimeters", "activeZoneMinutes", "x_unheard_of"}, values)
		members := draw([]string{"startTime", "endTime", "startUtcOffset", "endUtcOffset", "activeDuration", "splitType", "y_unheard_of"}, values)
		members = append(members, `"metricsSummary":{`+strings.Join(metrics, ",")+`}`)
		list := "[{" + strings.Join(members, ",") + "}]"
		w, err := exerciseNormalizer{}.Normalize(provider.Record{Raw: []byte(minimal(`"splits":` + list))})
		if err != nil || len(w.Splits) != 1 {
			t.Fatalf("%d splits, %v", len(w.Splits), err)
		}
		lap := w.Splits[0]
		said := map[string]bool{
			"caloriesKcal": lap.CaloriesKcal != nil, "distanceMillimeters": lap.DistanceMeters != nil, "steps": lap.Steps != nil,
			"averageHeartRateBeatsPerMinute": lap.AvgHeartRateBPM != nil, "averagePaceSecondsPerMeter": lap.AvgPaceSecPerKM != nil,
			"averageSpeedMillimetersPerSecond": lap.AvgSpeedMPS != nil, "elevationGainMillimeters": lap.ElevationGainMeters != nil,
			"activeZoneMinutes": lap.ActiveZoneMinutes != nil, "startTime": lap.StartTime != nil, "endTime": lap.EndTime != nil,
			"activeDuration": lap.ActiveDurationSeconds != nil, "splitType": lap.Trigger != nil, "metricsSummary": true,
		}
		whole := true
		for _, m := range slices.Concat(metrics, members) {
			name, value, _ := strings.Cut(m, ":")
			name = strings.Trim(name, `"`)
			whole = whole && (said[name] || strings.HasSuffix(name, "UtcOffset") && value == `"7200s"`) // as the workout's
		}
		if kept := bytes.Contains(w.Details, []byte(list)); kept == whole {
			t.Fatalf("of %s the lap says all: %t; in the details: %t; %+v", list, whole, kept, lap)
		}
	})
}

// A workout without splits and laps is its JSON up to them.
func TestSplitsAndLapsComeLast(t *testing.T) {
	w := normalized(t, minimal(`"splits":[`+wholeLap+`],"splitSummaries":[`+wholeLap+`]`))
	text, err := json.Marshal(w)
	if err != nil {
		t.Fatal(err)
	}
	bare := w
	bare.Splits, bare.Laps = nil, nil
	want, err := json.Marshal(bare)
	if err != nil {
		t.Fatal(err)
	}
	if got := append(slices.Clone(text[:bytes.Index(text, []byte(`,"splits":`))]), '}'); !bytes.Equal(got, want) {
		t.Errorf("cut it is %s, want %s", got, want)
	}
	var again events.Workout
	if err := json.Unmarshal(text, &again); err != nil || len(again.Splits) != 1 || len(again.Laps) != 1 {
		t.Errorf("read again: %+v, %v", again, err)
	}
}
