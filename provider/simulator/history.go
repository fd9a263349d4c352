package simulator

import (
	"slices"
	"time"
)

// Day gives the workouts that begin on a local date, in order. No two of a
// person's workouts overlap, also not over midnight. Days before Since have none.
func (p *Person) Day(date time.Time) []Truth {
	date = dateOf(date)
	if date.Before(p.since) {
		return nil
	}
	zone := p.whereabouts(date)
	if zone == nil {
		return nil
	}
	var day []Truth
	if clockChange(date, zone) {
		day = append(day, p.nightWalk(date, zone))
	}
	for i, h := range p.options.Style.habits(date.Weekday()) {
		d := newRandom(p.seed, p.name, date.Format(time.DateOnly), "habit", string(rune('0'+i)))
		if d.chance(h.percent) {
			day = append(day, p.workout(d, date, zone, h, i))
		}
	}
	slices.SortFunc(day, func(a, b Truth) int { return a.Start.Compare(b.Start) })
	return day
}

// History gives every workout that the provider knows at an instant, in the
// order of their starts.
func (p *Person) History(now time.Time) []Truth {
	var all []Truth
	last := dateOf(now.UTC()).AddDate(0, 0, 1) // it may be tomorrow where the person is
	for date := p.since; !date.After(last); date = date.AddDate(0, 0, 1) {
		for _, t := range p.Day(date) {
			if !t.Modified.After(now) {
				all = append(all, t)
			}
		}
	}
	return all
}

// nightWalk is a walk through the hour at which the clocks change.
func (p *Person) nightWalk(date time.Time, zone *time.Location) Truth {
	d := newRandom(p.seed, p.name, date.Format(time.DateOnly), "night")
	return p.workout(d, date, zone, habit{100, slot{75, 80, 150}, "walking"}, 9)
}
