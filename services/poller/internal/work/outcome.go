package work

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/services/poller/internal/absence"
	"github.com/stridelog/stridelog/services/poller/internal/report"
	"github.com/stridelog/stridelog/services/poller/internal/store"
)

const (
	firstRetry = time.Second
	lastRetry  = 10 * time.Minute
	// tries is how often in a row a window may fail before its sync has failed:
	// about twenty minutes.
	tries = 11
	// presentDay bounds which syncs count as being up to date: those whose window
	// reached the present.
	presentDay = 24 * time.Hour
)

// backoff is how long to wait after the n-th failure in a row, half of it by chance.
func backoff(n int) time.Duration {
	d := firstRetry
	for ; n > 1 && d < lastRetry; n-- {
		d *= 2
	}
	d = min(d, lastRetry)
	return d/2 + rand.N(d/2+1)
}

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

// fetchFailed acts on a page that could not be read, by the error's class.
func (s *session) fetchFailed(ctx context.Context, w store.Window, err error) error {
	var noToken tokenError
	if errors.As(err, &noToken) {
		return s.noToken(ctx, w, noToken.err)
	}
	var ours ourError
	if errors.As(err, &ours) {
		return ours.err
	}
	var short shortError
	if errors.As(err, &short) {
		return s.postpone(ctx, w, short.until, short.whose)
	}
	class := provider.ClassOf(err)
	s.log.WarnContext(ctx, "a page could not be read", "sync_id", w.ID, "class", class, "error", err)
	switch class {
	case provider.ClassRateLimited:
		return s.postpone(ctx, w, s.refusedUntil, "account")
	case provider.ClassInsufficientScope:
		return s.scopeMissing(ctx, w)
	case provider.ClassBadRequest, provider.ClassNotFound:
		if w.Cursor != "" && w.Attempts == 0 {
			return s.again(ctx, w) // the cursor may be what it does not like
		}
	case provider.ClassUnauthorized:
		// Refused twice, the second time with a new token.
		stands, told := s.reject(ctx, *s.token, class)
		if told != nil {
			return s.noToken(ctx, w, told)
		}
		if standing := store.StandingOf(stands.Status, stands.Reason, stands.NextAction); standing.Status != store.TargetActive {
			return s.suspend(ctx, standing)
		}
	}
	if class == "" {
		class = provider.ClassUnavailable
	}
	if troublesome(class) {
		if usable, err := s.trouble(ctx, class); err != nil || !usable {
			return err
		}
	}
	w.Attempts++
	if !retryable(class) || w.Attempts >= tries && class != provider.ClassGone {
		return s.fail(ctx, w, failure(string(class), "The provider could not be read: "+describe(err)))
	}
	return s.retryLater(ctx, w, s.Now().Add(backoff(s.lease.Failures+1)), failure(string(class), "The provider could not be read; trying again: "+describe(err)))
}

// retryable says whether a window is tried again. A provider that says it is gone
// is asked until the oauth service believes it, or it answers.
func retryable(class provider.Class) bool {
	return class.Retryable() || class == provider.ClassUnauthorized || class == provider.ClassTooLarge || class == provider.ClassGone
}

// describe is an error's text where it is known to hold nothing secret.
func describe(err error) string {
	var e *provider.Error
	if errors.As(err, &e) {
		return e.Error()
	}
	return "no readable answer."
}

// resetOf is when a limit that was hit allows requests again. A provider that does
// not say is asked after half a minute, and ever later while it goes on refusing.
func (s *session) resetOf(err error, refusals int) time.Time {
	var e *provider.Error
	now := s.Now()
	if errors.As(err, &e) {
		if e.RetryAt.After(now) {
			return e.RetryAt
		}
		if e.Quota != nil && e.Quota.ResetAt.After(now) {
			return e.Quota.ResetAt
		}
	}
	return now.Add(backoff(refusals + 5))
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
	stands, err := s.reject(ctx, *s.token, provider.ClassInsufficientScope)
	if err != nil {
		return s.noToken(ctx, w, err)
	}
	detail := "The person did not grant the scope that activities need; ask for a new consent."
	if stands.NextAction != "" {
		detail = "The person did not grant the scope that activities need. Next action: " + stands.NextAction
	}
	if err := s.fail(ctx, w, failure(string(provider.ClassInsufficientScope), detail)); err != nil {
		return err
	}
	if standing := store.StandingOf(stands.Status, stands.Reason, stands.NextAction); standing.Status != store.TargetActive {
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
