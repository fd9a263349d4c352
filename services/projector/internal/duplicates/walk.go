// Package duplicates links the records of one workout that was seen through
// several providers or sources: one of them is the primary, the others point to it.
//
// Links are a function of the set of a user's workouts alone. A batch works them
// out again only around what it changed (Look, Link), a rebuild for everybody (All).
package duplicates

import (
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/stridelog/stridelog/provider/vocabulary"
)

// Longest is the longest workout that is compared. A longer one is more likely a
// record that nobody ended, and it would touch everything for days. It also bounds how
// far before a workout those start that can touch it.
const Longest = 72 * time.Hour

// Workout is what a link depends on.
type Workout struct {
	ID         uuid.UUID
	User       uuid.UUID
	Provider   string
	OriginRank int16
	Start, End time.Time
	Type       string
	Category   string
	// DuplicateOf is the link as it is stored; zero for none. No link depends on it.
	DuplicateOf uuid.UUID
}

// Links says of each duplicate among one user's workouts which one it repeats.
//
// Workouts are walked in one total order. Each becomes a primary, or links to the
// first primary that it matches. So links point only to primaries, and a workout
// that matches nothing but a duplicate is a primary.
func Links(workouts []Workout) map[uuid.UUID]uuid.UUID {
	links := map[uuid.UUID]uuid.UUID{}
	for _, i := range islands(workouts) {
		i.walk(links)
	}
	return links
}

// compares says whether a workout has a length that another can have too.
func (w Workout) compares() bool {
	length := w.End.Sub(w.Start)
	return length > 0 && length <= Longest
}

// match says whether two workouts are one: at least 80 % of the shorter lies in the
// other, and nothing speaks against their being the same kind of activity.
func match(a, b Workout) bool {
	if a.Category != b.Category && !vocabulary.Generic(a.Type) && !vocabulary.Generic(b.Type) {
		return false
	}
	start, end := a.Start, a.End
	if b.Start.After(start) {
		start = b.Start
	}
	if b.End.Before(end) {
		end = b.End
	}
	shorter := min(a.End.Sub(a.Start), b.End.Sub(b.Start))
	return 5*end.Sub(start) >= 4*shorter
}

// island are workouts that touch in time, each some other of them; nothing outside
// touches any. So the links of an island depend on nothing else.
type island struct {
	workouts   []Workout
	start, end time.Time
}

// islands takes a user's workouts apart, in the order of their starts. A workout that
// is not compared is an island.
func islands(workouts []Workout) (list []island) {
	workouts = slices.Clone(workouts)
	slices.SortFunc(workouts, func(a, b Workout) int { return a.Start.Compare(b.Start) })
	var open island
	for _, w := range workouts {
		switch {
		case !w.compares():
			list = append(list, island{workouts: []Workout{w}, start: w.Start, end: w.Start})
		case len(open.workouts) > 0 && w.Start.Before(open.end):
			open.workouts = append(open.workouts, w)
			if w.End.After(open.end) {
				open.end = w.End
			}
		default:
			if len(open.workouts) > 0 {
				list = append(list, open)
			}
			open = island{workouts: []Workout{w}, start: w.Start, end: w.End}
		}
	}
	if len(open.workouts) > 0 {
		list = append(list, open)
	}
	return list
}

// walk adds the links of an island.
func (i island) walk(links map[uuid.UUID]uuid.UUID) {
	if len(i.workouts) < 2 {
		return
	}
	slices.SortFunc(i.workouts, compare)
	var primaries []Workout
	for _, w := range i.workouts {
		first := slices.IndexFunc(primaries, func(p Workout) bool { return match(p, w) })
		if first < 0 {
			primaries = append(primaries, w)
			continue
		}
		links[w.ID] = primaries[first].ID
	}
}
