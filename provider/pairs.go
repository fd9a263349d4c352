package provider

import (
	"cmp"
	"slices"
	"time"
)

// maxCandidates bounds how many records one is compared with on either side. Real
// ones have one; thousands at one second are made up.
const maxCandidates = 16

// Pair is two records of one activity, by their places in the lists they came in.
type Pair struct{ Own, Foreign int }

// candidate is a pair that may be one activity.
type candidate struct {
	Pair
	start, duration time.Duration // how far they are apart
}

// Pairs finds the records of the provider and those under a foreign id that are one
// activity. The closest go first; every record is in one pair at most. The result
// depends on what is in the lists, not on the order of them.
func Pairs(own, foreign []Sighting) []Pair {
	untyped := slices.ContainsFunc(own, func(s Sighting) bool { return s.LogType == "" })
	utc, wall := clocksOf(foreign, untyped)
	var all []candidate
	for i, s := range own {
		all = utc.candidates(all, own, i)
		if s.Wall { // most, but not all of them, are written so
			all = wall.candidates(all, own, i)
		}
	}
	slices.SortFunc(all, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(a.start, b.start), cmp.Compare(a.duration, b.duration),
			compareIDs(own[a.Own].ID, own[b.Own].ID), compareIDs(foreign[a.Foreign].ID, foreign[b.Foreign].ID))
	})
	var pairs []Pair
	ownTaken, foreignTaken := make([]bool, len(own)), make([]bool, len(foreign))
	for _, c := range all {
		if !ownTaken[c.Own] && !foreignTaken[c.Foreign] {
			ownTaken[c.Own], foreignTaken[c.Foreign] = true, true
			pairs = append(pairs, c.Pair)
		}
	}
	return pairs
}

// compareIDs is the order of numbers for ids that are such.
func compareIDs(a, b string) int {
	return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b))
}

// clock is records in the order of their starts, by log type. The records of all
// types are under everyType, where there is a record of the provider's without one.
type clock map[string][]tick

const everyType = "\x00"

type tick struct {
	at       time.Time
	duration time.Duration
	foreign  int
}

// clocksOf are records by UTC, and by the wall clock where they tell it.
func clocksOf(foreign []Sighting, untyped bool) (utc, wall clock) {
	utc, wall = clock{}, clock{}
	for i, s := range foreign {
		utc.add(s.LogType, untyped, tick{s.Start, s.Duration, i})
		if s.Offset != nil {
			wall.add(s.LogType, untyped, tick{s.Start.Add(time.Duration(*s.Offset) * time.Second), s.Duration, i})
		}
	}
	for _, c := range []clock{utc, wall} {
		for _, ticks := range c {
			slices.SortFunc(ticks, func(a, b tick) int {
				return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.duration, b.duration), compareIDs(foreign[a.foreign].ID, foreign[b.foreign].ID))
			})
		}
	}
	return utc, wall
}

func (c clock) add(logType string, untyped bool, t tick) {
	c[logType] = append(c[logType], t)
	if untyped {
		c[everyType] = append(c[everyType], t)
	}
}

// candidates are the records near one of the provider's, nearest first on either
// side.
func (c clock) candidates(all []candidate, own []Sighting, i int) []candidate {
	if own[i].LogType == "" {
		return near(c[everyType], all, own, i)
	}
	return near(c[""], near(c[own[i].LogType], all, own, i), own, i)
}

func near(ticks []tick, all []candidate, own []Sighting, i int) []candidate {
	s := own[i]
	here, _ := slices.BinarySearchFunc(ticks, s, func(t tick, s Sighting) int {
		return cmp.Or(t.at.Compare(s.Start), cmp.Compare(t.duration, s.Duration))
	})
	for _, step := range []int{-1, 1} {
		at := here
		if step < 0 {
			at--
		}
		for n := 0; n < maxCandidates && at >= 0 && at < len(ticks); n, at = n+1, at+step {
			c := candidate{Pair{i, ticks[at].foreign}, ticks[at].at.Sub(s.Start).Abs(), (ticks[at].duration - s.Duration).Abs()}
			if c.start > MaxStartGap {
				break
			}
			if c.duration <= MaxDurationGap {
				all = append(all, c)
			}
		}
	}
	return all
}
