package work

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
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

// outcomes ends and defers the windows of a lease, and says so to whoever asked.
type outcomes struct {
	*Pool
	lease  *store.Lease
	log    *slog.Logger
	passes absence.Passes
	caller *call.Caller // nil when the provider is not configured
	health health
}

// cover stores that a window was read completely, together with its end. A list that
// left out too many known records may not have been complete.
func (o *outcomes) cover(ctx context.Context, tx tx, w store.Window, v absence.Verdict) error {
	if v.Mass {
		return nil
	}
	scheduled := w.Trigger == events.TriggerConnect || w.Trigger == events.TriggerScheduled && !w.Confirms
	return store.Cover(ctx, tx, o.lease.Target, w.Source, w.Span, scheduled)
}

// finish ends a window. A scheduled sync that found nothing and ended as the one
// before says nothing.
func (o *outcomes) finish(ctx context.Context, tx tx, w *store.Window, as report.Outcome) error {
	o.passes.End(w.ID)
	speak := true
	if w.Confirms || w.Deep {
		speak = w.Counts.New+w.Counts.Changed+w.Counts.Removed > 0 || as.Status != events.SyncSuccess
	} else if w.Trigger == events.TriggerScheduled {
		before, err := store.SetOutcome(ctx, tx, o.lease.Target, w.Source, string(as.Status))
		if err != nil {
			return err
		}
		speak = w.Counts.New+w.Counts.Changed+w.Counts.Removed > 0 || cmp.Or(before, string(events.SyncSuccess)) != string(as.Status)
	}
	o.Metrics.runs.WithLabelValues(w.Provider, w.Trigger, string(as.Status)).Inc()
	if speak {
		return report.Finish(ctx, tx, w, as, o.Now())
	}
	w.Outcome, w.Error = as.Status, as.Error
	return store.FinishWindow(ctx, tx, *w, o.Now())
}

// fail ends a window without success.
func (o *outcomes) fail(ctx context.Context, w store.Window, e *events.SyncError) error {
	o.log.WarnContext(ctx, "a sync failed", "sync_id", w.ID, "code", e.Code)
	return o.Store.Guarded(ctx, *o.lease, func(tx tx) error {
		return o.finish(ctx, tx, &w, report.Outcome{Status: events.SyncFailed, Error: e})
	})
}

// postpone puts a window off until a budget allows it.
func (o *outcomes) postpone(ctx context.Context, w store.Window, until time.Time, whose string) error {
	return o.Store.Guarded(ctx, *o.lease, func(tx tx) error {
		return o.deferTo(ctx, tx, &w, until.Add(o.jitter()), failure("out_of_budget",
			"The provider's limit for this "+whose+" is used up; the sync goes on once it resets."))
	})
}

// deferTo puts a window off. Whoever asked for it is told until when.
func (o *outcomes) deferTo(ctx context.Context, tx tx, w *store.Window, until time.Time, why *events.SyncError) error {
	until = until.UTC().Truncate(time.Microsecond)
	w.NotBefore = &until
	if w.Trigger != events.TriggerScheduled {
		if err := report.Defer(ctx, tx, w, why, o.Now()); err != nil {
			return err
		}
	}
	o.Metrics.runs.WithLabelValues(w.Provider, w.Trigger, string(events.SyncDeferred)).Inc()
	return store.DeferWindow(ctx, tx, *w)
}

func (o *outcomes) jitter() time.Duration {
	if o.Schedule.Jitter <= 0 {
		return 0
	}
	return rand.N(o.Schedule.Jitter)
}

// retrySource puts the window off, and all others of its source. Those of other sources
// go on.
func (o *outcomes) retrySource(ctx context.Context, w store.Window, until time.Time, why *events.SyncError) error {
	return o.Store.Guarded(ctx, *o.lease, func(tx tx) error {
		at := until.UTC().Truncate(time.Microsecond)
		if err := store.RestSource(ctx, tx, o.lease.Target, w.Source, w.Failures+1, &at); err != nil {
			return err
		}
		return o.deferTo(ctx, tx, &w, until, why)
	})
}

// unknownPause is how long a window waits whose source this process does not have, such
// as one beside a newer program.
const unknownPause = 15 * time.Minute

// unknown puts off a window whose source this process does not have.
func (o *outcomes) unknown(ctx context.Context, w store.Window) error {
	w.Attempts++
	why := failure("unknown_source", "This process does not read "+w.Source+" of the provider; another one may.")
	if w.Attempts >= tries {
		return o.fail(ctx, w, why)
	}
	return o.Store.Guarded(ctx, *o.lease, func(tx tx) error { return o.deferTo(ctx, tx, &w, o.Now().Add(unknownPause), why) })
}

// retryLater puts the window and the whole target off, and ends the lease.
func (o *outcomes) retryLater(ctx context.Context, w store.Window, until time.Time, why *events.SyncError) error {
	err := o.Store.Guarded(ctx, *o.lease, func(tx tx) error {
		t := o.lease.Target
		t.Failures++
		at := until.UTC().Truncate(time.Microsecond)
		t.NotBefore = &at
		if err := store.SetFailures(ctx, tx, t); err != nil {
			return err
		}
		return o.deferTo(ctx, tx, &w, until, why)
	})
	if err != nil {
		return err
	}
	return errDone
}

