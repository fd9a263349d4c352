// Package duplicates links the records of one workout that was seen through
// several providers or sources: one of them is the primary, the others point to it.
//
// Links are a function of the set of a user's workouts alone. A batch works them
// out again only around what it changed (Begin, Look, Link), a rebuild for everybody
// (All).
package duplicates

import (
	"slices"
	"time"

	"github.com/google/uuid"
)

const (
	// Longest is the longest workout that is compared. A longer one is more likely a
	// record that nobody ended, and it would touch everything for days. It also bounds
	// how far before a workout those start that can touch it.
	Longest = 72 * time.Hour
	// Most is how many records that touch in time are linked. More of them are no
	// life but a fault of who wrote them, and comparing each with each would hold
	// everybody else up.
	Most = 1000
	// instant is how long a record takes that is not compared: it touches what
	// happens at its start. It is the resolution of the database.
	instant = time.Microsecond
)

// Workout is what a link depends on.
type Workout struct {
	ID         uuid.UUID
	User       uuid.UUID
	Provider   string
	OriginRank int16
	Start, End time.Time
	Type       string
	Category   string
	// What the record is worth, see row.Grade.
	SourceRank        int16
	Plausible         bool
	Measured          bool
	Measures, Members int16
	Routed            bool // a route of it is known
	// DuplicateOf is the link as it is stored; zero for none. No link depends on it.
	DuplicateOf uuid.UUID
}

// Links says of each duplicate among one user's workouts which one it repeats.
//
// Workouts are walked in one total order. Each becomes a primary, or links to the
// first primary that it matches. So links point only to primaries, and a workout
// that matches nothing but a duplicate is a primary. Islands of more than Most are
// left out.
func Links(workouts []Workout) map[uuid.UUID]uuid.UUID { return standard().links(workouts) }

// limits are Most and LargestBatch, but in tests.
type limits struct{ most, batch int }

func standard() limits { return limits{Most, LargestBatch} }

func (l limits) links(workouts []Workout) map[uuid.UUID]uuid.UUID {
	links := map[uuid.UUID]uuid.UUID{}
	for _, i := range l.islands(workouts) {
		i.walk(links)
	}
	return links
}

// until is where what a workout touches ends.
func (w *Workout) until() time.Time {
	if w.compares() {
		return w.End
	}
	return w.Start.Add(instant)
}

// island are workouts that touch in time, each some other of them; nothing outside
// touches any. So the links of an island depend on nothing else.
type island struct {
	span
	most     int
	size     int
	workouts []Workout   // none when there are too many
	linked   []uuid.UUID // those of too many that are stored with a link
}

// holds says whether a workout touches an island that has all workouts that start
// before it.
func (i *island) holds(w *Workout) bool {
	return i.size > 0 && i.user == w.User && w.Start.Before(i.until)
}

func (i *island) add(w Workout) {
	if i.size == 0 {
		i.span = span{user: w.User, since: w.Start, until: w.until()}
	}
	i.size++
	i.until = later(i.until, w.until())
	i.workouts = append(i.workouts, w)
	if !i.tooLarge() {
		return
	}
	for _, w := range i.workouts {
		if (w.DuplicateOf != uuid.UUID{}) {
			i.linked = append(i.linked, w.ID)
		}
	}
	i.workouts = i.workouts[:0]
}

func (i *island) tooLarge() bool { return i.size > i.most }

// islands takes a user's workouts apart, in the order of their starts.
func (l limits) islands(workouts []Workout) (list []island) {
	workouts = slices.Clone(workouts)
	slices.SortFunc(workouts, func(a, b Workout) int { return a.Start.Compare(b.Start) })
	open := island{most: l.most}
	for _, w := range workouts {
		if open.size > 0 && !open.holds(&w) {
			list, open = append(list, open), island{most: l.most}
		}
		open.add(w)
	}
	if open.size > 0 {
		list = append(list, open)
	}
	return list
}

// walk adds the links of an island.
func (i *island) walk(links map[uuid.UUID]uuid.UUID) {
	if i.size < 2 || i.tooLarge() {
		return
	}
	order := make([]*Workout, len(i.workouts))
	for n := range i.workouts {
		order[n] = &i.workouts[n]
	}
	slices.SortFunc(order, compare)
	var primaries []*Workout
	for _, w := range order {
		first := slices.IndexFunc(primaries, func(p *Workout) bool { return match(p, w) })
		if first < 0 {
			primaries = append(primaries, w)
			continue
		}
		links[w.ID] = primaries[first].ID
	}
}

// changes are the links of an island that are stored otherwise.
func (i *island) changes() (list []link) {
	for _, id := range i.linked {
		list = append(list, link{id: id})
	}
	links := map[uuid.UUID]uuid.UUID{}
	i.walk(links)
	for _, w := range i.workouts {
		if primary := links[w.ID]; primary != w.DuplicateOf {
			list = append(list, link{w.ID, primary})
		}
	}
	return list
}
