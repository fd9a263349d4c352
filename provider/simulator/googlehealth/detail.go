package googlehealth

import (
	"time"

	"github.com/stridelog/stridelog/provider/simulator"
)

const (
	kilometer = 1_000_000.0 // in millimetres
	mile      = 1_609_344.0
	poolMM    = 25_000
)

// detail draws what a record says beyond its truth. p may be nil.
func detail(r *Record, p *simulator.Person) Detail {
	id := r.ExternalID
	d := Detail{EndOffset: endOffset(r, p), Unknown: draw(15, "unknown", id) == 0}
	worn := r.Device != nil && r.Device.Type == simulator.DeviceTracker
	app := r.Device != nil && r.Device.Type == simulator.DeviceApp
	actively := r.Recording == simulator.RecordedActively
	outdoors := r.Type == "running" || r.Type == "hiking" || r.Type == "outdoor_bike" || r.Type == "walking"
	d.HasGPS = app || worn && actively && outdoors && draw(2, "gps", id) == 0
	if r.Type == "running" && worn && r.AvgHeartRateBPM != nil {
		vo2 := float64(350+draw(180, "vo2", id)) / 10
		d.RunVO2Max = &vo2
		if draw(10, "nan", id) == 0 {
			d.RunVO2Max, d.RunVO2MaxNaN = nil, true
		}
		d.Mobility = mobility(id)
	}
	if r.Type == "swimming" && r.DistanceMeters != nil && worn {
		lengths, pool := float64(int(*r.DistanceMeters*1000/poolMM)), int64(poolMM)
		d.SwimLengths, d.PoolLengthMillimeters = &lengths, &pool
	}
	if worn && r.Paced {
		d.Splits = splits(r, p)
	}
	if worn && (r.Type == "circuit_training" || r.Type == "swimming") {
		d.Laps = laps(r)
	}
	if actively && worn {
		d.Events = events(r)
	}
	if r.Recording == simulator.RecordedManually && draw(3, "notes", id) == 0 {
		d.Notes = "easy & <slow> 🐢"
	}
	return d
}

// endOffset differs from the start's when the clocks change in between.
func endOffset(r *Record, p *simulator.Person) time.Duration {
	_, start := r.Start.Zone()
	if p == nil {
		return time.Duration(start) * time.Second
	}
	zone := p.Zone(r.Start)
	if _, there := r.Start.In(zone).Zone(); there != start { // an upload from elsewhere
		return time.Duration(start) * time.Second
	}
	_, end := r.End().In(zone).Zone()
	return time.Duration(end) * time.Second
}

func mobility(id string) *Mobility {
	return &Mobility{
		CadenceStepsPerMinute: float64(1500+draw(400, "cadence", id)) / 10, StrideLengthMillimeters: int64(850 + draw(400, "stride", id)),
		VerticalOscillationMillimeters: int64(70 + draw(40, "oscillation", id)), VerticalRatio: float64(60+draw(40, "ratio", id)) / 10,
		GroundContact: time.Duration(210+draw(90, "contact", id)) * time.Millisecond,
	}
}

// splits cuts the distance at every kilometre or mile. What is left at the end
// has no split.
func splits(r *Record, p *simulator.Person) []Split {
	length := kilometer
	if p != nil && p.Miles() {
		length = mile
	}
	if r.DistanceMeters == nil || *r.DistanceMeters*1000 < length {
		return nil
	}
	n := int(*r.DistanceMeters * 1000 / length)
	each := time.Duration(float64(r.ActiveDuration) * length / (*r.DistanceMeters * 1000)).Truncate(time.Second)
	all := make([]Split, 0, n)
	for i := range n {
		start := r.Start.Add(time.Duration(i) * each)
		millimeters := length
		all = append(all, Split{Type: "DISTANCE", Start: start, End: start.Add(each), Active: each, DistanceMillimeters: &millimeters, AvgHeartRateBPM: copied(r.AvgHeartRateBPM)})
	}
	return all
}

// laps cuts the time into two to four parts.
func laps(r *Record) []Split {
	n := 2 + draw(3, "laps", r.ExternalID)
	each := (r.ActiveDuration / time.Duration(n)).Truncate(time.Second)
	all := make([]Split, 0, n)
	for i := range n {
		start := r.Start.Add(time.Duration(i) * each)
		all = append(all, Split{Type: []string{"MANUAL", "DURATION"}[draw(2, "lap", r.ExternalID)], Start: start, End: start.Add(each), Active: each})
	}
	return all
}

// events are the presses of a button. Some stops come twice, the second after
// the end.
func events(r *Record) []Event {
	all := []Event{{r.Start, "START"}}
	if pause := r.Duration - r.ActiveDuration; pause > 0 {
		at := r.Start.Add((r.ActiveDuration / 3).Truncate(time.Second))
		all = append(all, Event{at, "PAUSE"}, Event{at.Add(pause), "RESUME"})
	}
	all = append(all, Event{r.End(), "STOP"})
	if draw(6, "stops", r.ExternalID) == 0 {
		all = append(all, Event{r.End(), "STOP"}, Event{r.End().Add(2 * time.Second), "STOP"})
	}
	return all
}