// noToken acts on a token that could not be had. Nothing about the provider is
// known then, so no try is counted.
func (o *outcomes) noToken(ctx context.Context, w store.Window, e *call.TokenError) error {
	if e.Standing.Status != store.TargetActive {
		return o.suspend(ctx, e.Standing)
	}
	until := o.Now().Add(call.Backoff(o.lease.Failures + 1))
	if e.RetryAt.After(o.Now()) {
		until = e.RetryAt
	}
	return o.retryLater(ctx, w, until, failure("token_unavailable", "No access token could be had: "+e.Detail))
}

// failed acts on a request that gave nothing, by what its error says.
func (o *outcomes) failed(ctx context.Context, w store.Window, err error) error {
	var token *call.TokenError
	var short *call.ShortError
	var answer *call.ProviderError
	switch {
	case errors.As(err, &token):
		return o.noToken(ctx, w, token)
	case errors.As(err, &short):
		if short.Refusal != nil {
			o.log.WarnContext(ctx, "the provider refused a request for its limit", "sync_id", w.ID, "error", short.Refusal)
		}
		return o.postpone(ctx, w, short.Until, short.Whose)
	case !errors.As(err, &answer):
		return err
	}
	class := answer.Class
	o.log.WarnContext(ctx, "a page could not be read", "sync_id", w.ID, "class", class, "error", err)
	switch class {
	case provider.ClassInsufficientScope:
		return o.scopeMissing(ctx, w)
	case provider.ClassBadRequest, provider.ClassNotFound:
		if w.Cursor != "" && w.Attempts == 0 {
			return o.again(ctx, w) // the cursor may be what it does not like
		}
	case provider.ClassUnauthorized:
		standing, err := o.caller.Refused(ctx, class)
		switch {
		case errors.As(err, &token):
			return o.noToken(ctx, w, token)
		case err != nil:
			return err
		case standing.Status != store.TargetActive:
			return o.suspend(ctx, standing)
		}
	}
	_, well, err := o.Store.OtherSources(ctx, o.lease.Target, w.Source)
	if err != nil {
		return err
	}
	if unhealthy(class) && !well {
		standing, err := o.health.failed(ctx, class)
		switch {
		case err != nil:
			return err
		case standing.Status != store.TargetActive:
			return o.suspend(ctx, standing)
		}
	}
	w.Attempts++
	if !retryable(class) || w.Attempts >= tries && (well || class != provider.ClassGone) {
		return o.fail(ctx, w, failure(string(class), "The provider could not be read: "+answer.Detail()))
	}
	return o.retrySource(ctx, w, o.Now().Add(call.Backoff(w.Failures+1)), failure(string(class), "The provider could not be read; trying again: "+answer.Detail()))
}

// retryable says whether a window is tried again. A provider that says it is gone
// is asked until the oauth service believes it, or it answers.
func retryable(class provider.Class) bool {
	return class.Retryable() || class == provider.ClassUnauthorized || class == provider.ClassTooLarge || class == provider.ClassGone
}

// again takes a window back to its start after its cursor was refused, once.
func (o *outcomes) again(ctx context.Context, w store.Window) error {
	w.Attempts++
	o.passes.End(w.ID) // what is read from now on is another reading
	until := o.Now()
	return o.Store.Guarded(ctx, *o.lease, func(tx tx) error {
		if err := store.RestartWindow(ctx, tx, &w); err != nil {
			return err
		}
		w.NotBefore = &until
		return store.DeferWindow(ctx, tx, w)
	})
}

// scopeMissing tells that the grant does not cover what a window reads. Where other
// sources are left, this one rests until the next consent.
func (o *outcomes) scopeMissing(ctx context.Context, w store.Window) error {
	others, _, err := o.Store.OtherSources(ctx, o.lease.Target, w.Source)
	if err != nil {
		return err
	}
	if others {
		return o.Store.Guarded(ctx, *o.lease, func(tx tx) error {
			if err := store.RefuseSource(ctx, tx, o.lease.Target, w.Source); err != nil {
				return err
			}
			return o.finish(ctx, tx, &w, report.Outcome{Status: events.SyncSkipped, Error: report.Skipped()})
		})
	}
	const detail = "The person did not grant the scope that reading this needs"
	standing, err := o.caller.Refused(ctx, provider.ClassInsufficientScope)
	var token *call.TokenError
	switch {
	case errors.As(err, &token):
		return o.noToken(ctx, w, token)
	case err != nil:
		return err
	}
	advice := "; ask for a new consent."
	if standing.NextAction != "" {
		advice = ". Next action: " + standing.NextAction
	}
	if err := o.fail(ctx, w, failure(string(provider.ClassInsufficientScope), detail+advice)); err != nil {
		return err
	}
	if standing.Status != store.TargetActive {
		return o.suspend(ctx, standing)
	}
	return nil
}

// suspend stops polling a target until its connection's next status, and ends what
// waits. It ends the lease.
func (o *outcomes) suspend(ctx context.Context, standing store.Standing) error {
	err := o.Store.Guarded(ctx, *o.lease, func(tx tx) error {
		if err := store.Suspend(ctx, tx, o.lease.Target, standing); err != nil {
			return err
		}
		return report.FailOpen(ctx, tx, o.lease.UserID, o.lease.Provider, report.NotActive(standing), o.Now(), nil)
	})
	if err != nil {
		return err
	}
	return errDone
}
