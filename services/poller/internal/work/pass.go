package work

import (
	"context"
	"slices"
	"time"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/services/poller/internal/absence"
	"github.com/stridelog/stridelog/services/poller/internal/store"
)

// rules say what an absence needs to be believed of a window's source.
func (s *session) rules(w store.Window) absence.Rules {
	return absence.Rules{RemovalConfirm: s.RemovalConfirm, AbsenceConfirm: s.AbsenceConfirm, ByID: s.source(w).Get != nil}
}

// source is what a window reads; empty where this process does not have it.
func (s *session) source(w store.Window) *provider.Source {
	source, ok := s.connector.Source(w.Source)
	if !ok {
		return &provider.Source{}
	}
	return source
}

// part is what a window's records are known by.
func (s *session) part(w store.Window) store.Part { return store.PartOf(s.source(w)) }

// judge looks for records that the window should hold and the pass did not show;
// last are the ids of its last page. Only a complete pass can miss anything; what a
// notification names is a suspicion of its own.
func (s *session) judge(ctx context.Context, w store.Window, p *absence.Pass, last []string) (absence.Verdict, error) {
	var v absence.Verdict
	shown := func(id string) bool { return p.Shows(id) || slices.Contains(last, id) }
	now := s.Now().UTC().Truncate(time.Microsecond)
	if s.source(w).ProvesAbsence && p.Complete(last) {
		expected, err := s.Store.KnownWithin(ctx, s.lease.Target, s.part(w), s.source(w).Order, absence.Expected(w.Span))
		if err != nil {
			return v, err
		}
		v = s.rules(w).Judge(absence.Reading{Span: w.Span, Began: p.Began, Confirms: w.Confirms}, expected, shown, now)
	}
	if len(w.Suspects) == 0 {
		return v, nil
	}
	known, err := s.Store.LookUp(ctx, s.lease.Target, s.part(w).Kind, w.Suspects)
	if err != nil {
		return v, err
	}
	for id, k := range known {
		if !shown(id) && !k.Removed && k.Account == s.lease.AccountID {
			v.Suspect(absence.Suspect{ExternalID: id, Sequence: k.Sequence, StartedAt: k.StartedAt})
		}
	}
	return v, nil
}

// pursue stores suspicions and sees to it that somebody looks again.
func (s *session) pursue(ctx context.Context, tx tx, w store.Window, suspects []absence.Suspect) error {
	if len(suspects) == 0 {
		return nil
	}
	if err := store.PutSuspects(ctx, tx, s.lease.Target, s.part(w).Kind, suspects); err != nil {
		return err
	}
	s.lease.Suspected = true
	open, err := store.OpenWindows(ctx, tx, s.lease.UserID, s.lease.Provider)
	if err != nil {
		return err
	}
	now := s.Now().UTC().Truncate(time.Microsecond)
	for _, look := range s.rules(w).SecondLooks(suspects, now) {
		planned := slices.ContainsFunc(open, func(o store.Window) bool {
			return o.Confirms && o.ID != w.ID && o.Source == w.Source && look.Within(o.Span)
		})
		if planned {
			continue
		}
		if err := store.AddWindow(ctx, tx, store.Window{
			ID: events.NewID(), Source: w.Source, Kind: w.Kind, UserID: s.lease.UserID, Provider: s.lease.Provider, ConnectionID: s.lease.ConnectionID,
			Trigger: events.TriggerScheduled, Confirms: true, RequestedAt: now, NotBefore: &look.NotBefore, Span: look.Span,
		}); err != nil {
			return err
		}
	}
	return nil
}
