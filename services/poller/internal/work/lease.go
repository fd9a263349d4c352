package work

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/services/poller/internal/absence"
	"github.com/stridelog/stridelog/services/poller/internal/call"
	"github.com/stridelog/stridelog/services/poller/internal/hook"
	"github.com/stridelog/stridelog/services/poller/internal/ledger"
	"github.com/stridelog/stridelog/services/poller/internal/store"
)

const (
	// turns is how many pages one lease reads before others get the worker, unless a
	// whole pass is under way: an interrupted one could miss nothing.
	turns = 50
	// maxTurns bounds a list that does not end.
	maxTurns = 1000
)

// session is one lease being worked on, by one goroutine.
type session struct {
	*Pool
	lease     store.Lease
	connector *provider.Connector
	log       *slog.Logger
	health    health
	outcomes  outcomes
	caller    *call.Caller // nil when the provider is not configured
	hold      *hold
	passes    absence.Passes // under way
	index     *ledger.Index  // what is known of the log
	next      *turn          // what comes after a page, if that is known already
	followed  bool           // the index was brought to the end of the log
	unstored  bool           // the log has what the database was not told of yet

	listed   map[string]listed // what scans read before their windows were made, by source
	asOf     time.Time         // when these windows are to begin; zero: now
	quietEnd *store.QuietEnd   // of scans that found nothing
}

// serve works on a lease and gives it back; next is when there may be work again. An
// error is one of the database or of NATS; what a provider does wrong ends in the
// window's outcome.
func (p *Pool) serve(ctx context.Context, h *hold) (next time.Time, err error) {
	l := h.lease
	s := &session{
		Pool: p, lease: l, connector: p.Connectors[l.Provider], hold: h, passes: absence.Passes{}, listed: map[string]listed{},
		log: p.Log.With("provider", l.Provider, "user_id", l.UserID, "connection_id", l.ConnectionID),
	}
	s.index = s.indexOf(l)
	s.health = health{store: p.Store, bus: p.Bus, log: s.log, degradeAfter: p.DegradeAfter, now: p.Now, lease: &s.lease}
	if s.connector != nil {
		s.caller = p.Callers.For(l, s.connector)
	}
	s.outcomes = outcomes{Pool: p, lease: &s.lease, log: s.log, passes: s.passes, caller: s.caller, health: s.health}
	held, cancel := context.WithCancelCause(ctx)
	h.lost = cancel
	p.holds.add(h)
	err = s.run(held)
	p.holds.drop(h)
	if errors.Is(context.Cause(held), store.ErrFenced) {
		err = store.ErrFenced
	}
	cancel(nil)

	var stopped hook.Crash
	if errors.As(err, &stopped) {
		return next, err
	}
	switch {
	case errors.Is(err, store.ErrFenced):
		s.log.InfoContext(ctx, "the lease was taken away; dropped the work")
		err = nil
	case err != nil && ctx.Err() == nil && !errors.Is(err, ErrRestored):
		s.rest(ctx)
	case err != nil && s.unstored:
		return next, err // whoever takes the lease once it has expired follows the log first
	}
	if err != nil {
		s.quietEnd = nil
	}
	next, failed := p.giveBack(l, s.quietEnd)
	return next, errors.Join(err, failed)
}

// indexOf gives what is known of the log to the work of a lease.
func (s *session) indexOf(l store.Lease) *ledger.Index {
	return ledger.Config{
		Store: s.Store, Bus: s.Bus, Kinds: s.Kinds, Normalizers: s.Normalizers, Now: s.Now, Attachments: NewRouteFold,
		Published: func(provider string, n int) error {
			s.unstored = true
			s.Metrics.published.WithLabelValues(provider).Add(float64(n))
			return hook.Call(s.Hooks.Published)
		},
	}.Of(ledger.Holder{
		Log: s.log, Target: l.Target, Connector: s.connector, Epoch: l.StreamEpoch, Known: l.Known,
		Held: func() error {
			if s.hold.expired() {
				return store.ErrFenced
			}
			return nil
		},
		Guarded: func(ctx context.Context, fn func(tx tx) error) error { return s.Store.Guarded(ctx, l, fn) },
	})
}

