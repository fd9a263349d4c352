package contract

import (
	"errors"
	"time"

	"github.com/stridelog/stridelog/services/gateway/internal/problem"
)

// When is one end of a span as a client gives it: a local day or an instant.
type When struct {
	Day  bool
	Time time.Time // midnight UTC of a day
}

// ErrWhen says how a day or an instant is written.
var ErrWhen = errors.New("must be a day (2026-09-01) or an instant with an offset (2026-09-01T06:30:00Z), in the years 1900 to 2999")

const (
	firstYear = 1900
	lastYear  = 2999
)

// ParseWhen reads YYYY-MM-DD or RFC 3339.
func ParseWhen(text string) (When, error) {
	if t, err := time.Parse(time.DateOnly, text); err == nil {
		return inRange(When{Day: true, Time: t})
	}
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return When{}, ErrWhen
	}
	return inRange(When{Time: t.UTC()})
}

func inRange(w When) (When, error) {
	if y := w.Time.Year(); y < firstYear || y > lastYear {
		return When{}, ErrWhen
	}
	return w, nil
}

// The edges of the world's days: a day begins first at UTC+14 and ends last at UTC-12.
const (
	earliestZone = 14 * time.Hour
	latestZone   = 12 * time.Hour
)

// Earliest is the first instant anywhere that belongs to the day, or the instant itself.
func (w When) Earliest() time.Time {
	if w.Day {
		return w.Time.Add(-earliestZone)
	}
	return w.Time
}

// Latest is the last instant anywhere at which the day begins, or the instant itself.
func (w When) Latest() time.Time {
	if w.Day {
		return w.Time.Add(latestZone)
	}
	return w.Time
}

// ParseSpan reads start_date and end_date, either of which may be empty, and
// refuses a span that holds no time.
func ParseSpan(start, end string) (from, to *When, err error) {
	if start != "" {
		w, err := ParseWhen(start)
		if err != nil {
			return nil, nil, problem.InvalidField("start_date", err.Error())
		}
		from = &w
	}
	if end != "" {
		w, err := ParseWhen(end)
		if err != nil {
			return nil, nil, problem.InvalidField("end_date", err.Error())
		}
		to = &w
	}
	if from == nil || to == nil {
		return from, to, nil
	}
	// Ends of the same kind compare as they are written, before days are widened.
	ordered := from.Earliest().Before(to.Latest())
	if from.Day == to.Day {
		ordered = from.Time.Before(to.Time)
	}
	if !ordered {
		return nil, nil, problem.InvalidField("end_date", "must be later than start_date")
	}
	return from, to, nil
}
