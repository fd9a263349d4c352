package fitbit

import (
	"encoding/json"
	"math"
	"slices"
	"strconv"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/events/rawjson"
)

const (
	metresPerMile = 1609.344
	metresPerFoot = 0.3048
	metresPerKM   = 1000
)

// lengthUnit is what one unit of distance and of elevation is in metres.
type lengthUnit struct {
	distance  float64
	elevation float64
}

// unitOf reads the unit of an entry. Only distanceUnit witnesses the unit
// system of the whole answer: an account asked with Accept-Language en_US gives
// miles and feet together, every other request kilometres and metres (section
// 4), so elevationGain is in feet where distanceUnit says Mile. An entry without
// distance names no unit; then the account's unit counts, then metric, which is
// what our requests ask for.
func unitOf(entryUnit json.RawMessage, accountUnit string) (lengthUnit, bool) {
	word, ok := rawjson.Text(entryUnit)
	if !ok {
		word = accountUnit
	}
	switch word {
	case "Kilometer", "METRIC", "":
		return lengthUnit{metresPerKM, 1}, true
	case "Mile", "en_US":
		return lengthUnit{metresPerMile, metresPerFoot}, true
	default:
		return lengthUnit{}, false
	}
}

// measures reads the quantities. A zero is a zero, an absent one stays null:
// nothing is computed from other members.
func (e *reading) measures(w *events.Workout, accountUnit string) {
	w.CaloriesKcal = e.quantity("calories", 1)
	if n, ok := wholeOf(e.members.Value("steps")); ok {
		e.use("steps")
		w.Steps = &n
	}
	unit, ok := unitOf(e.members.Value("distanceUnit"), accountUnit)
	if !ok {
		return // in a unit nobody has heard of: the numbers stay in the details
	}
	if _, named := rawjson.Text(e.members.Value("distanceUnit")); named {
		e.use("distanceUnit")
	}
	w.DistanceMeters = e.quantity("distance", unit.distance)
	w.AvgSpeedMPS = e.quantity("speed", unit.distance/3600)           // units of distance an hour
	w.AvgPaceSecPerKM = e.quantity("pace", metresPerKM/unit.distance) // seconds for one unit of distance
	w.ElevationGainMeters = e.quantity("elevationGain", unit.elevation)
}

// quantity is a member that cannot be negative, times a factor.
func (e *reading) quantity(name string, factor float64) *float64 {
	n, ok := rawjson.Number(e.members.Value(name))
	if !ok || n < 0 || n > 1e12 {
		return nil
	}
	e.use(name)
	n = rounded(n * factor)
	return &n
}

// rounded drops what binary arithmetic adds behind the sixth decimal: a
// micrometre, a microsecond.
func rounded(n float64) float64 {
	if math.Abs(n) > 1e9 {
		return n
	}
	return math.Round(n*1e6) / 1e6
}

// wholeOf reads a whole number from 0 to what a database integer of 32 bits
// holds. 12.0 is one, 12.5 is none.
func wholeOf(value json.RawMessage) (int64, bool) {
	if n, err := strconv.ParseInt(string(value), 10, 64); err == nil {
		return n, n >= 0 && n <= math.MaxInt32
	}
	n, ok := rawjson.Number(value)
	return int64(n), ok && n >= 0 && n <= math.MaxInt32 && n == math.Trunc(n)
}

func wholeInt(value json.RawMessage) *int {
	n, ok := wholeOf(value)
	if !ok {
		return nil
	}
	i := int(n)
	return &i
}

// heart reads heart rate, its zones and the Active Zone Minutes. Zone objects
// stay in the details too, with the names and the minutes per zone.
func (e *reading) heart(w *events.Workout) {
	if w.AvgHeartRateBPM = wholeInt(e.members.Value("averageHeartRate")); w.AvgHeartRateBPM != nil {
		e.use("averageHeartRate")
	}
	var minutes *int
	if rawjson.Walk(e.members.Value("activeZoneMinutes"), func(name, value []byte) {
		if string(name) == `"totalMinutes"` {
			minutes = wholeInt(value)
		}
	}) {
		w.ActiveZoneMinutes = minutes
	}
	w.HeartRateZones = zonesOf(e.members.Value("heartRateZones"))
}

// zonesOf reads heart rate zones in rising order of min. They are named by
// position, because their names come in the account's language: four zones are
// Fitbit's own, any other number is the person's. Nil when there are none to read.
func zonesOf(value json.RawMessage) []events.HeartRateZone {
	entries, ok := rawjson.Elements(value)
	if !ok {
		return nil
	}
	zones := make([]events.HeartRateZone, 0, len(entries))
	for _, entry := range entries {
		zone, ok := zoneOf(entry)
		if !ok {
			return nil
		}
		zones = append(zones, zone)
	}
	slices.SortStableFunc(zones, func(a, b events.HeartRateZone) int { return lower(a) - lower(b) })
	standard := []string{"out_of_zone", "fat_burn", "cardio", "peak"}
	for i := range zones {
		if len(zones) == len(standard) {
			zones[i].Zone = standard[i]
		} else {
			zones[i].Zone = "zone_" + strconv.Itoa(i+1)
		}
	}
	return zones
}

// zoneOf reads one zone; a null is one of which nothing is known.
func zoneOf(entry json.RawMessage) (zone events.HeartRateZone, ok bool) {
	if string(entry) == "null" {
		return zone, true
	}
	ok = rawjson.Walk(entry, func(name, value []byte) {
		switch string(name) {
		case `"min"`:
			zone.MinBPM = wholeInt(value)
		case `"max"`:
			zone.MaxBPM = wholeInt(value)
		case `"minutes"`:
			if n, ok := rawjson.Number(value); ok && n >= 0 && n < 1e6 {
				seconds := rounded(n * 60)
				zone.DurationSeconds = &seconds
			}
		case `"caloriesOut"`:
			if n, ok := rawjson.Number(value); ok && n >= 0 {
				zone.CaloriesKcal = &n
			}
		}
	})
	return zone, ok
}

// lower is the zone's lower bound; a zone without one comes last.
func lower(z events.HeartRateZone) int {
	if z.MinBPM == nil {
		return math.MaxInt32
	}
	return *z.MinBPM
}
