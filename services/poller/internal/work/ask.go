package work

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/services/poller/internal/absence"
	"github.com/stridelog/stridelog/services/poller/internal/hook"
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
	var found provider.Activity
	err = s.withToken(ctx, t, func(t token) error {
		found, err = s.get(ctx, w, t, x.ExternalID)
		return err
	})
	if class := provider.ClassOf(err); err == nil || class == provider.ClassNotFound {
		if err := s.well(ctx); err != nil {
			return err
		}
	}
	var d difference
	switch class := provider.ClassOf(err); {
	case err == nil:
		if d, err = s.compare(ctx, w, provider.Page{Activities: []provider.Activity{found}}, nil); err != nil {
			return err
		}
	case class == provider.ClassNotFound:
		d.add(s.removal(w, *x, events.RemovedNotFound))
	case class == provider.ClassBadRequest:
		s.log.InfoContext(ctx, "a suspect could not be asked for; the suspicion is dropped", "external_id", x.ExternalID, "class", class)
	default:
		return s.fetchFailed(ctx, w, err)
	}
	d.seen = []string{x.ExternalID}
	switch err := s.publish(ctx, &w, &d, nil); {
	case errorIsFence(err):
		return errDone
	case err != nil:
		return err
	}
	return hook.Call(s.Hooks.Committed)
}

// get asks for a record.
func (s *session) get(ctx context.Context, w store.Window, t token, id string) (provider.Activity, error) {
	return s.record(ctx, t, request{op: "get activity", id: id, purpose: purpose(w), ask: s.getter().GetActivity})
}

// request is one call of a connector that gives one record.
type request struct {
	op, id  string
	purpose string // says what of the budget it leaves
	ask     func(ctx context.Context, token provider.Secret, id string) (provider.Activity, *provider.Quota, error)
}

// record calls the connector; its panic becomes an error. The budget counts the
// request whatever came of it.
func (s *session) record(ctx context.Context, t token, r request) (a provider.Activity, err error) {
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

// removal makes the event that says that a record is gone, and its line in the index.
func (s *session) removal(w store.Window, x absence.Suspect, proof string) (events.Event, store.Known) {
	now := s.Now().UTC().Truncate(time.Microsecond)
	e := events.Event{
		ID:     events.ActivityFactID(events.TypeActivityRemoved, w.UserID, w.Provider, x.ExternalID, x.Sequence, ""),
		Source: report.Source, About: x.ExternalID, Time: now, Provider: w.Provider, UserID: w.UserID,
		Data: &events.ActivityRemoved{
			UserID: w.UserID, Provider: w.Provider, ConnectionID: s.lease.ConnectionID, SyncID: w.ID, ExternalID: x.ExternalID,
			ReplacesSequence: x.Sequence, Origin: events.OriginAPI, Proof: proof, RemovedAt: now,
		},
	}
	return e, store.Known{ExternalID: x.ExternalID, Origin: string(events.OriginAPI), Removed: true, SyncID: w.ID, Account: s.lease.AccountID}
}

func errorIsFence(err error) bool {
	return errors.Is(err, errWrongSequence) || errors.Is(err, errDuplicate)
}
