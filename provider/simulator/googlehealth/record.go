package googlehealth

import (
	"slices"
	"time"

	"github.com/stridelog/stridelog/provider/simulator"
)

// Record is one data point of exercise and what it must be read as. In its Truth,
// Zones are light, moderate, vigorous and peak with nothing but their minutes,
// Levels and the Original members say nothing, and Modified is updateTime. A
// number that is zero and that the record leaves out is nil.
type Record struct {
	simulator.Truth
	Source Source
	Detail Detail
}

// Source is where a record comes from, in the words of the wire. Only list and
// get tell it.
type Source struct {
	Recording   string  // recordingMethod: ACTIVELY_MEASURED, PASSIVELY_MEASURED, MANUAL, DERIVED, UNKNOWN
	Platform    string  // FITBIT, HEALTH_CONNECT, …
	Device      *Device // nil leaves the member out; an empty one is {}
	Application string  // packageName; empty leaves the member out
}

// Device is what recorded a workout.
type Device struct {
	Name, Manufacturer, FormFactor string
}

// Detail is what the API says of a workout beyond its truth.
type Detail struct {
	// ExerciseType replaces the word of the type, for one that nobody knows yet.
	ExerciseType          string
	EndOffset             time.Duration // UTC offset of the end
	RunVO2Max             *float64      // ml/kg/min; the record may say "NaN" instead
	RunVO2MaxNaN          bool
	SwimLengths           *float64
	PoolLengthMillimeters *int64
	HasGPS                bool
	Splits                []Split // of a kilometre or a mile each
	Laps                  []Split // splitSummaries
	Events                []Event
	Mobility              *Mobility
	Notes                 string
	Created               time.Time // createTime
	// Unknown puts members into the record that no contract names.
	Unknown bool
}

// Split is a part of a workout.
type Split struct {
	Type                string // DISTANCE, MANUAL, DURATION
	Start, End          time.Time
	Active              time.Duration
	DistanceMillimeters *float64
	AvgHeartRateBPM     *int
}

// Event is a press of a button. Events come twice, and after the end.
type Event struct {
	At   time.Time
	Type string // START, PAUSE, RESUME, STOP, AUTO_PAUSE, AUTO_RESUME
}

// Mobility is how somebody ran.
type Mobility struct {
	CadenceStepsPerMinute          float64
	StrideLengthMillimeters        int64
	VerticalOscillationMillimeters int64
	VerticalRatio                  float64
	GroundContact                  time.Duration
}

// Copy shares nothing with r.
func (r Record) Copy() Record {
	r.Truth = r.Truth.Copy()
	r.Source.Device = copied(r.Source.Device)
	d := &r.Detail
	d.RunVO2Max, d.SwimLengths, d.PoolLengthMillimeters, d.Mobility = copied(d.RunVO2Max), copied(d.SwimLengths), copied(d.PoolLengthMillimeters), copied(d.Mobility)
	d.Splits, d.Laps, d.Events = copiedSplits(d.Splits), copiedSplits(d.Laps), slices.Clone(d.Events)
	return r
}

func copiedSplits(all []Split) []Split {
	all = slices.Clone(all)
	for i := range all {
		all[i].DistanceMillimeters, all[i].AvgHeartRateBPM = copied(all[i].DistanceMillimeters), copied(all[i].AvgHeartRateBPM)
	}
	return all
}

func copied[T any](p *T) *T {
	if p == nil {
		return nil
	}
	v := *p
	return &v
}
