package fitbit

import (
	"cmp"
	"slices"
	"time"
)

// What two records of one activity differ by at most (section 3).
const (
	maxStartGap    = 2 * time.Minute
	maxDurationGap = 126 * time.Second
	// maxCandidates bounds how many rows an entry is compared with on either side.
	// Real entries have one; an archive with thousands at one second is made up.
	maxCandidates = 16
)

// pair is an entry and a row that may be one activity.
type pair struct {
	id       uint64
	row      int
	start    time.Duration // how far the starts are apart
	duration time.Duration // how far the durations are apart
}

// join gives every entry the row that says more about the same activity. The
// closest pairs go first; an entry has one row and a row one entry.
func (e *export) join() {
	e.newestRows()
	utc, wall := e.clocks()
	var pairs []pair
	for id, v := range e.entries {
		t := v.times
		if t.written.IsZero() || !t.timed {
			continue
		}
		pairs = utc.candidates(pairs, id, t)
		if t.wall { // most, but not all of them, are written so
			pairs = wall.candidates(pairs, id, t)
		}
	}
	slices.SortFunc(pairs, func(a, b pair) int {
		if c := cmp.Or(cmp.Compare(a.start, b.start), cmp.Compare(a.duration, b.duration), cmp.Compare(a.id, b.id)); c != 0 {
			return c
		}
		return cmp.Compare(e.rows[a.row].id, e.rows[b.row].id)
	})
	for _, p := range pairs {
		if v, r := e.entries[p.id], &e.rows[p.row]; v.row < 0 && !r.taken {
			v.row, r.taken = p.row, true
		}
	}
}

// clock is rows in the order of their starts, on one kind of clock.
type clock []tick

type tick struct {
	at       time.Time
	duration time.Duration
	row      int
}

// clocks are the rows by UTC, and by the wall clock where they tell it.
func (e *export) clocks() (utc, wall clock) {
	for i, r := range e.rows {
		if r.problem() != "" {
			continue
		}
		utc = append(utc, tick{r.times.start, r.times.duration, i})
		if r.times.offset != nil {
			wall = append(wall, tick{r.times.start.Add(time.Duration(*r.times.offset) * time.Second), r.times.duration, i})
		}
	}
	order := func(a, b tick) int {
		if c := a.at.Compare(b.at); c != 0 {
			return c
		}
		return cmp.Or(cmp.Compare(a.duration, b.duration), cmp.Compare(e.rows[a.row].id, e.rows[b.row].id))
	}
	slices.SortFunc(utc, order)
	slices.SortFunc(wall, order)
	return utc, wall
}

// candidates are the rows near an entry, nearest first on either side.
func (c clock) candidates(pairs []pair, id uint64, t entryTimes) []pair {
	here, _ := slices.BinarySearchFunc(c, t, func(a tick, t entryTimes) int {
		return cmp.Or(a.at.Compare(t.written), cmp.Compare(a.duration, t.duration))
	})
	for _, step := range []int{-1, 1} {
		at := here
		if step < 0 {
			at--
		}
		for n := 0; n < maxCandidates && at >= 0 && at < len(c); n, at = n+1, at+step {
			p := pair{id, c[at].row, c[at].at.Sub(t.written).Abs(), (c[at].duration - t.duration).Abs()}
			if p.start > maxStartGap {
				break
			}
			if p.duration <= maxDurationGap {
				pairs = append(pairs, p)
			}
		}
	}
	return pairs
}
