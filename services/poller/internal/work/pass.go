package work

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/services/poller/internal/store"
)

const (
	// edge keeps civil starts near a window's ends out of suspicion: no UTC offset
	// is larger, so whichever way a list is sorted, what lies further in is in it.
	edge = 14 * time.Hour
	// reach is what a second pass must have read on both sides of a suspect's start.
	reach = 35 * day
	// wide is how far a second pass does read: a start can be edited by two months.
	wide = 65 * day
	// group is how far apart suspects of one second pass may start.
	group = 180 * day
	day   = 24 * time.Hour
)

// pass is one reading of a window. It lives as long as the lease does: what was
// read before a restart is no part of it. More urgent windows may be read meanwhile.
type pass struct {
	began   time.Time
	whole   bool            // begun at the window's start, and not interrupted since
	shifted bool            // pages were named by position: the list may have moved under them
	seen    map[string]bool // external ids
	before  map[string]bool // of the reading before this one, when that could not be trusted
	round   int             // readings before this one
	again   bool            // ended, and to be read once more
}

// rounds is how often a list that may move is read until two readings agree.
const rounds = 4

// knows says whether the pass has counted a record.
func (p *pass) knows(id string) bool { return p != nil && (p.seen[id] || p.before[id]) }

// trusted says whether what a pass ends without can be believed to be absent; last
// are the ids of its last page. A list that may have moved must read the same twice.
func (p *pass) trusted(last []string) bool {
	if !p.whole || !p.shifted {
		return p.whole
	}
	ids := p.all(last)
	return p.before != nil && maps.Equal(ids, p.before)
}

// all are the ids of a pass with those of its last page.
func (p *pass) all(last []string) map[string]bool {
	ids := maps.Clone(p.seen)
	for _, id := range last {
		ids[id] = true
	}
	return ids
}

// follow gives the pass that the window's next page belongs to.
func (s *session) follow(w store.Window) *pass {
	p := s.passes[w.ID]
	switch {
	case w.AtStart() && p != nil && p.again:
		p = &pass{began: s.Now(), whole: true, seen: map[string]bool{}, before: p.seen, round: p.round + 1}
	case w.AtStart():
		p = &pass{began: s.Now(), whole: true, seen: map[string]bool{}}
	case p == nil:
		p = &pass{began: s.Now(), seen: map[string]bool{}}
	}
	s.passes[w.ID] = p
	return p
}

// reading says whether a pass is under way that would be whole if it ended.
func (s *session) reading() bool {
	for _, p := range s.passes {
		if p.whole {
			return true
		}
	}
	return false
}

// getter asks for single records, where the provider can.
func (s *session) getter() provider.Getter {
	if s.connector == nil {
		return nil
	}
	g, _ := s.connector.Fetcher.(provider.Getter)
	return g
}

// verdict is what the end of a pass says about records that it did not show.
type verdict struct {
	suspects []store.Suspect
	removals []store.Suspect
	mass     bool // too many are absent: perhaps the provider's fault
}

// judge looks for records that the window should hold and the pass did not show;
// last are the ids of its last page. Only a whole pass can miss anything; what a
// notice names is a suspicion of its own.
func (s *session) judge(ctx context.Context, w store.Window, p *pass, last []string) (verdict, error) {
	var v verdict
	seen := func(id string) bool { return p.seen[id] || slices.Contains(last, id) }
	now := s.Now().UTC().Truncate(time.Microsecond)
	if p.trusted(last) {
		inner := events.Window{From: w.Span.From.Add(edge), To: w.Span.To.Add(-edge)}
		known, err := s.Store.KnownWithin(ctx, s.lease.Target, inner)
		if err != nil {
			return v, err
		}
		total := len(known)
		missing := slices.DeleteFunc(known, func(x store.Suspect) bool { return seen(x.ExternalID) })
		v = s.sentence(w, p, missing, total, now)
	}
	return v, s.addNamed(ctx, w, &v, seen)
}

// sentence decides what follows from the records that a whole pass missed.
func (s *session) sentence(w store.Window, p *pass, missing []store.Suspect, known int, now time.Time) verdict {
	var v verdict
	fresh := 0
	for _, x := range missing {
		if x.MassSince == nil || now.Sub(*x.MassSince) < s.AbsenceConfirm {
			fresh++
		}
	}
	v.mass = fresh > 5 && fresh*5 > known
	for _, x := range missing {
		if !v.mass && s.proved(w, p, x) {
			v.removals = append(v.removals, x)
			continue
		}
		if x.FirstAbsent == nil {
			x.FirstAbsent = &now
		}
		if v.mass && x.MassSince == nil {
			x.MassSince = &now
		}
		v.suspects = append(v.suspects, x)
	}
	return v
}

