// Package export writes export archives of simulated people: those of Fitbit's
// own site and those of Google Takeout, as they looked over the years. Layout,
// file names, fields and formats are restated from measured archives; nothing of
// a connector is imported.
//
// An archive is a pure function of the person and the options: the same ones
// give the same bytes. It tells of the same activities, under the same ids, as
// the fake cloud of the same person.
package export

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/stridelog/stridelog/provider/simulator"
)

// Options say what an archive is like.
type Options struct {
	Era Era // default EraD
	// At is when the archive was made; zero is a day in the era. What happened
	// later is not in it.
	At time.Time
	// Truths are the workouts; nil is the person's history until At.
	Truths []simulator.Truth
	// CSVOnlySince keeps workouts that begin then or later out of the JSON pages,
	// as in archives of phones in autumn 2026. Zero keeps none out.
	CSVOnlySince time.Time
	// Forgotten adds a session that nobody stopped for 95 hours.
	Forgotten bool
	// PixelWatch writes the speeds of rows in plain mm/s; trackers multiply by 128.
	PixelWatch bool
	// Exercises is how many there are at least. The history is repeated under
	// other ids, each time an hour and a half later, until there are so many.
	Exercises int
	// Bytes is how large all files together are at least. Heart rate makes the bulk.
	Bytes int64
	// Top is the folder around everything instead of the era's own; "." is none.
	Top string
	// Repacked adds what a Mac leaves in an archive that it packed again.
	Repacked bool
}

// Archive is an export archive. It is immutable and safe for concurrent use.
type Archive struct {
	person  *simulator.Person
	options Options
	records []Record
	files   []file
}

// New makes an archive of a person.
func New(p *simulator.Person, o Options) (*Archive, error) {
	if o.Era == "" {
		o.Era = EraD
	}
	if _, known := layouts()[o.Era]; !known {
		return nil, fmt.Errorf("new simulated archive: era %q is none; give A, B, C or D", o.Era)
	}
	if o.Exercises < 0 || o.Bytes < 0 {
		return nil, errors.New("new simulated archive: Exercises and Bytes cannot be negative")
	}
	if o.At.IsZero() {
		o.At = o.Era.day()
	}
	o.At = o.At.UTC().Truncate(time.Second)
	if o.Truths == nil {
		o.Truths = p.History(o.At)
	}
	a := &Archive{person: p, options: o}
	a.records = a.tell(o.Truths)
	a.files = a.list()
	return a, nil
}

// Records gives every activity as the archive tells it, in the order of their
// starts. They are the caller's.
func (a *Archive) Records() []Record {
	records := slices.Clone(a.records)
	for i := range records {
		records[i].Truth = records[i].Copy()
	}
	return records
}

// Raw gives a record's bytes as the archive has them: the entry of a page, or, for
// a row alone, the line of column names, CRLF, and the row.
func (a *Archive) Raw(r Record) ([]byte, error) {
	if r.InPages {
		return a.entry(r).append(nil, ""), nil
	}
	var lines bytes.Buffer
	err := a.writeRows(&lines, []Record{r})
	return bytes.Replace(bytes.TrimSuffix(lines.Bytes(), []byte("\n")), []byte("\n"), []byte("\r\n"), 1), err
}

// Pages is how many exercise pages there are.
func (a *Archive) Pages() int { return len(a.pages()) }

// Private are texts that stand in the archive and that nobody needs to know. They
// must not come up in what is kept, logged or reported.
func (a *Archive) Private() []string {
	return []string{a.email(), "PrivateSurname", "1984-02-29", "Hidden Lane"}
}

// Days are the local dates of all activities, in the order of their starts.
func (a *Archive) Days() []string {
	days := make([]string, len(a.records))
	for i, r := range a.records {
		days[i] = r.LocalDate()
	}
	return days
}
