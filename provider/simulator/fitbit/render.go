package fitbit

import (
	"hash/fnv"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/stridelog/stridelog/provider/simulator"
)

const (
	webAPI      = "https://api.fitbit.com/1/user/-/activities/"
	metersPerKM = 1000
	metersMile  = 1609.344
	metersFoot  = 0.3048
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
	o.raw("activityTypeId", typeID(t))
	if t.Name != nil {
		o.text("activityName", *t.Name)
	}
	o.text("logType", logType(t))
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
	unit, word, height := float64(metersPerKM), "Kilometer", 1.0
	if miles {
		unit, word, height = metersMile, "Mile", metersFoot
	}
	if t.DistanceMeters != nil {
		o.raw("distance", o.style.distance(rounded(*t.DistanceMeters/unit)))
		o.text("distanceUnit", word)
		o.raw("speed", decimal(*t.AvgSpeedMPS()*3600/unit))
	}
	if pace := t.AvgPaceSecPerKM(); pace != nil {
		o.raw("pace", decimal(*pace*unit/metersPerKM))
	}
	if t.ElevationGainMeters != nil {
		o.raw("elevationGain", decimal(rounded(*t.ElevationGainMeters/height)))
	}
}

// rounded takes off what binary arithmetic adds behind the sixth decimal.
func rounded(n float64) float64 { return math.Round(n*1e6) / 1e6 }

func decimal(n float64) string { return strconv.FormatFloat(n, 'f', -1, 64) }

func zones(o *object, all []simulator.Zone) string {
	entries := make([]string, 0, len(all))
	for _, z := range all {
		entry := o.inner()
		entry.text("name", z.Label)
		entry.whole("min", int64(z.MinBPM))
		entry.whole("max", int64(z.MaxBPM))
		entry.whole("minutes", int64(z.Minutes))
		if z.CaloriesKcal != nil {
			entry.raw("caloriesOut", decimal(*z.CaloriesKcal))
		}
		entries = append(entries, entry.String())
	}
	return o.array(entries)
}

// zoneMinutes writes the zones in the order of recorded answers, which is not
// their own.
func zoneMinutes(o *object, all []simulator.Zone, total int) string {
	types := [...]string{"OUT_OF_ZONE", "FAT_BURN", "CARDIO", "PEAK"}
	names := [...]string{"Out of Range", "Fat Burn", "Cardio", "Peak"}
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
			features = append(features, quoted(f))
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

func logType(t *simulator.Truth) string {
	switch {
	case t.Recording == simulator.RecordedManually:
		return "manual"
	case t.Recording == simulator.RecordedAutomatically:
		return "auto_detected"
	case t.Device != nil && t.Device.Type == simulator.DeviceApp:
		return "mobile_run"
	default:
		return "tracker"
	}
}

// typeIDs are the ids seen in logs of real accounts, by vocabulary word.
func typeIDs() map[string]string {
	return map[string]string{
		"walking": "90013", "running": "90009", "biking": "90001", "outdoor_bike": "1071", "hiking": "90012", "swimming": "90024",
		"spinning": "55001", "sport": "15000", "workout": "3000", "aerobic_workout": "3001", "weights": "2131",
		"circuit_training": "2040", "stairclimber": "2065", "elliptical": "20047", "treadmill": "20049",
		"interval_workout": "20057", "yoga": "52000", "pilates": "53000", "kickboxing": "55002", "bootcamp": "55003",
		"martial_arts": "15430", "tennis": "15675",
	}
}

// typeID is the id of a workout's type. Custom types have eight digits: those
// of partners are known, the person's own are made up from the name.
func typeID(t *simulator.Truth) string {
	if !t.Custom {
		return typeIDs()[t.Type]
	}
	switch t.Type {
	case "running":
		return "12339646"
	case "walking":
		return "12350445"
	case "swimming":
		return "23418750"
	case "workout":
		return "61980497"
	}
	name := fnv.New32a()
	if t.Name != nil {
		_, _ = name.Write([]byte(*t.Name))
	}
	return strconv.Itoa(70_000_000 + int(name.Sum32()%20_000_000))
}