// proved says whether this pass is the second one that misses a record.
func (s *session) proved(w store.Window, p *pass, x store.Suspect) bool {
	return w.Confirms && s.getter() == nil && x.StartedAt != nil &&
		x.FirstAbsent != nil && !p.began.Before(x.FirstAbsent.Add(s.RemovalConfirm)) &&
		(x.MassSince == nil || !p.began.Before(x.MassSince.Add(s.AbsenceConfirm))) &&
		!w.Span.From.After(x.StartedAt.Add(-reach)) && !w.Span.To.Before(x.StartedAt.Add(reach))
}

// addNamed adds the records that the request suspects and the pass did not show.
func (s *session) addNamed(ctx context.Context, w store.Window, v *verdict, seen func(string) bool) error {
	if len(w.Suspects) == 0 {
		return nil
	}
	known, err := s.Store.LookUp(ctx, s.lease.Target, w.Suspects)
	if err != nil {
		return err
	}
	for _, x := range v.suspects {
		delete(known, x.ExternalID)
	}
	for id, k := range known {
		if !seen(id) && !k.Removed && k.Account == s.lease.AccountID {
			v.suspects = append(v.suspects, store.Suspect{ExternalID: id, Sequence: k.Sequence, StartedAt: k.StartedAt})
		}
	}
	return nil
}

// pursue stores suspicions and sees to it that somebody looks again.
func (s *session) pursue(ctx context.Context, tx tx, w store.Window, suspects []store.Suspect) error {
	if len(suspects) == 0 {
		return nil
	}
	if err := store.PutSuspects(ctx, tx, s.lease.Target, suspects); err != nil {
		return err
	}
	s.lease.Suspected = true
	open, err := store.OpenWindows(ctx, tx, s.lease.UserID, s.lease.Provider)
	if err != nil {
		return err
	}
	for _, look := range s.secondLooks(suspects) {
		planned := slices.ContainsFunc(open, func(o store.Window) bool {
			return o.Confirms && o.ID != w.ID && !o.Span.From.After(look.Span.From) && !o.Span.To.Before(look.Span.To)
		})
		if planned {
			continue
		}
		if err := store.AddWindow(ctx, tx, look); err != nil {
			return err
		}
	}
	return nil
}

// secondLooks are the windows that confirm suspects, one for each stretch of them.
func (s *session) secondLooks(suspects []store.Suspect) []store.Window {
	now := s.Now().UTC().Truncate(time.Microsecond)
	suspects = slices.DeleteFunc(slices.Clone(suspects), func(x store.Suspect) bool { return x.StartedAt == nil })
	slices.SortFunc(suspects, func(a, b store.Suspect) int { return a.StartedAt.Compare(*b.StartedAt) })
	var looks []store.Window
	var first time.Time
	for _, x := range suspects {
		if len(looks) == 0 || x.StartedAt.Sub(first) > group {
			first = *x.StartedAt
			looks = append(looks, store.Window{
				ID: events.NewID(), UserID: s.lease.UserID, Provider: s.lease.Provider, ConnectionID: s.lease.ConnectionID,
				Trigger: events.TriggerScheduled, Confirms: true, RequestedAt: now, NotBefore: &now,
				Span: events.Window{From: first.Add(-wide).UTC()},
			})
		}
		look := &looks[len(looks)-1]
		look.Span.To = x.StartedAt.Add(wide).UTC()
		if at := s.due(x); at.After(*look.NotBefore) {
			look.NotBefore = &at
		}
	}
	return looks
}

// due is when a suspect may be looked for again.
func (s *session) due(x store.Suspect) time.Time {
	var at time.Time
	if x.FirstAbsent != nil && s.getter() == nil {
		at = x.FirstAbsent.Add(s.RemovalConfirm)
	}
	if x.MassSince != nil && x.MassSince.Add(s.AbsenceConfirm).After(at) {
		at = x.MassSince.Add(s.AbsenceConfirm)
	}
	return at
}
