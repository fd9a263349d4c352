// Package absence decides what follows from records that a provider's list does not
// show: whether they are suspects, when to look again, and which are removed. It is
// pure: it calls nobody, stores nothing and reads no clock.
package absence

import (
	"maps"
	"time"
)

// MaxReadings is how often a list that may move is read until two readings agree.
const MaxReadings = 4

// Pass is one reading of a window from its start to its end. It lives in memory: what
// was read before a restart is no part of it.
type Pass struct {
	// Began is when its first page was asked for.
	Began time.Time

	whole   bool            // begun at the window's start, and not interrupted since
	moving  bool            // pages were named by position: the list may have moved under them
	seen    map[string]bool // external ids
	before  map[string]bool // of the reading before this one, when that could not be trusted
	earlier int             // readings before this one
	repeat  bool            // has ended, and is to be read once more
}

// Passes are the passes under way, by window. More urgent windows may be read between
// two pages of one.
type Passes map[string]*Pass

// Of gives the pass that a window's next page belongs to. atStart says that nothing of
// the window was read yet, so that a pass begins.
func (ps Passes) Of(window string, atStart bool, now time.Time) *Pass {
	p := ps[window]
	switch {
	case atStart && p != nil && p.repeat:
		p = &Pass{Began: now, whole: true, seen: map[string]bool{}, before: p.seen, earlier: p.earlier + 1}
	case atStart:
		p = &Pass{Began: now, whole: true, seen: map[string]bool{}}
	case p == nil:
		p = &Pass{Began: now, seen: map[string]bool{}}
	}
	ps[window] = p
	return p
}

// End forgets a window's pass: the window has ended, or what is read of it from now on
// is another reading.
func (ps Passes) End(window string) { delete(ps, window) }

// Whole says whether a window's pass is under way and began at the window's start.
func (ps Passes) Whole(window string) bool { return ps[window] != nil && ps[window].whole }

// UnderWay says whether some pass would be whole if it went on to its end.
func (ps Passes) UnderWay() bool {
	for _, p := range ps {
		if p.whole {
			return true
		}
	}
	return false
}

// Counted says whether the pass, or the reading before it, has counted a record. A nil
// pass has counted none.
func (p *Pass) Counted(id string) bool { return p != nil && (p.seen[id] || p.before[id]) }

// Shows says whether a stored page of the pass showed a record.
func (p *Pass) Shows(id string) bool { return p.seen[id] }

// Moved notes that a page was named by its position, so that the list may have moved
// between this page and the next.
func (p *Pass) Moved() { p.moving = true }

// Repeats says whether the pass, which ends with these ids, is to be read once more:
// its list may have moved, and it differs from the reading before.
func (p *Pass) Repeats(last []string) bool {
	return p.whole && p.moving && !p.Complete(last) && p.earlier+1 < MaxReadings
}

// Complete says whether a record that the pass, which ends with these ids, does not
// show can be believed to be absent. A list that may have moved must read the same twice.
func (p *Pass) Complete(last []string) bool {
	if !p.whole || !p.moving {
		return p.whole
	}
	ids := maps.Clone(p.seen)
	for _, id := range last {
		ids[id] = true
	}
	return p.before != nil && maps.Equal(ids, p.before)
}

// Read adds a page that was stored. repeat says that the pass ended with it and is read
// once more.
func (p *Pass) Read(ids []string, repeat bool) {
	for _, id := range ids {
		p.seen[id] = true
	}
	p.repeat = repeat
}
