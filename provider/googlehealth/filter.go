package googlehealth

import (
	"time"

	"github.com/stridelog/stridelog/events"
)

// civilReach is how far a local clock can be from UTC, on either side. The real
// offsets lie between -12 and +14 hours.
const civilReach = 14 * time.Hour

// civilForm is how a filter writes a local time (section 3): to the second.
const civilForm = "2006-01-02T15:04:05"

// exerciseFilter asks for every exercise that may lie in a window. Exercises are
// filtered by their local start alone, so the window is widened by what local
// clocks differ, and rounded outwards to whole seconds.
func exerciseFilter(w events.Window) string {
	from := w.From.UTC().Add(-civilReach).Truncate(time.Second)
	to := w.To.UTC().Add(civilReach)
	if whole := to.Truncate(time.Second); whole.Before(to) {
		to = whole.Add(time.Second)
	}
	const field = "exercise.interval.civil_start_time"
	return field + ` >= "` + civil(from) + `" AND ` + field + ` < "` + civil(to) + `"`
}

// civil writes a time that four digits of a year can hold.
func civil(t time.Time) string {
	if t.Year() < 1 {
		t = time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	if t.Year() > 9999 {
		t = time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)
	}
	return t.Format(civilForm)
}
