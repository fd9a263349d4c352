package googlehealth

import (
	"math"
	"time"

	"github.com/stridelog/stridelog/provider/simulator"
)

// healthConnect is the platform of records that came from another app.
const healthConnect = "HEALTH_CONNECT"

// copyingApp is the app that copies what others recorded.
const copyingApp = "com.example.gymlog"

// convert makes the record of a workout: what Google Health knows of it, and how
// it says it. The record has the workout's id.
func convert(t simulator.Truth, p *simulator.Person) Record {
	r := Record{Truth: t.Copy(), Source: sourceOf(&t)}
	id := t.ExternalID
	if t.Recording != simulator.RecordedManually && draw(5, "fraction", id) == 0 {
		r.Duration += 500 * time.Millisecond
		r.ActiveDuration += 500 * time.Millisecond
	}
	r.OriginalStart, r.OriginalDuration, r.Levels = time.Time{}, 0, simulator.Levels{}
	if r.Name == nil {
		name := label(r.Type)
		r.Name = &name
	}
	r.Custom = r.Type == "other"
	r.Device = nil
	if d := r.Source.Device; d != nil && d.Name != "" {
		r.Device = &simulator.Device{Name: d.Name, Type: t.Device.Type}
	}
	if len(r.Zones) == 4 {
		for i, word := range [...]string{"light", "moderate", "vigorous", "peak"} {
			r.Zones[i] = simulator.Zone{Word: word, Minutes: r.Zones[i].Minutes}
		}
	}
	if r.DistanceMeters != nil {
		*r.DistanceMeters = math.Round(*r.DistanceMeters*1000) / 1000
	}
	if draw(2, "zeros", id) == 0 {
		r.omitZeros()
	}
	r.Modified = r.Modified.Add(time.Duration(draw(1_000_000, "micros", id)) * time.Microsecond)
	r.Detail = detail(&r, p)
	r.Detail.Created = r.Modified
	return r
}

// omitZeros leaves out what is zero, as an encoder does that skips defaults.
func (r *Record) omitZeros() {
	r.DistanceMeters = nonzero(r.DistanceMeters)
	r.ElevationGainMeters = nonzero(r.ElevationGainMeters)
	r.CaloriesKcal = nonzero(r.CaloriesKcal)
	r.Steps = nonzero(r.Steps)
}

func nonzero[T comparable](p *T) *T {
	var zero T
	if p == nil || *p == zero {
		return nil
	}
	return p
}

// sourceOf is where a workout comes from. A device that is not known is {} or
// missing.
func sourceOf(t *simulator.Truth) Source {
	unknown := []*Device{nil, {}}[draw(2, "device", t.ExternalID)]
	s := Source{Recording: "ACTIVELY_MEASURED", Platform: "FITBIT", Device: unknown}
	switch {
	case t.Recording == simulator.RecordedManually:
		s.Recording = "MANUAL"
	case t.Device == nil:
		s.Platform, s.Application = healthConnect, "com.example.stride"
	case t.Device.Type == simulator.DeviceApp:
		s.Device = &Device{Name: t.Device.Name, FormFactor: "PHONE"}
	default:
		s.Device = &Device{Name: t.Device.Name, Manufacturer: "Fitbit", FormFactor: "FITNESS_BAND"}
		if draw(2, "owns", t.Device.ID) == 0 { // whom Google shows as the owner of a watch
			s.Device = &Device{Name: "Pixel Watch 4", Manufacturer: "Google", FormFactor: "WATCH"}
		}
	}
	if t.Recording == simulator.RecordedAutomatically {
		s.Recording = "PASSIVELY_MEASURED"
	}
	return s
}

// copyOf is a workout as another app on the phone saw it: some seconds off, with
// no device and no calories.
func copyOf(r Record) Record {
	id := r.ExternalID
	late := time.Duration(3+draw(38, "late", id)) * time.Second
	other := Record{Truth: simulator.Truth{
		ExternalID: longID("copy", id), Type: r.Type, Name: copied(r.Name), Custom: r.Custom, Start: r.Start.Add(late),
		Duration: r.Duration - late + time.Duration(draw(9, "longer", id))*time.Second, Recording: simulator.RecordedActively,
		Modified: r.Modified.Add(time.Duration(draw(90, "arrives", id)) * time.Minute),
	}}
	other.ActiveDuration = other.Duration
	if draw(2, "zeros", other.ExternalID) == 0 {
		zero := 0
		other.CaloriesKcal = &zero
	}
	other.Source = Source{Recording: "ACTIVELY_MEASURED", Platform: healthConnect, Device: &Device{}, Application: copyingApp}
	other.Detail = Detail{EndOffset: r.Detail.EndOffset, Created: other.Modified}
	return other
}

// before is a record as it was before Google worked it out: no heart rate yet,
// and less of a distance.
func before(r Record) Record {
	first := r.Copy()
	first.AvgHeartRateBPM, first.Zones, first.Detail.RunVO2Max, first.Detail.RunVO2MaxNaN = nil, nil, nil, false
	if first.DistanceMeters != nil {
		*first.DistanceMeters = math.Floor(*first.DistanceMeters * 0.97)
	}
	first.Modified, first.Detail.Splits = first.Detail.Created, nil
	return first
}
