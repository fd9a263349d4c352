package simulator

import (
	"strconv"
	"time"
)

// shortIDsUntil is about when providers went over to ids of 19 digits.
const shortIDsUntil = 2024

// workout draws what happened on a habit. The index tells the habits of a day
// apart in the id.
func (p *Person) workout(d random, date time.Time, zone *time.Location, h habit, index int) Truth {
	a := activityOf(h.word)
	w := Truth{Type: a.word, Paced: a.paced}
	w.Start = at(date, zone, d.between(h.slot.from, h.slot.to)*60+d.between(0, 59))
	active := d.between(min(a.minutes[0], h.slot.most/2), min(a.minutes[1], h.slot.most-12))*60 + d.between(0, 59)
	if index == 9 {
		active = 100 * 60 // past the change of the clocks
	}
	pause := 0
	if d.chance(a.pauses) {
		pause = d.between(15, 600)
	}
	p.recording(d, &w, a)
	if w.Recording == RecordedManually {
		active, pause = active/300*300, 0 // people type in round numbers
	}
	w.ActiveDuration = time.Duration(active) * time.Second
	w.Duration = time.Duration(active+pause) * time.Second
	w.OriginalStart, w.OriginalDuration = w.Start, w.Duration
	p.measure(d, &w, a)
	p.label(d, &w, a)
	p.arrival(d, &w)
	if a.word == "running" && w.Device != nil && d.chance(4) {
		p.falseStart(d, &w)
	}
	w.ExternalID = externalID(d, date, index, w)
	return w
}

// recording draws who noticed the workout: a device in exercise mode, a device
// by itself, a phone, the person from memory, or another platform.
func (p *Person) recording(d random, w *Truth, a activity) {
	draw := d.between(1, 100)
	walks := a.word == "walking" || a.word == "biking"
	switch {
	case walks && draw <= 45:
		w.Recording, w.Device = RecordedAutomatically, p.tracker(w.Start)
	case draw > 92:
		w.Recording = RecordedManually
	case draw > 86:
		w.Recording = RecordedActively // bridged from elsewhere: no device
	case draw > 78 && (a.word == "running" || a.word == "hiking"):
		w.Recording, w.Device = RecordedActively, &Device{ID: "phone-" + p.AccountID(), Name: "Stride & Go <mobile>", Type: DeviceApp}
	default:
		w.Recording, w.Device = RecordedActively, p.tracker(w.Start)
	}
}

// tracker is the device the person wore: a new one every other year.
func (p *Person) tracker(on time.Time) *Device {
	models := []string{"Charge 2", "Versa 2", "Charge 5", "Sense 2", "Charge 6"}
	generation := min(max((on.UTC().Year()-2017)/2, 0), len(models)-1)
	number := newRandom(p.seed, p.name, "tracker", strconv.Itoa(generation)).between(90000000, 99999999)
	features := []string{"CALORIES", "DISTANCE", "ELEVATION", "HEARTRATE", "PACE", "STEPS"}
	if generation == 0 {
		features = nil // older records have none
	}
	return &Device{ID: strconv.Itoa(number), Name: models[generation], Type: DeviceTracker, Features: features}
}

// label draws the label. A few old-fashioned records have none, and a few types
// are the person's own or a partner's.
func (p *Person) label(d random, w *Truth, a activity) {
	label := p.labelOf(a)
	own, partner, nameless := d.chance(2), d.chance(5), d.chance(8)
	title := pick(d, ownTypes())
	switch {
	case own:
		w.Type, w.Custom, label = "other", true, title
	case partner && (a.word == "running" || a.word == "walking" || a.word == "swimming" || a.word == "workout"):
		w.Custom = true
	case nameless && w.Recording == RecordedManually:
		return
	}
	w.Name = &label
}

// labelOf is an activity's name in the person's language.
func (p *Person) labelOf(a activity) string {
	if p.options.Language == "it" {
		return a.italian
	}
	return a.english
}

// Label is the provider's name of an activity in the person's language; that of
// any workout for words that nobody here does.
func (p *Person) Label(word string) string {
	a := activityOf(word)
	if a.word != word {
		a = activityOf("workout")
	}
	return p.labelOf(a)
}

// arrival draws when the provider got the record: soon, or with a device that
// was synced days later, or again after an edit.
func (p *Person) arrival(d random, w *Truth) {
	w.Modified = w.End().Add(time.Duration(d.between(60, 5400)) * time.Second).UTC()
	days, late, edited := time.Duration(d.between(1, 6)), d.chance(3), d.chance(4)
	shift := time.Duration(d.between(1, 20)) * time.Minute
	switch {
	case late:
		w.Modified = w.Modified.Add(days * 24 * time.Hour)
	case edited: // the person said that it began later and was shorter
		w.Modified = w.Modified.Add(days * 24 * time.Hour)
		w.OriginalStart = w.Start.Add(-shift)
		w.OriginalDuration = w.Duration + shift
	}
}

// falseStart turns a run into one that was stopped after a few seconds.
func (p *Person) falseStart(d random, w *Truth) {
	w.Duration = time.Duration(d.between(1, 20)) * time.Second
	w.ActiveDuration = w.Duration
	w.OriginalStart, w.OriginalDuration = w.Start, w.Duration
	nothing := 0.0
	w.DistanceMeters, w.ElevationGainMeters = &nothing, nil
	zero := 0
	w.Steps, w.CaloriesKcal = copied(&zero), copied(&zero)
	w.AvgHeartRateBPM, w.Zones, w.Levels = nil, nil, Levels{}
}

// externalID draws an id that is unique among the person's. Records from before
// 2024 and those typed in have 10 or 11 digits, all others 19.
func externalID(d random, date time.Time, index int, w Truth) string {
	days := int(date.Sub(time.Date(2014, time.January, 1, 0, 0, 0, 0, time.UTC)) / (24 * time.Hour))
	if date.Year() < shortIDsUntil || w.Recording == RecordedManually {
		return strconv.Itoa(5_000_000_000 + days*1_000_000 + index*100_000 + d.between(0, 99_999))
	}
	return strconv.Itoa(2_400_000_000_000_000_000 + days*1_000_000_000_000 + index*100_000_000_000 + d.between(1, 99_999_999_999))
}
