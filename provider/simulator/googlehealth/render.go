package googlehealth

import (
	"bytes"
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/stridelog/stridelog/provider/simulator/jsontext"
)

// render writes a record as a data point, members in the order of the recorded
// answers. The same record gives the same bytes. A reconciled one has no source.
func render(r *Record, accountID string, reconciled bool) []byte {
	o := jsontext.NewObject(jsontext.StyleOf(r.ExternalID))
	name := "users/" + accountID + "/dataTypes/exercise/dataPoints/" + r.ExternalID
	if reconciled {
		o.Text("dataPointName", name)
	} else {
		o.Text("name", name)
		o.Raw("dataSource", source(o, r.Source))
	}
	o.Raw("exercise", exercise(o, r))
	text := []byte(o.String())
	if draw(7, "lines", r.ExternalID) > 0 {
		return text
	}
	var pretty bytes.Buffer // as Google prints unless it is asked not to
	if json.Indent(&pretty, text, "", "  ") != nil {
		return text
	}
	return pretty.Bytes()
}

func source(o *jsontext.Object, s Source) string {
	all := o.Inner()
	text(all, "recordingMethod", s.Recording)
	text(all, "platform", s.Platform)
	if s.Device != nil {
		device := o.Inner()
		text(device, "displayName", s.Device.Name)
		text(device, "formFactor", s.Device.FormFactor)
		text(device, "manufacturer", s.Device.Manufacturer)
		all.Raw("device", device.String())
	}
	if s.Application != "" {
		application := o.Inner()
		application.Text("packageName", s.Application)
		all.Raw("application", application.String())
	}
	return all.String()
}

func exercise(o *jsontext.Object, r *Record) string {
	e := o.Inner()
	interval := o.Inner()
	_, offset := r.Start.Zone()
	interval.Text("startTime", instant(r.Start))
	interval.Text("startUtcOffset", seconds(time.Duration(offset)*time.Second))
	interval.Text("endTime", instant(r.End()))
	interval.Text("endUtcOffset", seconds(r.Detail.EndOffset))
	e.Raw("interval", interval.String())
	text(e, "exerciseType", r.exerciseType())
	if r.Name != nil {
		e.Text("displayName", *r.Name)
	}
	e.Text("activeDuration", seconds(r.ActiveDuration))
	e.Raw("metricsSummary", metrics(o, r))
	if r.Detail.Splits != nil {
		e.Raw("splits", splitList(o, r, r.Detail.Splits))
	}
	if r.Detail.Laps != nil {
		e.Raw("splitSummaries", splitList(o, r, r.Detail.Laps))
	}
	if r.Detail.Events != nil {
		e.Raw("exerciseEvents", eventList(o, r))
	}
	metadata := o.Inner()
	if r.Detail.HasGPS {
		metadata.Flag("hasGps", true)
	}
	if r.Detail.PoolLengthMillimeters != nil {
		metadata.Text("poolLengthMillimeters", strconv.FormatInt(*r.Detail.PoolLengthMillimeters, 10))
	}
	if r.Detail.Unknown {
		metadata.Text("surface", "SURFACE_UNPAVED")
	}
	e.Raw("exerciseMetadata", metadata.String())
	text(e, "notes", r.Detail.Notes)
	if r.Detail.Unknown {
		later := o.Inner()
		later.Text("score", "12")
		later.Raw("parts", `[1.50,{"kind":"LATER"}]`)
		e.Raw("exertion", later.String())
	}
	e.Text("createTime", instant(r.Detail.Created))
	e.Text("updateTime", instant(r.Modified))
	return e.String()
}

