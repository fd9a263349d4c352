package googlehealth_test

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stridelog/stridelog/provider/simulator"
	"github.com/stridelog/stridelog/provider/simulator/apptest"
	"github.com/stridelog/stridelog/provider/simulator/fitbit"
	"github.com/stridelog/stridelog/provider/simulator/googlehealth"
)

// exercise is a data point as the contract words it, every number as it must be
// spelt: a text for 64 bits, a number for a fraction.
type exercise struct {
	DataSource struct {
		RecordingMethod, Platform string
		Device                    *struct{ DisplayName, FormFactor, Manufacturer string }
		Application               *struct{ PackageName string }
	}
	Exercise struct {
		Interval                                         struct{ StartTime, StartUTCOffset, EndTime, EndUTCOffset string }
		ExerciseType, DisplayName, ActiveDuration, Notes string
		MetricsSummary                                   metrics
		Splits, SplitSummaries                           []split
		ExerciseEvents                                   []struct{ EventTime, EventUTCOffset, ExerciseEventType string }
		ExerciseMetadata                                 struct {
			HasGPS                bool
			PoolLengthMillimeters *string
		}
		CreateTime, UpdateTime time.Time
	}
}

type metrics struct {
	CaloriesKcal, DistanceMillimeters, AveragePaceSecondsPerMeter, AverageSpeedMillimetersPerSecond, ElevationGainMillimeters, TotalSwimLengths *float64
	Steps, AverageHeartRateBeatsPerMinute, ActiveZoneMinutes                                                                                    *string
	RunVO2Max                                                                                                                                   any
	HeartRateZoneDurations                                                                                                                      map[string]string
	MobilityMetrics                                                                                                                             map[string]any
}

type split struct {
	StartTime, EndTime, ActiveDuration, SplitType string
	MetricsSummary                                metrics
}

func point(t *testing.T, raw []byte) (e exercise) {
	t.Helper()
	if err := json.Unmarshal(raw, &e); err != nil {
		t.Fatalf("%v: %s", err, raw)
	}
	return e
}

// number compares a wire number with a true one, both perhaps absent.
func number[T int | float64](t *testing.T, what string, wire *float64, truth *T, factor float64) {
	t.Helper()
	if (wire == nil) != (truth == nil) || wire != nil && math.Abs(*wire-float64(*truth)*factor) > 1e-6*math.Max(1, *wire) {
		t.Errorf("%s is %v, true is %v", what, wire, truth)
	}
}

func whole(t *testing.T, text *string) *float64 {
	t.Helper()
	if text == nil {
		return nil
	}
	n, err := strconv.ParseInt(*text, 10, 64)
	if err != nil {
		t.Errorf("%q is no whole number", *text)
	}
	f := float64(n)
	return &f
}

func duration(t *testing.T, text string) time.Duration {
	t.Helper()
	d, err := time.ParseDuration(text)
	if err != nil || !strings.HasSuffix(text, "s") || strings.ContainsAny(text, "mh") {
		t.Errorf("%q is no duration", text)
	}
	return d
}

func TestRecordsSayTheirTruth(t *testing.T) {
	a := newApp(t, func(o *googlehealth.Options) { o.Copies = 10 })
	seen := map[string]int{}
	for n := range a.people {
		for _, r := range a.cloud.Records(a.account(n)) {
			e := point(t, a.cloud.RawRecord(a.account(n), r.ExternalID))
			compare(t, e, r)
			count(seen, e, r)
			if t.Failed() {
				t.Fatalf("in %s", a.cloud.RawRecord(a.account(n), r.ExternalID))
			}
		}
	}
	for _, what := range []string{"fraction", "NaN", "vo2", "zones", "splits", "laps", "pause", "second stop", "gps", "pool", "notes", "no device", "empty device", "phone", "watch", "band", "app",
		"MANUAL", "PASSIVELY_MEASURED", "ACTIVELY_MEASURED", "zero", "omitted zero", "another end offset", "negative offset", "zero offset", "rewritten", "back-dated", "OTHER", "unknown"} {
		if seen[what] == 0 {
			t.Errorf("no record with: %s", what)
		}
	}
	t.Log(seen)
}

