package export

import (
	"strconv"
	"strings"
	"time"

	"github.com/stridelog/stridelog/provider/simulator"
	"github.com/stridelog/stridelog/provider/simulator/fitbit/internal/wire"
	"github.com/stridelog/stridelog/provider/simulator/jsontext"
)

// pageTime is how pages write times: no zone, month first.
const pageTime = "01/02/06 15:04:05"

// entry is a record as an element of a page, members in the order of real ones
// (section 2.1).
func (a *Archive) entry(r Record) object {
	t := r.Truth
	var o object
	o.add("logId", t.ExternalID)
	o.text("activityName", *t.Name)
	o.add("activityTypeId", wire.TypeID(&r.happened))
	o.add("activityLevel", levels(t.Levels))
	whole(&o, "averageHeartRate", t.AvgHeartRateBPM)
	whole(&o, "calories", t.CaloriesKcal)
	unit := a.unit()
	if t.DistanceMeters != nil {
		o.add("distance", double(wire.Rounded(*t.DistanceMeters/unit.meters)))
		o.text("distanceUnit", unit.word)
	}
	o.add("duration", milliseconds(t.Duration))
	o.add("activeDuration", milliseconds(t.ActiveDuration))
	whole(&o, "steps", t.Steps)
	swim(&o, t)
	if t.Device != nil {
		o.add("source", source(*t.Device))
	}
	o.text("logType", wire.LogType(&r.happened))
	o.add("manualValuesSpecified", object{
		{"calories", "false"}, {"distance", strconv.FormatBool(t.Recording == simulator.RecordedManually && t.DistanceMeters != nil)}, {"steps", "false"},
	})
	if t.Zones != nil {
		o.add("heartRateZones", zones(t.Zones))
	}
	if r.ActiveZoneMinutes != nil {
		o.add("activeZoneMinutes", zoneMinutes(t.Zones, *r.ActiveZoneMinutes))
	}
	if r.HasGPS && t.Type == "running" && a.options.Era.takeout() {
		o.add("vo2Max", object{{"vo2Max", double(float64(38+a.draw("vo2", t.ExternalID)%18) + 0.25)}})
	}
	if r.HasGPS {
		o.text("tcxLink", "https://www.fitbit.com/activities/exercise/"+t.ExternalID+"?export=tcx")
	}
	if speed := t.AvgSpeedMPS(); speed != nil {
		o.add("speed", double(*speed*3600/unit.meters))
	}
	if pace := t.AvgPaceSecPerKM(); pace != nil {
		o.add("pace", double(*pace*unit.meters/wire.MetersPerKM))
	}
	start := r.happened.Start
	if !r.WallClock {
		start = start.UTC()
	}
	o.text("lastModified", t.Modified.UTC().Format(pageTime))
	o.text("startTime", start.Format(pageTime))
	o.text("originalStartTime", start.Format(pageTime))
	o.add("originalDuration", milliseconds(t.OriginalDuration))
	if t.ElevationGainMeters != nil {
		o.add("elevationGain", double(wire.Rounded(*t.ElevationGainMeters/unit.height)))
	}
	o.add("hasGps", strconv.FormatBool(r.HasGPS))
	o.add("shouldFetchDetails", strconv.FormatBool(r.HasGPS))
	if a.options.Era != EraA {
		o.add("hasActiveZoneMinutes", strconv.FormatBool(r.ActiveZoneMinutes != nil))
	}
	return o
}

type unit struct {
	word           string
	meters, height float64
}

// unit is that of the account, for its whole history (section 2.3). That heights
// are in feet where lengths are in miles is not measured.
func (a *Archive) unit() unit {
	if a.person.Miles() {
		return unit{"Mile", wire.MetersMile, wire.MetersFoot}
	}
	return unit{"Kilometer", wire.MetersPerKM, 1}
}

// double is a number as Java prints one of everyday size: 5.0, never 5.
func double(n float64) string {
	text := wire.Decimal(n)
	if !strings.Contains(text, ".") {
		text += ".0"
	}
	return text
}

func milliseconds(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }

func whole(o *object, name string, n *int) {
	if n != nil {
		o.add(name, strconv.Itoa(*n))
	}
}

func levels(l simulator.Levels) []object {
	list := make([]object, 0, 4)
	for i, name := range [...]string{"sedentary", "lightly", "fairly", "very"} {
		list = append(list, object{{"minutes", strconv.Itoa([...]int{l.Sedentary, l.Lightly, l.Fairly, l.Very}[i])}, {"name", jsontext.Quoted(name)}})
	}
	return list
}

// swim adds lengths and pool where the distance is whole lengths of a usual pool.
func swim(o *object, t simulator.Truth) {
	if t.Type != "swimming" || t.DistanceMeters == nil {
		return
	}
	distance := int(*t.DistanceMeters)
	for _, pool := range [...]int{50, 33, 25, 20, 17} {
		if float64(distance) == *t.DistanceMeters && distance > 0 && distance%pool == 0 {
			o.add("swimLengths", strconv.Itoa(distance/pool))
			o.add("poolLength", strconv.Itoa(pool))
			o.text("poolLengthUnit", "Meter")
			return
		}
	}
}

func source(d simulator.Device) object {
	o := object{{"type", jsontext.Quoted(d.Type)}, {"name", jsontext.Quoted(d.Name)}, {"id", jsontext.Quoted(d.ID)}, {"url", jsontext.Quoted("https://www.fitbit.com/")}}
	if d.Features != nil {
		quoted := make([]string, 0, len(d.Features))
		for _, f := range d.Features {
			quoted = append(quoted, jsontext.Quoted(f))
		}
		o.add("trackerFeatures", "["+strings.Join(quoted, ",")+"]")
	}
	return o
}

func zones(all []simulator.Zone) []object {
	list := make([]object, 0, len(all))
	for _, z := range all {
		o := object{{"name", jsontext.Quoted(z.Label)}, {"min", strconv.Itoa(z.MinBPM)}, {"max", strconv.Itoa(z.MaxBPM)}, {"minutes", strconv.Itoa(z.Minutes)}}
		if z.CaloriesKcal != nil {
			o.add("caloriesOut", double(*z.CaloriesKcal))
		}
		list = append(list, o)
	}
	return list
}

func zoneMinutes(all []simulator.Zone, total int) object {
	list := make([]object, 0, len(all))
	for i, z := range all {
		list = append(list, object{
			{"zoneName", jsontext.Quoted(wire.ZoneNames()[i])}, {"order", strconv.Itoa(i)}, {"type", jsontext.Quoted(wire.ZoneTypes()[i])},
			{"minuteMultiplier", strconv.Itoa(min(i, 2))}, {"minutes", strconv.Itoa(z.Minutes)},
		})
	}
	return object{{"totalMinutes", strconv.Itoa(total)}, {"minutesInHeartRateZones", list}}
}
