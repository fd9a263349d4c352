package absence

import (
	"slices"
	"time"

	"github.com/stridelog/stridelog/events"
)

const (
	// lookAround is how far a second look reads on both sides of its suspects: a start
	// can be edited by two months.
	lookAround = 65 * day
	// stretch is how far apart suspects of one second look may start.
	stretch = 180 * day
)

// Look is a second look at suspects: what to read, and not before when.
type Look struct {
	Span      events.Window
	NotBefore time.Time
}

// SecondLooks are the looks that confirm suspects, one for each stretch of them. Those
// without a known start get none: no window is sure to hold them.
func (r Rules) SecondLooks(suspects []Suspect, now time.Time) []Look {
	suspects = slices.DeleteFunc(slices.Clone(suspects), func(x Suspect) bool { return x.StartedAt == nil })
	slices.SortFunc(suspects, func(a, b Suspect) int { return a.StartedAt.Compare(*b.StartedAt) })
	var looks []Look
	var first time.Time
	for _, x := range suspects {
		if len(looks) == 0 || x.StartedAt.Sub(first) > stretch {
			first = *x.StartedAt
			looks = append(looks, Look{NotBefore: now, Span: events.Window{From: first.Add(-lookAround).UTC()}})
		}
		look := &looks[len(looks)-1]
		look.Span.To = x.StartedAt.Add(lookAround).UTC()
		if at := r.due(x); at.After(look.NotBefore) {
			look.NotBefore = at
		}
	}
	return looks
}

// due is when a suspect may be looked for again; zero is at once.
func (r Rules) due(x Suspect) time.Time {
	var at time.Time
	if x.FirstAbsent != nil && !r.ByID {
		at = x.FirstAbsent.Add(r.RemovalConfirm)
	}
	if x.MassSince != nil && x.MassSince.Add(r.AbsenceConfirm).After(at) {
		at = x.MassSince.Add(r.AbsenceConfirm)
	}
	return at
}

// Within says whether a span that is to be read anyway holds all that a look reads.
func (l Look) Within(span events.Window) bool {
	return !span.From.After(l.Span.From) && !span.To.Before(l.Span.To)
}
