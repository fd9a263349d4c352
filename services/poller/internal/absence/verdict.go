package absence

import (
	"slices"
	"time"

	"github.com/stridelog/stridelog/events"
)

const day = 24 * time.Hour

const (
	// margin keeps civil starts near a window's ends out of suspicion: no UTC offset is
	// larger, so whichever way a list is sorted, what lies further in is in it.
	margin = 14 * time.Hour
	// around is what a second pass must have read on both sides of a suspect's start.
	around = 35 * day
	// Too many records are absent when more than massCount are, and more than one in
	// massShare of those that the window holds.
	massCount, massShare = 5, 5
)

// Suspect is a record that a window should hold and did not: perhaps deleted, perhaps
// moved.
type Suspect struct {
	ExternalID string
	Sequence   uint64     // of the version that is missed
	StartedAt  *time.Time // as that version says; nil when it is unknown
	// FirstAbsent is the end of the first complete pass without it; nil when only a
	// notification says so.
	FirstAbsent *time.Time
	MassSince   *time.Time // when it first was one of too many
}

// Rules say how long an absence must last, and how it is proved.
type Rules struct {
	// RemovalConfirm is how far apart the two passes are that prove a removal.
	RemovalConfirm time.Duration
	// AbsenceConfirm is how long too many absences must last before they count.
	AbsenceConfirm time.Duration
	// ByID says that the provider is asked for each suspect by its id: no pass proves
	// a removal then.
	ByID bool
}

// Reading is a pass that has ended, as far as a verdict depends on it.
type Reading struct {
	Span     events.Window
	Began    time.Time
	Confirms bool // a second look at suspects
}

// Verdict is what the end of a pass says about records that it did not show.
type Verdict struct {
	Suspects []Suspect
	Removals []Suspect
	// Mass says that too many are absent: perhaps the provider's fault.
	Mass bool
}

// Expected is the part of a window's span whose records a complete pass must show.
func Expected(span events.Window) events.Window {
	return events.Window{From: span.From.Add(margin), To: span.To.Add(-margin)}
}

// Judge decides what follows from a complete pass. expected are the known records that
// it should have shown; shown says whether it did.
func (r Rules) Judge(of Reading, expected []Suspect, shown func(id string) bool, now time.Time) Verdict {
	missing := slices.DeleteFunc(slices.Clone(expected), func(x Suspect) bool { return shown(x.ExternalID) })
	lately := 0
	for _, x := range missing {
		if !r.lasted(x, now) {
			lately++
		}
	}
	v := Verdict{Mass: lately > massCount && lately*massShare > len(expected)}
	for _, x := range missing {
		if !v.Mass && r.proved(of, x) {
			v.Removals = append(v.Removals, x)
			continue
		}
		if x.FirstAbsent == nil {
			x.FirstAbsent = &now
		}
		if v.Mass && x.MassSince == nil {
			x.MassSince = &now
		}
		v.Suspects = append(v.Suspects, x)
	}
	return v
}

// lasted says whether a record has been one of too many for long enough to be believed.
func (r Rules) lasted(x Suspect, now time.Time) bool {
	return x.MassSince != nil && now.Sub(*x.MassSince) >= r.AbsenceConfirm
}

// proved says whether this pass is the second one that misses a record.
func (r Rules) proved(of Reading, x Suspect) bool {
	return of.Confirms && !r.ByID && x.StartedAt != nil &&
		x.FirstAbsent != nil && !of.Began.Before(x.FirstAbsent.Add(r.RemovalConfirm)) &&
		(x.MassSince == nil || !of.Began.Before(x.MassSince.Add(r.AbsenceConfirm))) &&
		!of.Span.From.After(x.StartedAt.Add(-around)) && !of.Span.To.Before(x.StartedAt.Add(around))
}

// Suspect adds suspects that a notification names, unless the verdict has them already.
func (v *Verdict) Suspect(named ...Suspect) {
	for _, n := range named {
		if !slices.ContainsFunc(v.Suspects, func(x Suspect) bool { return x.ExternalID == n.ExternalID }) {
			v.Suspects = append(v.Suspects, n)
		}
	}
}

// NextToAsk gives the first suspect that the provider may be asked for by its id now;
// nil when there is none. One of too many waits until that has lasted for long enough.
func (r Rules) NextToAsk(suspects []Suspect, now time.Time) *Suspect {
	for _, x := range suspects {
		if x.MassSince == nil || r.lasted(x, now) {
			return &x
		}
	}
	return nil
}
