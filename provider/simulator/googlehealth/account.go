package googlehealth

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/stridelog/stridelog/provider/simulator"
)

// account is what the cloud knows of one person. The person's days are taken
// over as they come, so that edits and deletions stay.
type account struct {
	person  *simulator.Person
	id      string // healthUserId
	state   AccountState
	keepIDs bool
	copies  int // of a hundred workouts

	nextDay   time.Time // first day that is not taken over yet
	records   map[string]*entry
	sorted    []*entry // newest first; nil after a change
	uploads   int
	announced time.Time // up to here arrivals were told to subscribers
}

// entry is a record and from when on the cloud has it.
type entry struct {
	record Record
	from   time.Time
	// first is the record before settled, when Google worked it out later.
	first   *Record
	settled time.Time
	order   time.Time // what the list sorts by
	told    bool      // subscribers heard of it when it was uploaded or edited
}

// at is the record as it stands at an instant.
func (e *entry) at(now time.Time) *Record {
	if e.first != nil && now.Before(e.settled) {
		return e.first
	}
	return &e.record
}

func newAccount(p *simulator.Person, o Options) *account {
	return &account{
		person: p, id: HealthUserID(p), state: AccountLinked, keepIDs: o.KeepIDs, copies: o.Copies,
		nextDay: p.Since(), records: map[string]*entry{}, announced: o.Now(),
	}
}

// advance takes over all days up to tomorrow: where the person is, it may be
// tomorrow already.
func (a *account) advance(now time.Time) {
	last := now.UTC().AddDate(0, 0, 1)
	for ; !a.nextDay.After(last); a.nextDay = a.nextDay.AddDate(0, 0, 1) {
		for _, t := range a.person.Day(a.nextDay) {
			a.take(t)
		}
		for _, x := range a.person.Extras(a.nextDay) {
			a.takeExtra(x)
		}
	}
}

// shortestCopy is the shortest workout that another app takes notice of.
const shortestCopy = 10 * time.Minute

// take turns a workout of the person into one record or two.
func (a *account) take(t simulator.Truth) {
	r := a.arrive(a.record(t))
	if r.Duration >= shortestCopy && draw(100, "copied", r.ExternalID) < a.copies {
		other := copyOf(r)
		a.put(&entry{record: other, from: other.Modified})
	}
}

// takeExtra turns a record that is no workout into one of this cloud. What other
// apps copied came through the phone.
func (a *account) takeExtra(x simulator.Extra) {
	r := a.record(x.Truth)
	if x.Kind == simulator.ExtraCopy {
		r.Source.Device, r.Source.Application = &Device{}, copyingApp
	}
	a.arrive(r)
}

// record makes the record of a workout, with the id it has in this cloud.
func (a *account) record(t simulator.Truth) Record {
	if !a.keepIDs {
		t.ExternalID = longID("exercise", a.id, t.ExternalID)
	}
	return convert(t, a.person)
}

// arrive draws when the cloud gets a record, and whether it works it out later. It
// gives the record as it arrives.
func (a *account) arrive(r Record) Record {
	id := r.ExternalID
	if r.Source.Platform == healthConnect && draw(3, "back-dated", id) == 0 { // the other app was linked weeks later
		r.Modified = r.Modified.AddDate(0, 0, 8+draw(20, "weeks", id))
		r.Detail.Created = r.Modified
	}
	e := &entry{record: r, from: r.Modified}
	if r.Zones != nil && draw(8, "rewritten", id) == 0 {
		e.settled = r.Modified.Add(time.Duration(3+draw(18, "hours", id)) * time.Hour)
		e.record.Modified = e.settled
		first := before(e.record)
		e.first = &first
	}
	a.put(e)
	return r
}

// put keeps an entry. One of nine sorts some hours older than it is, which gives
// the small inversions of recorded lists.
func (a *account) put(e *entry) {
	e.order = e.record.Start
	if draw(9, "inverted", e.record.ExternalID) == 0 {
		e.order = e.order.Add(-6 * time.Hour)
	}
	a.records[e.record.ExternalID] = e
	a.sorted = nil
}

// visible gives what the cloud has at an instant, in the order of the list.
func (a *account) visible(now time.Time) []*entry {
	a.advance(now)
	if a.sorted == nil {
		a.sorted = slices.SortedFunc(maps.Values(a.records), compareEntries)
	}
	all := make([]*entry, 0, len(a.sorted))
	for _, e := range a.sorted {
		if !e.from.After(now) {
			all = append(all, e)
		}
	}
	return all
}

// compareEntries puts the newest first.
func compareEntries(x, y *entry) int {
	return cmp.Or(y.order.Compare(x.order), strings.Compare(x.record.ExternalID, y.record.ExternalID))
}

// find is a record that the cloud has now.
func (a *account) find(id string, now time.Time) *entry {
	a.advance(now)
	e := a.records[id]
	if e == nil || e.from.After(now) {
		return nil
	}
	return e
}