// metrics writes the summary. Whole numbers are texts here, except those that the
// contract has as fractions.
func metrics(o *jsontext.Object, r *Record) string {
	m := o.Inner()
	if r.CaloriesKcal != nil {
		m.Decimal("caloriesKcal", float64(*r.CaloriesKcal))
	}
	if r.DistanceMeters != nil {
		m.Decimal("distanceMillimeters", math.Round(*r.DistanceMeters*1000))
	}
	whole(m, "steps", r.Steps)
	whole(m, "averageHeartRateBeatsPerMinute", r.AvgHeartRateBPM)
	if pace := r.AvgPaceSecPerKM(); pace != nil {
		m.Raw("averagePaceSecondsPerMeter", decimal(*pace/1000))
	}
	if speed := r.AvgSpeedMPS(); speed != nil {
		m.Raw("averageSpeedMillimetersPerSecond", decimal(*speed*1000))
	}
	if r.ElevationGainMeters != nil {
		m.Decimal("elevationGainMillimeters", math.Round(*r.ElevationGainMeters*1000))
	}
	whole(m, "activeZoneMinutes", r.ActiveZoneMinutes())
	if r.Detail.RunVO2MaxNaN {
		m.Text("runVo2Max", "NaN")
	} else if r.Detail.RunVO2Max != nil {
		m.Decimal("runVo2Max", *r.Detail.RunVO2Max)
	}
	if r.Detail.SwimLengths != nil {
		m.Decimal("totalSwimLengths", *r.Detail.SwimLengths)
	}
	if r.Zones != nil {
		zones := o.Inner()
		for _, z := range r.Zones {
			zones.Text(z.Word+"Time", strconv.Itoa(z.Minutes*60)+"s")
		}
		m.Raw("heartRateZoneDurations", zones.String())
	}
	if b := r.Detail.Mobility; b != nil {
		mobility := o.Inner()
		mobility.Raw("avgCadenceStepsPerMinute", decimal(b.CadenceStepsPerMinute))
		mobility.Text("avgStrideLengthMillimeters", strconv.FormatInt(b.StrideLengthMillimeters, 10))
		mobility.Text("avgVerticalOscillationMillimeters", strconv.FormatInt(b.VerticalOscillationMillimeters, 10))
		mobility.Raw("avgVerticalRatio", decimal(b.VerticalRatio))
		mobility.Text("avgGroundContactTimeDuration", seconds(b.GroundContact))
		m.Raw("mobilityMetrics", mobility.String())
	}
	return m.String()
}

func splitList(o *jsontext.Object, r *Record, all []Split) string {
	_, offset := r.Start.Zone()
	parts := make([]string, 0, len(all))
	for _, s := range all {
		part := o.Inner()
		part.Text("startTime", instant(s.Start))
		part.Text("startUtcOffset", seconds(time.Duration(offset)*time.Second))
		part.Text("endTime", instant(s.End))
		part.Text("endUtcOffset", seconds(time.Duration(offset)*time.Second))
		part.Text("activeDuration", seconds(s.Active))
		part.Text("splitType", s.Type)
		m := o.Inner()
		if s.DistanceMillimeters != nil {
			m.Decimal("distanceMillimeters", *s.DistanceMillimeters)
			m.Raw("averagePaceSecondsPerMeter", decimal(s.Active.Seconds()*1000 / *s.DistanceMillimeters))
		}
		whole(m, "averageHeartRateBeatsPerMinute", s.AvgHeartRateBPM)
		part.Raw("metricsSummary", m.String())
		parts = append(parts, part.String())
	}
	return o.Array(parts)
}

func eventList(o *jsontext.Object, r *Record) string {
	_, offset := r.Start.Zone()
	parts := make([]string, 0, len(r.Detail.Events))
	for _, e := range r.Detail.Events {
		part := o.Inner()
		part.Text("eventTime", instant(e.At))
		part.Text("eventUtcOffset", seconds(time.Duration(offset)*time.Second))
		part.Text("exerciseEventType", e.Type)
		parts = append(parts, part.String())
	}
	return o.Array(parts)
}

// text writes a string unless it is empty, which is a zero.
func text(o *jsontext.Object, name, value string) {
	if value != "" {
		o.Text(name, value)
	}
}

// whole writes a 64-bit number as this API does: as a string.
func whole(o *jsontext.Object, name string, value *int) {
	if value != nil {
		o.Text(name, strconv.Itoa(*value))
	}
}

func decimal(n float64) string { return strconv.FormatFloat(n, 'f', -1, 64) }

// instant writes a time with none, three or six decimals.
func instant(t time.Time) string {
	return t.UTC().Format("2006-01-02T15:04:05") + fraction(t.Nanosecond()) + "Z"
}

// seconds writes a duration: "2490.500s", "-18000s".
func seconds(d time.Duration) string {
	sign := ""
	if d < 0 {
		sign, d = "-", -d
	}
	return sign + strconv.FormatInt(int64(d/time.Second), 10) + fraction(int(d%time.Second)) + "s"
}

func fraction(nanoseconds int) string {
	if nanoseconds < 1000 {
		return ""
	}
	digits := strconv.Itoa(nanoseconds/1000 + 1_000_000)[1:]
	return "." + strings.TrimSuffix(digits, "000")
}
