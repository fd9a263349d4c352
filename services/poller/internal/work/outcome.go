package work

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/services/poller/internal/absence"
	"github.com/stridelog/stridelog/services/poller/internal/call"
	"github.com/stridelog/stridelog/services/poller/internal/report"
	"github.com/stridelog/stridelog/services/poller/internal/store"
)

const (
	// tries is how often in a row a window may fail before its sync has failed:
	// about twenty minutes.
	tries = 11
	// presentDay bounds which syncs count as being up to date: those whose window
	// reached the present.
	presentDay = 24 * time.Hour
)

func failure(code, detail string) *events.SyncError {
	return &events.SyncError{Code: code, Detail: detail}
}

// afterPage stores what follows a page that was read: the end of a streak of
// failures, and the outcome when the window was read to its end.
func (s *session) afterPage(ctx context.Context, tx tx, w *store.Window, complete bool, v absence.Verdict) error {
	if s.lease.Failures > 0 {
		t := s.lease.Target
		t.Failures, t.NotBefore = 0, nil
		if err := store.SetFailures(ctx, tx, t); err != nil {
			return err
		}
	}
	if !complete {
		return nil
	}
	if err := s.pursue(ctx, tx, *w, v.Suspects); err != nil {
		return err
	}
	if err := s.cover(ctx, tx, *w, v); err != nil {
		return err
	}
	o := report.Outcome{Status: events.SyncSuccess}
	if v.Mass {
		o = report.Outcome{Status: events.SyncPartial, Error: failure("suspicious_absence",
			"The provider left out so many known records that none is taken as removed; if it still does once ABSENCE_CONFIRM is over (a day by default), they are.")}
	} else if w.Counts.Rejected > 0 {
		o = report.Outcome{Status: events.SyncPartial, Error: failure("records_rejected",
			"Some records were not understood, or are larger than the log takes. The log keeps those not understood, and the projector's failures name them; messages of the poller name those too large.")}
	} else if !w.Confirms && !w.Deep && w.Span.To.After(w.RequestedAt.Add(-presentDay)) {
		if err := store.SetSynced(ctx, tx, s.lease.Target, s.Now()); err != nil {
			return err
		}
	}
	return s.finish(ctx, tx, w, o)
}

// cover stores that a window was read completely, together with its end. A list that
// left out too many known records may not have been complete.
func (s *session) cover(ctx context.Context, tx tx, w store.Window, v absence.Verdict) error {
	if v.Mass {
		return nil
	}
	scheduled := w.Trigger == events.TriggerConnect || w.Trigger == events.TriggerScheduled && !w.Confirms
	return store.Cover(ctx, tx, s.lease.Target, w.Span, scheduled)
}

// finish ends a window. A scheduled sync that found nothing and ended as the one
// before says nothing.
func (s *session) finish(ctx context.Context, tx tx, w *store.Window, o report.Outcome) error {
	s.passes.End(w.ID)
	speak := true
	if w.Confirms || w.Deep {
		speak = w.Counts.New+w.Counts.Changed+w.Counts.Removed > 0 || o.Status != events.SyncSuccess
	} else if w.Trigger == events.TriggerScheduled {
		before := s.lease.LastOutcome
		if before == "" {
			before = string(events.SyncSuccess)
		}
		speak = w.Counts.New+w.Counts.Changed+w.Counts.Removed > 0 || before != string(o.Status)
		if err := store.SetOutcome(ctx, tx, s.lease.Target, string(o.Status)); err != nil {
			return err
		}
		s.lease.LastOutcome = string(o.Status)
	}
	if speak {
		if err := report.Append(ctx, tx, w, o, s.Now()); err != nil {
			return err
		}
	}
	s.Metrics.runs.WithLabelValues(w.Provider, w.Trigger, string(o.Status)).Inc()
	return store.FinishWindow(ctx, tx, *w, s.Now())
}

// fail ends a window without success.
func (s *session) fail(ctx context.Context, w store.Window, e *events.SyncError) error {
	s.log.WarnContext(ctx, "a sync failed", "sync_id", w.ID, "code", e.Code)
	return s.Store.Guarded(ctx, s.lease, func(tx tx) error {
		return s.finish(ctx, tx, &w, report.Outcome{Status: events.SyncFailed, Error: e})
	})
}

// postpone puts a window off until a budget allows it.
func (s *session) postpone(ctx context.Context, w store.Window, until time.Time, whose string) error {
	return s.Store.Guarded(ctx, s.lease, func(tx tx) error {
		return s.deferTo(ctx, tx, &w, until.Add(s.jitter()), failure("out_of_budget",
			"The provider's limit for this "+whose+" is used up; the sync goes on once it resets."))
	})
}

// deferTo puts a window off. Whoever asked for it is told until when.
func (s *session) deferTo(ctx context.Context, tx tx, w *store.Window, until time.Time, why *events.SyncError) error {
	until = until.UTC().Truncate(time.Microsecond)
	w.NotBefore = &until
	if w.Trigger != events.TriggerScheduled {
		if err := report.Append(ctx, tx, w, report.Outcome{Status: events.SyncDeferred, Error: why}, s.Now()); err != nil {
			return err
		}
	}
	s.Metrics.runs.WithLabelValues(w.Provider, w.Trigger, string(events.SyncDeferred)).Inc()
	return store.DeferWindow(ctx, tx, *w)
}

