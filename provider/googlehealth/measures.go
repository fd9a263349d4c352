package googlehealth

import (
	"encoding/json"
	"math"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/events/rawjson"
)

// measures reads the summary of metrics (section 4), whose units do not depend on
// the account. What the workout has no member for (cadence, stride, strokes, VO2
// max) stays in the details. Nothing is computed from other members.
func (l *layer) measures(w *events.Workout) error {
	summary, err := readLayer(l.fields["metricsSummary"])
	if err != nil {
		return nil // absent, or no object: then it stays as it is
	}
	w.CaloriesKcal = summary.quantity("caloriesKcal", 1)
	w.DistanceMeters = summary.quantity("distanceMillimeters", 1e-3)
	w.AvgSpeedMPS = summary.quantity("averageSpeedMillimetersPerSecond", 1e-3)
	w.AvgPaceSecPerKM = summary.quantity("averagePaceSecondsPerMeter", 1e3)
	w.ElevationGainMeters = summary.quantity("elevationGainMillimeters", 1e-3)
	w.Steps = summary.count("steps")
	w.AvgHeartRateBPM = summary.small("averageHeartRateBeatsPerMinute")
	w.ActiveZoneMinutes = summary.small("activeZoneMinutes")
	if err := summary.zones(w); err != nil {
		return err
	}
	return l.replace("metricsSummary", summary)
}

// zones reads the time in each zone of heart rate. One that Google leaves out is a
// zone with an unknown time. Thresholds are another data type of Google's.
func (l *layer) zones(w *events.Workout) error {
	times, err := readLayer(l.fields["heartRateZoneDurations"])
	if err != nil {
		return nil
	}
	zones := make([]events.HeartRateZone, 0, 4)
	for _, z := range [...]struct{ member, zone string }{
		{"lightTime", "light"}, {"moderateTime", "moderate"}, {"vigorousTime", "vigorous"}, {"peakTime", "peak"},
	} {
		zone := events.HeartRateZone{Zone: z.zone}
		if d, ok := durationOf(times.fields[z.member]); ok && d >= 0 && d <= maxDuration {
			times.use(z.member)
			seconds := d.Seconds()
			zone.DurationSeconds = &seconds
		}
		zones = append(zones, zone)
	}
	if len(times.used) > 0 {
		w.HeartRateZones = zones
	}
	return l.replace("heartRateZoneDurations", times)
}

// quantity is a member that cannot be negative, times a factor.
func (l *layer) quantity(name string, factor float64) *float64 {
	n, ok := numberOf(l.fields[name])
	if !ok || n < 0 || n > 1e12 {
		return nil
	}
	l.use(name)
	n = rounded(n * factor)
	return &n
}

// rounded drops what binary arithmetic adds behind the sixth decimal: a micrometre,
// a microsecond.
func rounded(n float64) float64 {
	if n > 1e9 {
		return n
	}
	return math.Round(n*1e6) / 1e6
}

// count is a whole number of up to 32 bits, which is what a database integer holds.
func (l *layer) count(name string) *int64 {
	n, ok := numberOf(l.fields[name])
	if !ok || n < 0 || n > math.MaxInt32 || n != math.Trunc(n) {
		return nil
	}
	l.use(name)
	whole := int64(n)
	return &whole
}

func (l *layer) small(name string) *int {
	n := l.count(name)
	if n == nil {
		return nil
	}
	i := int(*n)
	return &i
}

// numberOf reads a number, or a text that holds one, which is how Google writes
// 64-bit integers. "NaN" and "Infinity" are none (section 9).
func numberOf(value json.RawMessage) (float64, bool) {
	if n, ok := rawjson.Number(value); ok {
		return n, true
	}
	text, ok := rawjson.Text(value)
	if !ok {
		return 0, false
	}
	return rawjson.Number(json.RawMessage(text))
}
