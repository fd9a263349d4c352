package fitbit

import (
	"strings"
	"time"

	"github.com/stridelog/stridelog/provider/simulator"
	"github.com/stridelog/stridelog/provider/simulator/fitbit/internal/wire"
)

const (
	webAPI      = "https://api.fitbit.com/1/user/-/activities/"
	instantForm = "2006-01-02T15:04:05.000Z07:00" // a zero offset is written Z
)

// view is what a client may see of a record and in which units.
type view struct {
	miles bool
	heart bool // the heartrate scope is granted
}

// render writes a workout as an entry of the list, members in the order of the
// recorded answers. The same workout gives the same bytes. Links always name the
// real host, as recorded ones do.
func render(t *simulator.Truth, v view) []byte {
	o := newObject(styleOf(t.ExternalID))
	o.raw("logId", t.ExternalID)
	o.raw("activityTypeId", wire.TypeID(t))
	if t.Name != nil {
		o.text("activityName", *t.Name)
	}
	o.text("logType", wire.LogType(t))
	o.text("startTime", t.Start.Format(instantForm))
	o.text("originalStartTime", t.OriginalStart.Format(instantForm))
	o.whole("duration", t.Duration.Milliseconds())
	o.whole("activeDuration", t.ActiveDuration.Milliseconds())
	o.whole("originalDuration", t.OriginalDuration.Milliseconds())
	o.text("lastModified", t.Modified.UTC().Format(instantForm))
	o.optional("calories", t.CaloriesKcal)
	o.optional("steps", t.Steps)
	lengths(o, t, v.miles)
	if v.heart {
		o.optional("averageHeartRate", t.AvgHeartRateBPM)
		if t.Zones != nil {
			o.raw("heartRateZones", zones(o, t.Zones))
		}
	}
	o.raw("activityLevel", levels(o, t.Levels))
	if azm := t.ActiveZoneMinutes(); v.heart && azm != nil {
		o.raw("activeZoneMinutes", zoneMinutes(o, t.Zones, *azm))
	}
	if t.Start.UTC().Year() >= 2020 {
		o.flag("hasActiveZoneMinutes", v.heart && t.Zones != nil)
	}
	manual := t.Recording == simulator.RecordedManually
	specified := o.inner()
	specified.flag("calories", false)
	specified.flag("distance", manual && t.DistanceMeters != nil)
	specified.flag("steps", false)
	o.raw("manualValuesSpecified", specified.String())
	if t.Device != nil {
		o.raw("source", source(o, t.Device))
	}
	links(o, t, v.heart)
	return []byte(o.String())
}

// lengths writes distance, speed, pace and height. Distance and speed come
// together; a distance of zero has no pace.
func lengths(o *object, t *simulator.Truth, miles bool) {
	unit, word, height := float64(wire.MetersPerKM), "Kilometer", 1.0
	if miles {
		unit, word, height = wire.MetersMile, "Mile", wire.MetersFoot
	}
	if t.DistanceMeters != nil {
		o.raw("distance", o.style.distance(wire.Rounded(*t.DistanceMeters/unit)))
		o.text("distanceUnit", word)
		o.raw("speed", wire.Decimal(*t.AvgSpeedMPS()*3600/unit))
	}
	if pace := t.AvgPaceSecPerKM(); pace != nil {
		o.raw("pace", wire.Decimal(*pace*unit/wire.MetersPerKM))
	}
	if t.ElevationGainMeters != nil {
		o.raw("elevationGain", wire.Decimal(wire.Rounded(*t.ElevationGainMeters/height)))
	}
}

func zones(o *object, all []simulator.Zone) string {
	entries := make([]string, 0, len(all))
	for _, z := range all {
		entry := o.inner()
		entry.text("name", z.Label)
		entry.whole("min", int64(z.MinBPM))
		entry.whole("max", int64(z.MaxBPM))
		entry.whole("minutes", int64(z.Minutes))
		if z.CaloriesKcal != nil {
			entry.raw("caloriesOut", wire.Decimal(*z.CaloriesKcal))
		}
		entries = append(entries, entry.String())
	}
	return o.array(entries)
}

// zoneMinutes writes the zones in the order of recorded answers, which is not
// their own.
func zoneMinutes(o *object, all []simulator.Zone, total int) string {
	types, names := wire.ZoneTypes(), wire.ZoneNames()
	entries := make([]string, 0, len(all))
	for _, order := range [...]int{0, 2, 3, 1} {
		if order >= len(all) {
			continue
		}
		entry := o.inner()
		entry.text("zoneName", names[order])
		entry.text("type", types[order])
		entry.whole("order", int64(order))
		entry.whole("minutes", int64(all[order].Minutes))
		entry.whole("minuteMultiplier", int64(min(order, 2)))
		entries = append(entries, entry.String())
	}
	minutes := o.inner()
	minutes.whole("totalMinutes", int64(total))
	minutes.raw("minutesInHeartRateZones", o.array(entries))
	return minutes.String()
}

func levels(o *object, l simulator.Levels) string {
	entries := make([]string, 0, 4)
	for i, name := range [...]string{"sedentary", "lightly", "fairly", "very"} {
		entry := o.inner()
		entry.text("name", name)
		entry.whole("minutes", int64([...]int{l.Sedentary, l.Lightly, l.Fairly, l.Very}[i]))
		entries = append(entries, entry.String())
	}
	return o.array(entries)
}

func source(o *object, d *simulator.Device) string {
	s := o.inner()
	s.text("id", d.ID)
	s.text("name", d.Name)
	s.text("type", d.Type)
	if d.Features != nil {
		features := make([]string, 0, len(d.Features))
		for _, f := range d.Features {
			features = append(features, wire.Quoted(f))
		}
		s.raw("trackerFeatures", o.array(features))
	}
	s.text("url", "https://www.fitbit.com/")
	return s.String()
}

func links(o *object, t *simulator.Truth, heart bool) {
	end := t.End()
	clock := func(at time.Time) string { // hours are not padded here
		return strings.TrimPrefix(at.Format("15:04"), "0")
	}
	day, last := t.Start.Format(time.DateOnly), end.Format(time.DateOnly)
	o.text("caloriesLink", webAPI+"calories/date/"+day+"/"+last+"/1min/time/"+clock(t.Start)+"/"+clock(end)+".json")
	if t.DistanceMeters != nil {
		o.text("detailsLink", webAPI+t.ExternalID+".json")
	}
	if heart && t.Zones != nil {
		o.text("heartRateLink", webAPI+"heart/date/"+day+"/"+last+"/1sec/time/"+t.Start.Format(time.TimeOnly)+"/"+end.Format(time.TimeOnly)+".json")
	}
	o.text("tcxLink", webAPI+t.ExternalID+".tcx")
	if t.Device != nil && t.Device.Type == simulator.DeviceApp {
		o.flag("hasGps", true)
	}
}
