package simulator

import (
	"strconv"
	"time"
)

// Extras say which records a person's accounts hold beside those of their
// workouts. The zero value is none.
type Extras struct {
	// Copies are written by other apps, which read a workout from the phone and
	// store it as their own. They name no device and have no zones. Workouts that
	// a device recorded and that last ten minutes or more have them.
	Copies []Repeat
	// Detections are what a tracker noticed by itself while the person recorded
	// the workout with it. They have no distance. Workouts with a distance that
	// last a quarter of an hour or more have them.
	Detections []Repeat
	// Forgotten are sessions that nobody ended: hours without distance, steps and
	// energy. They begin around the first workout of a day.
	Forgotten []Forgotten
}

// Repeat is a way in which a workout comes to be recorded a second time.
// Workouts with a type of the person's own or of a partner are not repeated:
// providers do not name those alike.
type Repeat struct {
	Percent int    // of the workouts to which it can happen
	Type    string // what people here do, instead of the workout's type; empty keeps that
	Start   Spread // seconds from the workout's start to that of the record
	Length  Spread // percent of the workout's length
	// Automatic is how many of a hundred copies say that a device noticed them.
	Automatic int
	Lost      Lost
}

// Lost says how many of a hundred records lack a figure. Half of those that lack
// energy say zero instead.
type Lost struct{ Distance, HeartRate, Energy, Steps, Name int }

// Forgotten is a kind of session that nobody ended.
type Forgotten struct {
	Percent   int    // of the days with a workout that a tracker recorded
	Start     Spread // minutes from the first such workout to the session's start
	Length    Spread // minutes
	HeartRate int    // how many of a hundred have a heart rate
}

// The kinds of extra records.
const (
	ExtraCopy      = "copy"
	ExtraDetection = "detection"
	ExtraForgotten = "forgotten"
)

// Extra is a record of an account that is no workout. Its Truth is what it says,
// not what happened.
type Extra struct {
	Truth
	Kind string // one of the Extra… words
	// Of is the ExternalID of the workout that it repeats, or that was the reason
	// to press start.
	Of string
}

// The shortest workouts that are repeated.
const (
	shortestCopied   = 10 * time.Minute
	shortestDetected = 15 * time.Minute
)

// Extras gives the extra records that belong to the workouts of a local date.
func (p *Person) Extras(date time.Time) []Extra {
	o := p.options.Extras
	if len(o.Copies)+len(o.Detections)+len(o.Forgotten) == 0 {
		return nil
	}
	e := extras{person: p, date: dateOf(date)}
	day := p.Day(date)
	for i := range day {
		w := &day[i]
		e.repeats(o.Copies, ExtraCopy, w, w.Device != nil && w.Duration >= shortestCopied)
		e.repeats(o.Detections, ExtraDetection, w, recorded(w) && w.DistanceMeters != nil && w.Duration >= shortestDetected)
	}
	for i := range day {
		if recorded(&day[i]) && !day[i].Custom {
			e.forgotten(o.Forgotten, &day[i])
			break
		}
	}
	return e.all
}

// recorded says whether the person recorded a workout with their tracker.
func recorded(w *Truth) bool {
	return w.Recording == RecordedActively && w.Device != nil && w.Device.Type == DeviceTracker
}

// extras collects the extra records of a date.
type extras struct {
	person *Person
	date   time.Time
	all    []Extra
}

func (e *extras) random(purpose ...string) random {
	return newRandom(append([]string{e.person.seed, e.person.name, e.date.Format(time.DateOnly), "extra"}, purpose...)...)
}

// add gives a record an id that no other of the person has.
func (e *extras) add(d random, w Truth, kind string, of *Truth) {
	days := int(e.date.Sub(time.Date(2014, time.January, 1, 0, 0, 0, 0, time.UTC)) / (24 * time.Hour))
	w.OriginalStart, w.OriginalDuration = w.Start, w.Duration
	w.Modified = w.End().Add(time.Duration(d.between(60, 5400)) * time.Second).UTC()
	w.ExternalID = strconv.Itoa(2_600_000_000_000_000_000 + days*1_000_000_000_000 + len(e.all)*10_000_000_000 + d.between(1, 9_999_999_999))
	e.all = append(e.all, Extra{w, kind, of.ExternalID})
}

func (e *extras) repeats(table []Repeat, kind string, of *Truth, can bool) {
	if !can || of.Custom {
		return
	}
	for i, r := range table {
		d := e.random(kind, strconv.Itoa(i), of.ExternalID)
		if d.chance(r.Percent) {
			e.add(d, e.person.repeated(d, r, kind, of), kind, of)
		}
	}
}

// forgotten adds the sessions that were begun around a workout.
func (e *extras) forgotten(table []Forgotten, first *Truth) {
	for i, f := range table {
		d := e.random(ExtraForgotten, strconv.Itoa(i))
		if !d.chance(f.Percent) {
			continue
		}
		start, minutes := f.Start.draw(d), f.Length.draw(d)
		heart, bpm := d.chance(f.HeartRate), d.between(58, 96)
		nothing, zero := 0.0, 0
		name := e.person.Label(first.Type)
		w := Truth{
			Type: first.Type, Name: &name, Recording: RecordedActively, Device: e.person.tracker(first.Start), Paced: first.Paced,
			Start: first.Start.Add(time.Duration(start) * time.Minute), Duration: time.Duration(minutes) * time.Minute,
			DistanceMeters: &nothing, Steps: &zero, CaloriesKcal: copied(&zero), Levels: Levels{Sedentary: minutes},
		}
		w.ActiveDuration = w.Duration
		if heart {
			w.AvgHeartRateBPM, w.Zones = &bpm, e.person.zonesOf(d, w.Start, minutes, bpm, 0)
		}
		e.add(d, w, ExtraForgotten, first)
	}
}
