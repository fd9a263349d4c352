package export_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stridelog/stridelog/provider/simulator/fitbit/export"
)

// The comparison is what later tests stand on, so it must find what is planted.
func TestComparisonFindsWhatIsPlanted(t *testing.T) {
	record := archive(t, people(t)[0], export.Options{At: made}).Records()[0]
	const polled = `{"id":"1","start_time":"2025-01-01T10:00:00Z","distance_meters":5000,"steps":12,"source":{"provider":"fitbit","device":"9"},"heart_rate_zones":[{"zone":"peak","calories_kcal":1.5}],"details":{"a":1}}`
	if c, err := record.Compare([]byte(strings.Replace(polled, `"id":"1"`, `"id":"2"`, 1)), []byte(polled)); err != nil || c.Differences != nil || c.OnlyImported != nil || c.OnlyPolled != nil {
		t.Errorf("the same workout differs: %+v %v", c, err)
	}
	for planted, want := range map[string]string{
		`"steps":12=>"steps":13`:                         "steps",
		`5000=>5000.01`:                                  "distance_meters",
		`10:00:00Z=>11:00:00Z`:                           "start_time",
		`"calories_kcal":1.5=>"calories_kcal":1.6`:       "heart_rate_zones.0.calories_kcal",
		`"provider":"fitbit"=>"provider":"other_health"`: "source.provider",
	} {
		from, to, _ := strings.Cut(planted, "=>")
		c, err := record.Compare([]byte(strings.Replace(polled, from, to, 1)), []byte(polled))
		if err != nil || len(c.Differences) != 1 || !strings.HasPrefix(c.Differences[0], want+":") {
			t.Errorf("%s: found %q, %v", planted, c.Differences, err)
		}
	}
	c, err := record.Compare([]byte(`{"max_heart_rate_bpm":150}`), []byte(polled))
	if err != nil || !slices.Equal(c.OnlyImported, []string{"max_heart_rate_bpm"}) || !slices.Contains(c.OnlyPolled, "heart_rate_zones.calories_kcal") {
		t.Errorf("only one of them: %+v, %v", c, err)
	}
	if _, err := record.Compare([]byte(`[]`), []byte(polled)); err == nil {
		t.Error("what is no workout is compared")
	}
	missing, err := record.Untold([]byte(`{"external_id":"` + record.ExternalID + `"}`))
	if err != nil || !slices.ContainsFunc(missing, func(m string) bool { return strings.HasPrefix(m, "duration_seconds:") }) {
		t.Errorf("an empty workout lacks %q, %v", missing, err)
	}
}
