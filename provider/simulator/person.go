package simulator

import (
	"errors"
	"fmt"
	"strconv"
	"time"
)

// maxHistory bounds a person's history.
const maxHistory = 10 * 366 * 24 * time.Hour

// Options say what a person is like.
type Options struct {
	// DisplayName is shown on consent pages; the default is the person's name.
	DisplayName string
	Style       Style // default StyleRunner
	Language    string
	// Miles makes the provider send this person's lengths in miles and feet.
	Miles bool
	// Travels lists IANA zones where the person goes about every other quarter.
	Travels []string
	// Since is the first day of the history, at most ten years before the day it
	// is asked for. It makes a history that does not depend on Now.
	Since time.Time
	// Days is the length of the history up to Now, where Since is zero. Both
	// zero is since 1 January of the year before Now, which stays the same from
	// one day to the next.
	Days int
	// Now is the moment that Days counts back from. It is required unless Since
	// is given, and changes nothing else.
	Now time.Time
	// Extras are records of the accounts that are no workouts; default none.
	Extras Extras
}

// Person is somebody with an account at a provider. It is immutable and safe
// for concurrent use.
type Person struct {
	seed    string
	name    string
	home    *time.Location
	away    []*time.Location
	since   time.Time // date, midnight UTC
	options Options
}

// NewPerson makes a person. The seed and the name decide everything they do;
// the zone is where they live, as an IANA name.
func NewPerson(seed int64, name, zone string, o Options) (*Person, error) {
	if name == "" {
		return nil, errors.New("new simulated person: the name is empty; every person needs their own")
	}
	p := &Person{seed: strconv.FormatInt(seed, 10), name: name, options: o}
	if p.options.Style == "" {
		p.options.Style = StyleRunner
	}
	if p.options.Language == "" {
		p.options.Language = "en"
	}
	if p.options.DisplayName == "" {
		p.options.DisplayName = name
	}
	var err error
	if p.home, err = loadZone(zone); err != nil {
		return nil, fmt.Errorf("new simulated person %s: %w", name, err)
	}
	for _, z := range o.Travels {
		away, err := loadZone(z)
		if err != nil {
			return nil, fmt.Errorf("new simulated person %s: %w", name, err)
		}
		p.away = append(p.away, away)
	}
	if p.since, err = o.firstDay(); err != nil {
		return nil, fmt.Errorf("new simulated person %s: %w", name, err)
	}
	if err = o.Extras.check(); err != nil {
		return nil, fmt.Errorf("new simulated person %s: %w", name, err)
	}
	return p, nil
}

func (o Options) firstDay() (time.Time, error) {
	switch {
	case !o.Since.IsZero():
		return dateOf(o.Since), nil
	case o.Now.IsZero():
		return time.Time{}, errors.New("neither Since nor Now is given; give one, so that the history has a first day")
	case o.Days < 0 || time.Duration(o.Days)*24*time.Hour > maxHistory:
		return time.Time{}, fmt.Errorf("a history of %d days is asked for; give 0 to %d", o.Days, int(maxHistory.Hours()/24))
	case o.Days == 0:
		return time.Date(o.Now.UTC().Year()-1, time.January, 1, 0, 0, 0, 0, time.UTC), nil
	default:
		return dateOf(o.Now.UTC()).AddDate(0, 0, -o.Days), nil
	}
}

func dateOf(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC)
}

// From is the same person with an account that they made on another day: what
// they did on a day does not depend on it.
func (p *Person) From(since time.Time) *Person {
	other := *p
	other.since = dateOf(since)
	return &other
}

// Name is the word the person was made with.
func (p *Person) Name() string { return p.name }

// DisplayName is what people call the person.
func (p *Person) DisplayName() string { return p.options.DisplayName }

// AccountID is the person's id at the provider: six capital letters and digits.
func (p *Person) AccountID() string {
	const alphabet = "23456789BCDFGHJKLMNPQRSTVWXYZ"
	d := newRandom(p.seed, p.name, "account")
	id := make([]byte, 6)
	for i := range id {
		id[i] = alphabet[d.between(0, len(alphabet)-1)]
	}
	return string(id)
}

// Language is the language of the account's labels: en or it.
func (p *Person) Language() string { return p.options.Language }

// Miles says whether the person's lengths are sent in miles and feet.
func (p *Person) Miles() bool { return p.options.Miles }

// Zone is the zone of the account at an instant: where the person is then.
func (p *Person) Zone(at time.Time) *time.Location {
	if zone := p.whereabouts(dateOf(at.In(p.home))); zone != nil {
		return zone
	}
	return p.home
}

// Since is the first day of the history, at midnight UTC.
func (p *Person) Since() time.Time { return p.since }
