package simulator

import (
	"fmt"
	"strconv"
	"time"
)

// trip is a stay in another zone. The person does nothing on the first day and
// on the day after the last: they fly.
type trip struct {
	from, to time.Time // dates; both in the other zone
	zone     *time.Location
}

// tripOf draws the trip of a quarter; false when the person stays at home. A
// trip lies inside its quarter.
func (p *Person) tripOf(year, quarter int) (trip, bool) {
	if len(p.away) == 0 {
		return trip{}, false
	}
	d := newRandom(p.seed, p.name, "trip", strconv.Itoa(year), strconv.Itoa(quarter))
	travels := d.chance(60)
	start := time.Date(year, time.Month(quarter*3+1), d.between(5, 60), 0, 0, 0, 0, time.UTC)
	days := d.between(5, 13)
	zone := pick(d, p.away)
	return trip{start, start.AddDate(0, 0, days), zone}, travels
}

// whereabouts is the zone of a date; nil on a day of flying.
func (p *Person) whereabouts(date time.Time) *time.Location {
	t, ok := p.tripOf(date.Year(), int(date.Month()-1)/3)
	switch {
	case !ok, date.Before(t.from), date.After(t.to.AddDate(0, 0, 1)):
		return p.home
	case date.Equal(t.from), date.After(t.to):
		return nil
	default:
		return t.zone
	}
}

// clockChange says whether the clocks of a zone are put forward or back on a
// date.
func clockChange(date time.Time, zone *time.Location) bool {
	_, before := at(date, zone, 0).Zone()
	_, after := at(date, zone, 12*3600).Zone()
	return before != after
}

// at is the instant of a second of a local day, as the clock on the wall shows
// it, with its offset as a fixed zone.
func at(date time.Time, zone *time.Location, second int) time.Time {
	local := time.Date(date.Year(), date.Month(), date.Day(), 0, 0, second, 0, zone)
	return pinned(local)
}

// pinned replaces a zone by the offset it has at that instant.
func pinned(t time.Time) time.Time {
	_, seconds := t.Zone()
	if seconds == 0 {
		return t.In(time.UTC)
	}
	return t.In(time.FixedZone(t.Format("-07:00"), seconds))
}

func loadZone(name string) (*time.Location, error) {
	zone, err := time.LoadLocation(name)
	if err != nil {
		return nil, fmt.Errorf("load zone %q: %w: name an IANA zone, and install tzdata where it is missing", name, err)
	}
	return zone, nil
}
