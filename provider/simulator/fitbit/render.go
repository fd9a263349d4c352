package fitbit

import (
	"strings"
	"time"

	"github.com/stridelog/stridelog/provider/simulator"
	"github.com/stridelog/stridelog/provider/simulator/fitbit/internal/wire"
	"github.com/stridelog/stridelog/provider/simulator/jsontext"
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
	o := jsontext.NewObject(jsontext.StyleOf(t.ExternalID))
	o.Raw("logId", t.ExternalID)
	o.Raw("activityTypeId", wire.TypeID(t))
	if t.Name != nil {
		o.Text("activityName", *t.Name)
	}
	o.Text("logType", wire.LogType(t))
	o.Text("startTime", t.Start.Format(instantForm))
	o.Text("originalStartTime", t.OriginalStart.Format(instantForm))
	o.Whole("duration", t.Duration.Milliseconds())
	o.Whole("activeDuration", t.ActiveDuration.Milliseconds())
	o.Whole("originalDuration", t.OriginalDuration.Milliseconds())
	o.Text("lastModified", t.Modified.UTC().Format(instantForm))
	optional(o, "calories", t.CaloriesKcal)
	optional(o, "steps", t.Steps)
	lengths(o, t, v.miles)
	if v.heart {
		optional(o, "averageHeartRate", t.AvgHeartRateBPM)
		if t.Zones != nil {
			o.Raw("heartRateZones", zones(o, t.Zones))
		}
	}
	o.Raw("activityLevel", levels(o, t.Levels))
	if azm := t.ActiveZoneMinutes(); v.heart && azm != nil {
		o.Raw("activeZoneMinutes", zoneMinutes(o, t.Zones, *azm))
	}
	if t.Start.UTC().Year() >= 2020 {
		o.Flag("hasActiveZoneMinutes", v.heart && t.Zones != nil)
	}
	manual := t.Recording == simulator.RecordedManually
	specified := o.Inner()
	specified.Flag("calories", false)
	specified.Flag("distance", manual && t.DistanceMeters != nil)
	specified.Flag("steps", false)
	o.Raw("manualValuesSpecified", specified.String())
	if t.Device != nil {
		o.Raw("source", source(o, t.Device))
	}
	links(o, t, v.heart)
	return []byte(o.String())
}

func optional(o *jsontext.Object, name string, value *int) {
	if value != nil {
		o.Whole(name, int64(*value))
	}
}

// lengths writes distance, speed, pace and height. Distance and speed come
// together; a distance of zero has no pace.
func lengths(o *jsontext.Object, t *simulator.Truth, miles bool) {
	unit, word, height := float64(wire.MetersPerKM), "Kilometer", 1.0
	if miles {
		unit, word, height = wire.MetersMile, "Mile", wire.MetersFoot
	}
	if t.DistanceMeters != nil {
		o.Decimal("distance", wire.Rounded(*t.DistanceMeters/unit))
		o.Text("distanceUnit", word)
		o.Raw("speed", wire.Decimal(*t.AvgSpeedMPS()*3600/unit))
	}
	if pace := t.AvgPaceSecPerKM(); pace != nil {
		o.Raw("pace", wire.Decimal(*pace*unit/wire.MetersPerKM))
	}
	if t.ElevationGainMeters != nil {
		o.Raw("elevationGain", wire.Decimal(wire.Rounded(*t.ElevationGainMeters/height)))
	}
}

func zones(o *jsontext.Object, all []simulator.Zone) string {
	entries := make([]string, 0, len(all))
	for _, z := range all {
		entry := o.Inner()
		entry.Text("name", z.Label)
		entry.Whole("min", int64(z.MinBPM))
		entry.Whole("max", int64(z.MaxBPM))
		entry.Whole("minutes", int64(z.Minutes))
		if z.CaloriesKcal != nil {
			entry.Raw("caloriesOut", wire.Decimal(*z.CaloriesKcal))
		}
		entries = append(entries, entry.String())
	}
	return o.Array(entries)
}

// zoneMinutes writes the zones in the order of recorded answers, which is not
// their own.
func zoneMinutes(o *jsontext.Object, all []simulator.Zone, total int) string {
	types, names := wire.ZoneTypes(), wire.ZoneNames()
	entries := make([]string, 0, len(all))
	for _, order := range [...]int{0, 2, 3, 1} {
		if order >= len(all) {
			continue
		}
		entry := o.Inner()
		entry.Text("zoneName", names[order])
		entry.Text("type", types[order])
		entry.Whole("order", int64(order))
		entry.Whole("minutes", int64(all[order].Minutes))
		entry.Whole("minuteMultiplier", int64(min(order, 2)))
		entries = append(entries, entry.String())
	}
	minutes := o.Inner()
	minutes.Whole("totalMinutes", int64(total))
	minutes.Raw("minutesInHeartRateZones", o.Array(entries))
	return minutes.String()
}

func levels(o *jsontext.Object, l simulator.Levels) string {
	entries := make([]string, 0, 4)
	for i, name := range [...]string{"sedentary", "lightly", "fairly", "very"} {
		entry := o.Inner()
		entry.Text("name", name)
		entry.Whole("minutes", int64([...]int{l.Sedentary, l.Lightly, l.Fairly, l.Very}[i]))
		entries = append(entries, entry.String())
	}
	return o.Array(entries)
}

func source(o *jsontext.Object, d *simulator.Device) string {
	s := o.Inner()
	s.Text("id", d.ID)
	s.Text("name", d.Name)
	s.Text("type", d.Type)
	if d.Features != nil {
		features := make([]string, 0, len(d.Features))
		for _, f := range d.Features {
			features = append(features, jsontext.Quoted(f))
		}
		s.Raw("trackerFeatures", o.Array(features))
	}
	s.Text("url", "https://www.fitbit.com/")
	return s.String()
}

func links(o *jsontext.Object, t *simulator.Truth, heart bool) {
	end := t.End()
	clock := func(at time.Time) string { // hours are not padded here
		return strings.TrimPrefix(at.Format("15:04"), "0")
	}
	day, last := t.Start.Format(time.DateOnly), end.Format(time.DateOnly)
	o.Text("caloriesLink", webAPI+"calories/date/"+day+"/"+last+"/1min/time/"+clock(t.Start)+"/"+clock(end)+".json")
	if t.DistanceMeters != nil {
		o.Text("detailsLink", webAPI+t.ExternalID+".json")
	}
	if heart && t.Zones != nil {
		o.Text("heartRateLink", webAPI+"heart/date/"+day+"/"+last+"/1sec/time/"+t.Start.Format(time.TimeOnly)+"/"+end.Format(time.TimeOnly)+".json")
	}
	o.Text("tcxLink", webAPI+t.ExternalID+".tcx")
	if t.Device != nil && t.Device.Type == simulator.DeviceApp {
		o.Flag("hasGps", true)
	}
}
