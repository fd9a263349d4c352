package duplicates

import (
	"time"

	"github.com/stridelog/stridelog/provider/vocabulary"
)

// Two records whose kinds of activity say nothing about each other are one workout
// only where both starts and both ends lie within a tenth of the shorter, at least
// leastAgreement and at most mostAgreement. Clocks and detections of one workout
// differ by so much; a record without a kind that merely holds another, with the way
// there and the pause after, differs by more.
const (
	leastAgreement = 2 * time.Minute
	mostAgreement  = 10 * time.Minute
)

// match says whether w is the same workout as p, which comes before it in the order.
//
// At least 80 % of the shorter and 50 % of the longer must lie in the other, so that
// a session that nobody ended does not take in what happened during it. It follows
// that both lengths are within a factor of two, and that the starts are apart by half
// of the longer at most.
func match(p, w *Workout) bool {
	if !p.compares() || !w.compares() {
		return false
	}
	// What is not plausible hides nothing that has measurements. It would come first
	// only before records that are not plausible either.
	if !p.Plausible && w.counted(w.Members) > 0 {
		return false
	}
	start, end := p.Start, p.End
	if w.Start.After(start) {
		start = w.Start
	}
	if w.End.Before(end) {
		end = w.End
	}
	shorter, longer := p.End.Sub(p.Start), w.End.Sub(w.Start)
	if longer < shorter {
		shorter, longer = longer, shorter
	}
	shared := end.Sub(start)
	if 5*shared < 4*shorter || 2*shared < longer {
		return false
	}
	if p.Category == w.Category {
		return true
	}
	if !vocabulary.Generic(p.Type) && !vocabulary.Generic(w.Type) {
		return false
	}
	near := min(max(shorter/10, leastAgreement), mostAgreement)
	return p.Start.Sub(w.Start).Abs() <= near && p.End.Sub(w.End).Abs() <= near
}

// compares says whether a workout has a length that another can have too.
func (w *Workout) compares() bool {
	length := w.End.Sub(w.Start)
	return length > 0 && length <= Longest
}