func (s *session) jitter() time.Duration {
	if s.Schedule.Jitter <= 0 {
		return 0
	}
	return rand.N(s.Schedule.Jitter)
}

// retryLater puts the window and the whole target off, and ends the lease.
func (s *session) retryLater(ctx context.Context, w store.Window, until time.Time, why *events.SyncError) error {
	err := s.Store.Guarded(ctx, s.lease, func(tx tx) error {
		t := s.lease.Target
		t.Failures++
		at := until.UTC().Truncate(time.Microsecond)
		t.NotBefore = &at
		if err := store.SetFailures(ctx, tx, t); err != nil {
			return err
		}
		return s.deferTo(ctx, tx, &w, until, why)
	})
	if err != nil {
		return err
	}
	return errDone
}

// noToken acts on a token that could not be had. Nothing about the provider is
// known then, so no try is counted.
func (s *session) noToken(ctx context.Context, w store.Window, e *call.TokenError) error {
	if e.Standing.Status != store.TargetActive {
		return s.suspend(ctx, e.Standing)
	}
	until := s.Now().Add(call.Backoff(s.lease.Failures + 1))
	if e.RetryAt.After(s.Now()) {
		until = e.RetryAt
	}
	return s.retryLater(ctx, w, until, failure("token_unavailable", "No access token could be had: "+e.Detail))
}

// fetchFailed acts on a request that gave nothing, by what its error says.
func (s *session) fetchFailed(ctx context.Context, w store.Window, err error) error {
	var token *call.TokenError
	var short *call.ShortError
	var answer *call.ProviderError
	switch {
	case errors.As(err, &token):
		return s.noToken(ctx, w, token)
	case errors.As(err, &short):
		if short.Refusal != nil {
			s.log.WarnContext(ctx, "the provider refused a request for its limit", "sync_id", w.ID, "error", short.Refusal)
		}
		return s.postpone(ctx, w, short.Until, short.Whose)
	case !errors.As(err, &answer):
		return err
	}
	class := answer.Class
	s.log.WarnContext(ctx, "a page could not be read", "sync_id", w.ID, "class", class, "error", err)
	switch class {
	case provider.ClassInsufficientScope:
		return s.scopeMissing(ctx, w)
	case provider.ClassBadRequest, provider.ClassNotFound:
		if w.Cursor != "" && w.Attempts == 0 {
			return s.again(ctx, w) // the cursor may be what it does not like
		}
	case provider.ClassUnauthorized:
		standing, err := s.caller.Refused(ctx, class)
		switch {
		case errors.As(err, &token):
			return s.noToken(ctx, w, token)
		case err != nil:
			return err
		case standing.Status != store.TargetActive:
			return s.suspend(ctx, standing)
		}
	}
	if unhealthy(class) {
		standing, err := s.health.failed(ctx, class)
		switch {
		case err != nil:
			return err
		case standing.Status != store.TargetActive:
			return s.suspend(ctx, standing)
		}
	}
	w.Attempts++
	if !retryable(class) || w.Attempts >= tries && class != provider.ClassGone {
		return s.fail(ctx, w, failure(string(class), "The provider could not be read: "+answer.Detail()))
	}
	return s.retryLater(ctx, w, s.Now().Add(call.Backoff(s.lease.Failures+1)), failure(string(class), "The provider could not be read; trying again: "+answer.Detail()))
}

// retryable says whether a window is tried again. A provider that says it is gone
// is asked until the oauth service believes it, or it answers.
func retryable(class provider.Class) bool {
	return class.Retryable() || class == provider.ClassUnauthorized || class == provider.ClassTooLarge || class == provider.ClassGone
}

// again takes a window back to its start after its cursor was refused, once.
func (s *session) again(ctx context.Context, w store.Window) error {
	w.Attempts++
	s.passes.End(w.ID) // what is read from now on is another reading
	until := s.Now()
	return s.Store.Guarded(ctx, s.lease, func(tx tx) error {
		if err := store.RestartWindow(ctx, tx, &w); err != nil {
			return err
		}
		w.NotBefore = &until
		return store.DeferWindow(ctx, tx, w)
	})
}

// scopeMissing tells that the grant does not cover activities.
func (s *session) scopeMissing(ctx context.Context, w store.Window) error {
	const detail = "The person did not grant the scope that activities need"
	standing, err := s.caller.Refused(ctx, provider.ClassInsufficientScope)
	var token *call.TokenError
	switch {
	case errors.As(err, &token):
		return s.noToken(ctx, w, token)
	case err != nil:
		return err
	}
	advice := "; ask for a new consent."
	if standing.NextAction != "" {
		advice = ". Next action: " + standing.NextAction
	}
	if err := s.fail(ctx, w, failure(string(provider.ClassInsufficientScope), detail+advice)); err != nil {
		return err
	}
	if standing.Status != store.TargetActive {
		return s.suspend(ctx, standing)
	}
	return nil
}

// suspend stops polling a target until its connection's next status, and ends what
// waits. It ends the lease.
func (s *session) suspend(ctx context.Context, standing store.Standing) error {
	err := s.Store.Guarded(ctx, s.lease, func(tx tx) error {
		if err := store.Suspend(ctx, tx, s.lease.Target, standing); err != nil {
			return err
		}
		return report.FailOpen(ctx, tx, s.lease.UserID, s.lease.Provider, report.NotActive(standing), s.Now(), nil)
	})
	if err != nil {
		return err
	}
	return errDone
}
