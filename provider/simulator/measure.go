package simulator

import (
	"math"
	"time"
)

// Both are exact by definition.
const (
	centimile       = 16.09344 // metres in a hundredth of a mile
	floorMillimeter = 3048     // height of a floor, ten feet
)

// measure draws the numbers of a workout from how long it was active. What the
// way of recording cannot know stays nil.
func (p *Person) measure(d random, w *Truth, a activity) {
	seconds := int(w.ActiveDuration.Seconds())
	meters := seconds * d.between(a.metersPerMin[0], a.metersPerMin[1]) / 60
	steps := seconds * a.stepsPerMin / 60 * d.between(94, 106) / 100
	kcal := seconds * d.between(a.kcalPer10Min[0], a.kcalPer10Min[1]) / 600
	floors := d.between(0, a.floorsPer10Min*seconds/600)
	bpm := d.between(a.bpm[0], a.bpm[1])
	alone, remembered := d.chance(25), d.chance(60)

	manual := w.Recording == RecordedManually
	w.CaloriesKcal = &kcal
	if a.metersPerMin[1] > 0 && w.Recording != RecordedAutomatically && (!manual || remembered) {
		distance := float64(meters)
		if manual {
			distance = float64(meters / 500 * 500) // people type in round numbers
		}
		if p.options.Miles {
			distance = math.Round(distance/centimile) * centimile
		}
		w.DistanceMeters = &distance
	}
	if a.stepsPerMin > 0 {
		w.Steps = &steps
	}
	// In feet a height needs a distance beside it, which names the unit.
	if a.floorsPer10Min > 0 && !manual && (w.DistanceMeters != nil || !p.options.Miles) {
		gain := float64(floors*floorMillimeter) / 1000
		w.ElevationGainMeters = &gain
	}
	w.Levels = levels(d, seconds/60, bpm)
	worn := w.Device != nil && w.Device.Type == DeviceTracker
	if worn || manual && alone {
		w.AvgHeartRateBPM = &bpm
	}
	if worn {
		w.Zones = p.zonesOf(d, w.Start, seconds/60, bpm, kcal)
	}
}

// zonesOf are the zones of a workout. Before 2019 they say nothing of energy.
func (p *Person) zonesOf(d random, start time.Time, minutes, bpm, kcal int) []Zone {
	zones := p.zones(d, minutes, bpm, kcal)
	if start.UTC().Year() < 2019 {
		for i := range zones {
			zones[i].CaloriesKcal = nil
		}
	}
	return zones
}

// zones splits the active minutes around the average heart rate.
func (p *Person) zones(d random, minutes, bpm, kcal int) []Zone {
	highest := 220 - newRandom(p.seed, p.name, "age").between(24, 58)
	bounds := [5]int{30, highest * 55 / 100, highest * 72 / 100, highest * 89 / 100, 220}
	words := [4]string{"out_of_zone", "fat_burn", "cardio", "peak"}
	labels := [4]string{"Out of Range", "Fat Burn", "Cardio", "Peak"}
	if p.options.Language == "it" {
		labels = [4]string{"Fuori zona", "Brucia grassi", "Cardio", "Picco"}
	}
	home := 0
	for home < 3 && bpm >= bounds[home+1] {
		home++
	}
	var share [4]int
	share[home] = minutes
	for i := range share { // a part of the time is spent in the neighbouring zones
		part := minutes * d.between(0, 22) / 100
		if i != home && (i == home-1 || i == home+1) {
			share[i] = part
			share[home] -= part
		}
	}
	zones := make([]Zone, len(words))
	for i := range zones {
		tenths := kcal * 10 * share[i] / max(minutes, 1)
		burnt := float64(tenths) / 10
		zones[i] = Zone{words[i], labels[i], bounds[i], bounds[i+1], share[i], &burnt}
	}
	return zones
}

// levels splits the active minutes by intensity.
func levels(d random, minutes, bpm int) Levels {
	idle := minutes * d.between(0, 8) / 100
	rest := minutes - idle
	switch {
	case bpm >= 130:
		fairly := rest * d.between(5, 25) / 100
		return Levels{Sedentary: idle, Fairly: fairly, Very: rest - fairly}
	case bpm >= 100:
		lightly := rest * d.between(20, 50) / 100
		return Levels{Sedentary: idle, Lightly: lightly, Fairly: rest - lightly}
	default:
		return Levels{Sedentary: idle, Lightly: rest}
	}
}