func compare(t *testing.T, e exercise, r googlehealth.Record) {
	t.Helper()
	x, m := e.Exercise, e.Exercise.MetricsSummary
	start, err := time.Parse(time.RFC3339Nano, x.Interval.StartTime)
	end, err2 := time.Parse(time.RFC3339Nano, x.Interval.EndTime)
	_, offset := r.Start.Zone()
	if err != nil || err2 != nil || !start.Equal(r.Start) || end.Sub(start) != r.Duration || duration(t, x.ActiveDuration) != r.ActiveDuration ||
		duration(t, x.Interval.StartUTCOffset) != time.Duration(offset)*time.Second || duration(t, x.Interval.EndUTCOffset) != r.Detail.EndOffset {
		t.Errorf("times %+v of %v for %v", x.Interval, r.Start, r.Duration)
	}
	if x.ExerciseType != strings.ToUpper(r.Type) || x.DisplayName != *r.Name || !x.UpdateTime.Equal(r.Modified) || !x.CreateTime.Equal(r.Detail.Created) || x.Notes != r.Detail.Notes {
		t.Errorf("type %s %q, updated %v, created %v", x.ExerciseType, x.DisplayName, x.UpdateTime, x.CreateTime)
	}
	number(t, "calories", m.CaloriesKcal, r.CaloriesKcal, 1)
	number(t, "distance", m.DistanceMillimeters, r.DistanceMeters, 1000)
	number(t, "steps", whole(t, m.Steps), r.Steps, 1)
	number(t, "heart rate", whole(t, m.AverageHeartRateBeatsPerMinute), r.AvgHeartRateBPM, 1)
	number(t, "pace", m.AveragePaceSecondsPerMeter, r.AvgPaceSecPerKM(), 0.001)
	number(t, "speed", m.AverageSpeedMillimetersPerSecond, r.AvgSpeedMPS(), 1000)
	number(t, "height", m.ElevationGainMillimeters, r.ElevationGainMeters, 1000)
	number(t, "zone minutes", whole(t, m.ActiveZoneMinutes), r.ActiveZoneMinutes(), 1)
	number(t, "lengths", m.TotalSwimLengths, r.Detail.SwimLengths, 1)
	switch vo2 := m.RunVO2Max.(type) {
	case string:
		if vo2 != "NaN" || !r.Detail.RunVO2MaxNaN || r.Detail.RunVO2Max != nil {
			t.Errorf("VO2 max %q", vo2)
		}
	case float64:
		number(t, "VO2 max", &vo2, r.Detail.RunVO2Max, 1)
	default:
		number(t, "VO2 max", nil, r.Detail.RunVO2Max, 1)
	}
	if len(m.HeartRateZoneDurations) != len(r.Zones) {
		t.Errorf("zones %v of %v", m.HeartRateZoneDurations, r.Zones)
	}
	for _, z := range r.Zones {
		if duration(t, m.HeartRateZoneDurations[z.Word+"Time"]) != time.Duration(z.Minutes)*time.Minute {
			t.Errorf("zones %v of %v", m.HeartRateZoneDurations, r.Zones)
		}
	}
	if (m.MobilityMetrics != nil) != (r.Detail.Mobility != nil) || x.ExerciseMetadata.HasGPS != r.Detail.HasGPS ||
		len(x.Splits) != len(r.Detail.Splits) || len(x.SplitSummaries) != len(r.Detail.Laps) || len(x.ExerciseEvents) != len(r.Detail.Events) {
		t.Errorf("details %+v", r.Detail)
	}
	for i, s := range append(x.Splits, x.SplitSummaries...) {
		want := append(append([]googlehealth.Split{}, r.Detail.Splits...), r.Detail.Laps...)[i]
		number(t, "a split's distance", s.MetricsSummary.DistanceMillimeters, want.DistanceMillimeters, 1)
		if duration(t, s.ActiveDuration) != want.Active || s.SplitType != want.Type || want.End.After(r.End()) {
			t.Errorf("split %d is %+v, want %+v", i, s, want)
		}
	}
	compareSource(t, e, r)
}

func compareSource(t *testing.T, e exercise, r googlehealth.Record) {
	t.Helper()
	s := e.DataSource
	if s.RecordingMethod != r.Source.Recording || s.Platform != r.Source.Platform || (s.Device == nil) != (r.Source.Device == nil) || (s.Application == nil) != (r.Source.Application == "") {
		t.Errorf("source %+v, want %+v", s, r.Source)
		return
	}
	if d := s.Device; d != nil && (d.DisplayName != r.Source.Device.Name || d.FormFactor != r.Source.Device.FormFactor || d.Manufacturer != r.Source.Device.Manufacturer) {
		t.Errorf("device %+v, want %+v", d, r.Source.Device)
	}
	if (r.Device != nil) != (s.Device != nil && s.Device.DisplayName != "") {
		t.Errorf("the truth's device is %v", r.Device)
	}
}

