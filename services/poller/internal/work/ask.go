package work

import (
	"context"
	"fmt"
	"runtime/debug"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/services/poller/internal/hook"
	"github.com/stridelog/stridelog/services/poller/internal/ledger"
	"github.com/stridelog/stridelog/services/poller/internal/report"
	"github.com/stridelog/stridelog/services/poller/internal/store"
)

// ask asks the provider for one suspect by its id: found is an edit, not found is a
// removal, anything else is nothing. The window ends when nobody is left to ask for.
func (s *session) ask(ctx context.Context, w store.Window, tokens <-chan token) error {
	t, err := s.accessToken(ctx, tokens)
	if err != nil {
		return s.noToken(ctx, w, err)
	}
	suspects, err := s.Store.Suspects(ctx, s.lease.Target)
	if err != nil {
		return err
	}
	x := s.rules().NextToAsk(suspects, s.Now())
	if x == nil {
		return s.Store.Guarded(ctx, s.lease, func(tx tx) error {
			return s.finish(ctx, tx, &w, report.Outcome{Status: events.SyncSuccess})
		})
	}
	var found provider.Record
	err = s.withToken(ctx, t, func(t token) error {
		found, err = s.get(ctx, w, t, x.ExternalID)
		return err
	})
	if class := provider.ClassOf(err); err == nil || class == provider.ClassNotFound {
		if err := s.well(ctx); err != nil {
			return err
		}
	}
	plan := &ledger.Plan{SyncID: w.ID}
	switch class := provider.ClassOf(err); {
	case err == nil:
		if plan, err = s.index.Plan(ctx, ledger.Page{SyncID: w.ID, Records: []provider.Record{found}}); err != nil {
			return err
		}
	case class == provider.ClassNotFound:
		s.index.Remove(plan, x.ExternalID, x.Sequence, events.RemovedNotFound)
	case class == provider.ClassBadRequest:
		s.log.InfoContext(ctx, "a suspect could not be asked for; the suspicion is dropped", "external_id", x.ExternalID, "class", class)
	default:
		return s.fetchFailed(ctx, w, err)
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

// get asks for a record.
func (s *session) get(ctx context.Context, w store.Window, t token, id string) (provider.Record, error) {
	return s.record(ctx, t, request{op: "get activity", id: id, purpose: purpose(w), ask: s.getter().GetActivity})
}

// request is one call of a connector that gives one record.
type request struct {
	op, id  string
	purpose string // says what of the budget it leaves
	ask     func(ctx context.Context, token provider.Secret, id string) (provider.Record, *provider.Quota, error)
}

// record calls the connector; its panic becomes an error. The budget counts the
// request whatever came of it.
func (s *session) record(ctx context.Context, t token, r request) (a provider.Record, err error) {
	if err := s.spend(ctx, r.purpose); err != nil {
		return a, err
	}
	outer := ctx
	ctx, cancel := context.WithTimeout(ctx, fetchTime)
	defer cancel()
	var quota *provider.Quota
	defer func() {
		if p := recover(); p != nil {
			err = s.panicked(p, r.op)
		}
		provider.StorableError(err)
		s.count(outer, quota.Storable(), err)
	}()
	a, quota, err = r.ask(ctx, provider.Secret(t.AccessToken), r.id)
	a = a.Storable(s.connector.Volatile)
	if err == nil && a.ExternalID != r.id {
		err = &provider.Error{Provider: s.lease.Provider, Op: r.op, Class: provider.ClassInvalidResponse, Reason: "another record"}
	}
	return a, err
}

// panicked makes an error of a connector's panic. The value may quote a record or
// a token: only where it happened is logged.
func (s *session) panicked(p any, op string) error {
	s.log.Error("a connector panicked", "type", fmt.Sprintf("%T", p), "stack", string(debug.Stack()))
	return &provider.Error{Provider: s.lease.Provider, Op: op, Class: provider.ClassInvalidResponse, Reason: "panic"}
}
