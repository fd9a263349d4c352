package contract

import (
	"errors"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/stridelog/stridelog/services/gateway/internal/problem"
)

// When is one end of a span as a client gives it: a local day, a local time or an
// instant.
type When struct {
	Day   bool
	Civil bool      // a time without a zone: what the person's clock showed
	Time  time.Time // an instant; of a day its midnight, and of a civil time itself, as if in UTC
}

// ErrWhen says how a day, a time or an instant is written.
var ErrWhen = errors.New("must be a day (2026-09-01), an instant with an offset (2026-09-01T06:30:00Z), a time of the person's clock (2026-09-01T06:30:00) or Unix seconds (1788244200), in the years 1900 to 2999")

var errLostPlus = errors.New("has a space where the + of its offset should be: write the + as %2B")

const (
	firstYear = 1900
	lastYear  = 2999
	// mostSeconds is beyond lastYear.
	mostSeconds = 1e11
	microsecond = 1e6
)

// How a time may be written.
var (
	// Day, minutes, seconds with their fraction, zone: the last three may be absent.
	isoForm     = regexp.MustCompile(`^(\d{4}-\d\d-\d\d)(?:[Tt ](\d\d:\d\d)(:\d\d(?:\.\d+)?)?(?:([Zz])|([+-]\d\d):?(\d\d)?)?)?$`)
	secondsForm = regexp.MustCompile(`^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$`)
	lostPlus    = regexp.MustCompile(`^\d{4}-\d\d-\d\d[Tt ][\d:.]+ \d\d:?\d\d$`)
)

// ParseWhen reads a day, an instant, a time without a zone, or Unix seconds. What reads
// as a number is Unix seconds.
func ParseWhen(text string) (When, error) {
	if secondsForm.MatchString(text) {
		seconds, err := strconv.ParseFloat(text, 64)
		if err != nil || math.Abs(seconds) > mostSeconds {
			return When{}, ErrWhen
		}
		return inRange(When{Time: time.UnixMicro(int64(math.Round(seconds * microsecond))).UTC()})
	}
	parts := isoForm.FindStringSubmatch(text)
	if parts == nil {
		if lostPlus.MatchString(text) {
			return When{}, errLostPlus
		}
		return When{}, ErrWhen
	}
	return iso(parts[1], parts[2], parts[3], strings.ToUpper(parts[4]), parts[5], parts[6])
}

// iso reads the parts of an ISO 8601 text: empty ones were left out.
func iso(day, minutes, seconds, utc, hours, more string) (When, error) {
	if minutes == "" {
		t, err := time.Parse(time.DateOnly, day)
		return inRangeIf(err, When{Day: true, Time: t})
	}
	if seconds == "" {
		seconds = ":00"
	}
	zone := utc
	if hours != "" {
		if more == "" {
			more = "00"
		}
		zone = hours + ":" + more
	}
	civil := zone == ""
	if civil {
		zone = "Z"
	}
	t, err := time.Parse(time.RFC3339Nano, day+"T"+minutes+seconds+zone)
	return inRangeIf(err, When{Civil: civil, Time: t.UTC()})
}

func inRangeIf(err error, w When) (When, error) {
	if err != nil {
		return When{}, ErrWhen
	}
	return inRange(w)
}

func inRange(w When) (When, error) {
	if y := w.Time.Year(); y < firstYear || y > lastYear {
		return When{}, ErrWhen
	}
	return w, nil
}

// Local says whether it is by the person's clock.
func (w When) Local() bool { return w.Day || w.Civil }

// LocalText says whether an end of a span as a client gives it is by the person's clock;
// one that is absent is not.
func LocalText(text string) bool {
	w, err := ParseWhen(text)
	return err == nil && w.Local()
}

// The edges of the world's days: a day begins first at UTC+14 and ends last at UTC-12.
const (
	earliestZone = 14 * time.Hour
	latestZone   = 12 * time.Hour
)

// Earliest is the first instant anywhere that belongs to the day or shows the time, or
// the instant itself.
func (w When) Earliest() time.Time {
	if w.Local() {
		return w.Time.Add(-earliestZone)
	}
	return w.Time
}

// Latest is the last instant anywhere at which the day begins or the time is shown, or
// the instant itself.
func (w When) Latest() time.Time {
	if w.Local() {
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
	if from.Local() == to.Local() {
		ordered = from.Time.Before(to.Time)
	}
	if !ordered {
		return nil, nil, problem.InvalidField("end_date", "must be later than start_date: it is exclusive, so for one day send the day after")
	}
	return from, to, nil
}

// Shown is how an answer repeats an end of a span that was checked: as it was given, but
// Unix seconds as the instant that they are.
func Shown(text string) string {
	if w, err := ParseWhen(text); err == nil && secondsForm.MatchString(text) {
		return w.Time.Format(time.RFC3339Nano)
	}
	return text
}
