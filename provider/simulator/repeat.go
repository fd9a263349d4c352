package simulator

import (
	"math"
	"time"
)

// repeated is a workout as somebody else recorded it.
func (p *Person) repeated(d random, r Repeat, kind string, of *Truth) Truth {
	w := of.Copy()
	w.Start = of.Start.Add(time.Duration(r.Start.draw(d)) * time.Second)
	length := r.Length.draw(d)
	w.Duration = (of.Duration * time.Duration(length) / 100).Truncate(time.Second)
	w.ActiveDuration = w.Duration
	if r.Type != "" {
		name := p.Label(r.Type)
		w.Type, w.Name, w.Paced = r.Type, &name, activityOf(r.Type).paced
	}
	w.CaloriesKcal, w.Steps, w.ElevationGainMeters = recounted(d, w.CaloriesKcal, length), recounted(d, w.Steps, length), nil
	minutes, bpm := int(w.ActiveDuration.Minutes()), d.between(80, 150)
	if w.AvgHeartRateBPM != nil {
		bpm = *w.AvgHeartRateBPM + d.between(-3, 3)
		w.AvgHeartRateBPM = &bpm
	}
	w.Levels = levels(d, minutes, bpm)
	switch kind {
	case ExtraDetection:
		w.Recording, w.DistanceMeters = RecordedAutomatically, nil
		if w.Zones != nil {
			w.Zones = p.zonesOf(d, w.Start, minutes, bpm, *w.CaloriesKcal)
		}
	default:
		w.Recording, w.Device, w.Zones = RecordedActively, nil, nil
		if d.chance(r.Automatic) {
			w.Recording = RecordedAutomatically
		}
		w.DistanceMeters = p.remeasured(d, w.DistanceMeters, length)
	}
	r.Lost.from(d, &w)
	return w
}

// recounted is a number that something else counted over another time.
func recounted(d random, n *int, length int) *int {
	percent := d.between(92, 106)
	if n == nil {
		return nil
	}
	again := *n * length * percent / 10_000
	return &again
}

// remeasured is a distance over another time, in the steps that the provider shows.
func (p *Person) remeasured(d random, meters *float64, length int) *float64 {
	percent := d.between(96, 104)
	if meters == nil {
		return nil
	}
	step := 1.0
	if p.options.Miles {
		step = centimile
	}
	again := math.Round(*meters*float64(length*percent)/10_000/step) * step
	return &again
}

// from takes away what a record lacks.
func (l Lost) from(d random, w *Truth) {
	distance, heart, energy, steps, name := d.chance(l.Distance), d.chance(l.HeartRate), d.chance(l.Energy), d.chance(l.Steps), d.chance(l.Name)
	says := d.chance(50)
	if distance {
		w.DistanceMeters = nil
	}
	if heart {
		w.AvgHeartRateBPM, w.Zones = nil, nil
	}
	if energy {
		w.CaloriesKcal = nil
		if zero := 0; says {
			w.CaloriesKcal = &zero
		}
	}
	if steps {
		w.Steps = nil
	}
	if name {
		w.Name = nil
	}
}
