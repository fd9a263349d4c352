package work

import (
	"context"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/services/poller/internal/call"
	"github.com/stridelog/stridelog/services/poller/internal/hook"
	"github.com/stridelog/stridelog/services/poller/internal/ledger"
	"github.com/stridelog/stridelog/services/poller/internal/report"
	"github.com/stridelog/stridelog/services/poller/internal/store"
)

// ask asks the provider for one suspect by its id: found is an edit, not found is a
// removal, anything else is nothing. The window ends when nobody is left to ask for.
func (s *session) ask(ctx context.Context, w store.Window) error {
	if !s.followed {
		if _, err := s.follow(ctx); err != nil {
			return err
		}
	}
	suspects, err := s.Store.Suspects(ctx, s.lease.Target, s.part(w), s.source(w).Order)
	if err != nil {
		return err
	}
	x := s.rules(w).NextToAsk(suspects, s.Now())
	if x == nil {
		return s.Store.Guarded(ctx, s.lease, func(tx tx) error {
			return s.outcomes.finish(ctx, tx, &w, report.Outcome{Status: events.SyncSuccess})
		})
	}
	found, err := s.caller.Get(ctx, purpose(w), s.source(w), x.ExternalID)
	class := call.ClassOf(err)
	if err == nil || class == provider.ClassNotFound {
		if err := s.health.answered(ctx); err != nil {
			return err
		}
	}
	plan, unplanned := s.index.NewPlan(s.part(w), w.SyncID)
	if unplanned != nil {
		return unplanned
	}
	switch {
	case err == nil:
		if plan, err = s.index.Plan(ctx, ledger.Page{Of: s.part(w), SyncID: w.SyncID, Records: []provider.Record{found}}); err != nil {
			return err
		}
	case class == provider.ClassNotFound:
		if err := s.index.Remove(plan, x.ExternalID, x.Sequence, events.RemovedNotFound); err != nil {
			return err
		}
	case class == provider.ClassBadRequest:
		s.log.InfoContext(ctx, "a suspect could not be asked for; the suspicion is dropped", "external_id", x.ExternalID, "class", class)
	default:
		return s.outcomes.failed(ctx, w, err)
	}
	if err := s.index.Append(ctx, plan); err != nil {
		if ledger.Behind(err) { // the next lease follows the log and asks again
			return errDone
		}
		return err
	}
	err = s.commit(ctx, &w, plan, []string{x.ExternalID}, func(tx tx, next *store.Window) error { return store.SaveWindow(ctx, tx, *next) })
	if err != nil {
		return err
	}
	return hook.Call(s.Hooks.Committed)
}
