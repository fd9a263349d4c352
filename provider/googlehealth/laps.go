package googlehealth

import (
	"encoding/json"
	"slices"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/events/rawjson"
)

// maxLaps is how many splits or laps of a workout are read. A hundred miles have 161
// splits of a kilometre; a longer list stays in the details alone, so that a workout
// fits into an event.
const maxLaps = 1000

// triggerOf reads the word for what ended a lap (section 4).
func triggerOf(word string) (trigger string, known bool) {
	switch word {
	case "MANUAL":
		return events.LapManual, true
	case "DURATION":
		return events.LapDuration, true
	case "DISTANCE":
		return events.LapDistance, true
	case "CALORIES":
		return events.LapCalories, true
	default:
		return "", false
	}
}

// laps reads the splits, which Google makes by itself of every kilometre or mile, and
// the laps, which the person or a plan ends (section 4). Both cover the same time. A
// list of which the workout does not say everything stays whole in the details too.
func (l *layer) laps(w *events.Workout) {
	var whole bool
	if w.Splits, whole = lapsOf(l.fields["splits"], l.fields["interval"]); whole {
		l.use("splits")
	}
	if w.Laps, whole = lapsOf(l.fields["splitSummaries"], l.fields["interval"]); whole {
		l.use("splitSummaries")
	}
}

// lapsOf reads a list of summaries. It is nil where there is none that can be read.
// whole says whether the laps tell all that the list holds.
func lapsOf(list, interval json.RawMessage) (laps []events.Lap, whole bool) {
	elements, ok := rawjson.Elements(list)
	if !ok || len(elements) > maxLaps {
		return nil, false
	}
	offset := object(interval)["startUtcOffset"]
	laps, whole = make([]events.Lap, 0, len(elements)), true
	for _, element := range elements {
		summary, err := readLayer(element)
		if err != nil {
			return nil, false
		}
		lap, all := summary.lap(offset)
		laps, whole = append(laps, lap), whole && all
	}
	return laps, whole
}

// lap reads one summary. The offset is that of the workout's start: another one stays
// in the details.
func (l *layer) lap(offset json.RawMessage) (lap events.Lap, whole bool) {
	start, started := instantOf(l.fields["startTime"])
	if started {
		lap.StartTime = &start
		l.use("startTime")
	}
	end, ended := instantOf(l.fields["endTime"])
	if ended {
		lap.EndTime = &end
		l.use("endTime")
	}
	if duration := end.Sub(start); started && ended && duration >= 0 && duration <= maxDuration {
		seconds := duration.Seconds()
		lap.DurationSeconds = &seconds
	}
	for _, name := range [...]string{"startUtcOffset", "endUtcOffset"} {
		if offset != nil && string(l.fields[name]) == string(offset) {
			l.use(name)
		}
	}
	if active, ok := durationOf(l.fields["activeDuration"]); ok && active >= 0 && active <= maxDuration {
		l.use("activeDuration")
		seconds := active.Seconds()
		lap.ActiveDurationSeconds = &seconds
	}
	word, _ := rawjson.Text(l.fields["splitType"])
	if trigger, known := triggerOf(word); known {
		l.use("splitType")
		lap.Trigger = &trigger
	}
	if summary, err := readLayer(l.fields["metricsSummary"]); err == nil {
		lap.CaloriesKcal = summary.quantity("caloriesKcal", 1)
		lap.DistanceMeters = summary.quantity("distanceMillimeters", 1e-3)
		lap.Steps = summary.count("steps")
		lap.AvgHeartRateBPM = summary.small("averageHeartRateBeatsPerMinute")
		lap.AvgSpeedMPS = summary.quantity("averageSpeedMillimetersPerSecond", 1e-3)
		lap.AvgPaceSecPerKM = summary.quantity("averagePaceSecondsPerMeter", 1e3)
		lap.ElevationGainMeters = summary.quantity("elevationGainMillimeters", 1e-3)
		lap.ActiveZoneMinutes = summary.small("activeZoneMinutes")
		if summary.said() {
			l.use("metricsSummary")
		}
	}
	return lap, l.said()
}

// said says whether all members of an object are used.
func (l *layer) said() bool {
	for _, m := range l.members {
		if !slices.Contains(l.used, m.Name) {
			return false
		}
	}
	return true
}