// run reads pages, the most urgent window first, until nothing is due.
func (s *session) run(ctx context.Context) error {
	if s.caller != nil {
		s.caller.Prepare(ctx) // the token comes while the index catches up
	}
	if s.hold.quiet != nil {
		if nothing, err := s.scan(ctx, s.hold.quiet); err != nil || nothing {
			return err
		}
	}
	// The last one may have ended between the log and the database.
	if s.lease.Expired || s.lease.Failures > 0 || s.lease.Routes {
		if _, err := s.follow(ctx); err != nil {
			return err
		}
	}
	if s.lease.Routes {
		if err := s.askRoutes(ctx); !errors.Is(err, errDone) {
			return err
		}
		return nil
	}
	for n := 0; n < turns || n < maxTurns && s.passes.UnderWay(); n++ {
		t, err := s.take(ctx)
		if err != nil || !t.found {
			return err
		}
		w := t.window
		if s.connector == nil {
			err = s.outcomes.fail(ctx, w, failure("provider_disabled", "The provider is not configured here; set its client id and secret."))
		} else if s.source(w).List == nil {
			err = s.outcomes.unknown(ctx, w)
		} else if w.Confirms && s.source(w).Get != nil {
			err = s.traced(ctx, "ask for a record", w, func(ctx context.Context) error { return s.ask(ctx, w) })
		} else {
			err = s.traced(ctx, "read a page", w, func(ctx context.Context) error { return s.page(ctx, w) })
		}
		if errors.Is(err, errDone) {
			return nil
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// follow brings the index to the end of the log. A lease that publishes nothing does not:
// to ask for the end of the log makes the server load a block of it, and whoever else
// writes the log makes the next publish fail, which tells. Before its first publish a
// lease follows, so that a log which was restored is noticed.
func (s *session) follow(ctx context.Context) (map[ledger.Work]ledger.Recovered, error) {
	found, err := s.index.Follow(ctx)
	if err == nil {
		s.followed, s.unstored = true, false
	}
	return found, err
}

// errDone ends a lease without an error: the target rests or waits for somebody.
var errDone = errors.New("the lease has no more work")

// turn is the most urgent window, if any is due.
type turn struct {
	window store.Window
	found  bool
}

// take gives the next turn, which a page has mostly taken when it was stored.
func (s *session) take(ctx context.Context) (t turn, err error) {
	if s.next != nil {
		t, s.next = *s.next, nil
		return t, nil
	}
	err = s.Store.Guarded(ctx, s.lease, func(tx tx) error {
		t, err = s.takeIn(ctx, tx)
		return err
	})
	return t, err
}

func (s *session) takeIn(ctx context.Context, tx tx) (t turn, err error) {
	now := s.Now()
	if !s.asOf.IsZero() {
		now, s.asOf = s.asOf, time.Time{}
	}
	if err := s.Schedule.Materialize(ctx, tx, s.lease.Target, s.Catalog.Of(s.lease.Provider, s.lease.Scopes), now); err != nil {
		return t, err
	}
	t.window, t.found, err = store.TakeWindow(ctx, tx, s.lease.UserID, s.lease.Provider, now)
	return t, err
}

// rest keeps a target from being tried again at once after an error of ours.
func (s *session) rest(ctx context.Context) {
	ctx, done := context.WithTimeout(context.WithoutCancel(ctx), tidyTime)
	defer done()
	err := s.Store.Guarded(ctx, s.lease, func(tx tx) error {
		t := s.lease.Target
		t.Failures++
		at := s.Now().Add(min(call.Backoff(t.Failures), time.Minute))
		t.NotBefore = &at
		return store.SetFailures(ctx, tx, t)
	})
	if err != nil && !errors.Is(err, store.ErrFenced) {
		s.log.WarnContext(ctx, "could not store that the target rests", "error", fmt.Errorf("rest: %w", err))
	}
}