// count notes what a record shows.
func count(seen map[string]int, e exercise, r googlehealth.Record) {
	note := func(what string, shown bool) {
		if shown {
			seen[what]++
		}
	}
	_, offset := r.Start.Zone()
	zero := func(p *int) bool { return p != nil && *p == 0 }
	note("fraction", r.Duration%time.Second != 0)
	note("NaN", r.Detail.RunVO2MaxNaN)
	note("vo2", r.Detail.RunVO2Max != nil)
	note("zones", r.Zones != nil)
	note("splits", r.Detail.Splits != nil)
	note("laps", r.Detail.Laps != nil)
	note("pause", len(r.Detail.Events) == 4)
	note("second stop", len(r.Detail.Events) > 2 && r.Detail.Events[len(r.Detail.Events)-1].At.After(r.End()))
	note("gps", r.Detail.HasGPS)
	note("pool", e.Exercise.ExerciseMetadata.PoolLengthMillimeters != nil)
	note("notes", r.Detail.Notes != "")
	note("no device", r.Source.Device == nil)
	note("empty device", r.Source.Device != nil && *r.Source.Device == googlehealth.Device{})
	if d := r.Source.Device; d != nil {
		note("phone", d.FormFactor == "PHONE")
		note("watch", d.FormFactor == "WATCH")
		note("band", d.FormFactor == "FITNESS_BAND")
	}
	note("app", r.Source.Application != "")
	note(r.Source.Recording, true)
	note("zero", zero(r.CaloriesKcal) || zero(r.Steps))
	note("omitted zero", r.CaloriesKcal == nil)
	note("another end offset", r.Detail.EndOffset != time.Duration(offset)*time.Second)
	note("negative offset", offset < 0)
	note("zero offset", offset == 0)
	note("rewritten", r.Modified.Sub(r.Detail.Created) > 2*time.Hour)
	note("back-dated", r.Detail.Created.Sub(r.End()) > 7*24*time.Hour)
	note("OTHER", e.Exercise.ExerciseType == "OTHER")
	note("unknown", r.Detail.Unknown)
}

func TestBothCloudsHoldTheSameWorkouts(t *testing.T) {
	for _, keep := range []bool{false, true} {
		a := newApp(t, func(o *googlehealth.Options) { o.KeepIDs = keep })
		old, err := fitbit.New(fitbit.Options{ClientID: "a", ClientSecret: "b", RedirectURIs: []string{redirectURI}, People: a.people, Now: a.clock.Now})
		if err != nil {
			t.Fatal(err)
		}
		for n, p := range a.people {
			before := map[time.Time]simulator.Truth{}
			for _, w := range old.Truth(p.AccountID()) {
				before[w.Start.UTC()] = w
			}
			records := a.cloud.Truth(a.account(n))
			if missing := len(before) - len(records); missing < 0 || missing > len(before)/20 { // some come weeks late
				t.Errorf("%d workouts at Fitbit, %d at Google", len(before), len(records))
			}
			for _, w := range records {
				there := before[w.Start.UTC()]
				if there.Type != w.Type || w.Duration-there.Duration > time.Second || (there.ExternalID == w.ExternalID) != keep || there.LocalDate() != w.LocalDate() {
					t.Fatalf("keep %t: %+v at Google is %+v at Fitbit", keep, w, there)
				}
			}
		}
	}
}

func TestTheSameSeedGivesTheSameBytes(t *testing.T) {
	a, b := newApp(t, nil), newApp(t, nil)
	b.clock.Forward(40 * 24 * time.Hour)
	for _, r := range a.cloud.Records(a.account(3)) {
		if r.Modified.After(noon.AddDate(0, 0, -2)) {
			continue // Google may still work it out
		}
		if x, y := string(a.cloud.RawRecord(a.account(3), r.ExternalID)), string(b.cloud.RawRecord(a.account(3), r.ExternalID)); x != y {
			t.Fatalf("%s\n%s", x, y)
		}
	}
}

func TestGoogleRewritesRecordsHoursLater(t *testing.T) {
	person, err := simulator.NewPerson(4, "late", "Europe/Berlin", simulator.Options{Style: simulator.StyleGym, Since: noon.AddDate(0, 0, -3)})
	if err != nil {
		t.Fatal(err)
	}
	a := &app{App: apptest.App{T: t}, clock: apptest.NewClock(noon), people: []*simulator.Person{person}}
	if a.cloud, err = googlehealth.New(googlehealth.Options{
		ClientID: clientID, ClientSecret: clientSecret, RedirectURIs: []string{redirectURI}, People: a.people, Now: a.clock.Now,
	}); err != nil {
		t.Fatal(err)
	}
	known := map[string]simulator.Truth{}
	changed := 0
	for range 24 * 60 {
		for _, w := range a.cloud.Truth(a.account(0)) {
			before, old := known[w.ExternalID]
			known[w.ExternalID] = w
			if !old || before.Modified.Equal(w.Modified) {
				continue
			}
			changed++
			if before.Zones != nil || w.Zones == nil || w.Modified.Sub(before.Modified) < 3*time.Hour || w.DistanceMeters != nil && *before.DistanceMeters >= *w.DistanceMeters {
				t.Errorf("%+v became %+v", before, w)
			}
		}
		a.clock.Forward(time.Hour)
	}
	if changed == 0 || changed > len(known)/4 || len(known) < 30 {
		t.Errorf("%d of %d changed", changed, len(known))
	}
}
