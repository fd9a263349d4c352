// Package report says how a sync ended, or until when it waits.
package report

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/platform/postgres/outbox"
	"github.com/stridelog/stridelog/services/poller/internal/store"
)

// Source is who the poller's events come from.
const Source = "stridelog/poller"

// Outcome is how a sync, or its window, stands.
type Outcome struct {
	Status events.SyncStatus
	Error  *events.SyncError
}

// Finish ends a window. When it is the last of its sync, the sync's SyncFinished goes
// into the outbox, so that it is said exactly when the transaction commits.
func Finish(ctx context.Context, tx pgx.Tx, w *store.Window, o Outcome, now time.Time) error {
	w.Outcome, w.Error = o.Status, o.Error
	all, err := ofSync(ctx, tx, w)
	if err != nil {
		return err
	}
	if !open(all) {
		if err := say(ctx, tx, w, all, together(all), now); err != nil {
			return err
		}
	}
	return store.FinishWindow(ctx, tx, *w, now)
}

// Defer says until when a sync waits, unless another of its windows can go on. The
// caller stores the window.
func Defer(ctx context.Context, tx pgx.Tx, w *store.Window, why *events.SyncError, now time.Time) error {
	w.Status = events.SyncDeferred
	all, err := ofSync(ctx, tx, w)
	if err != nil {
		return err
	}
	for _, x := range all {
		if x.Outcome == "" && x.Status != events.SyncDeferred && x.Status != store.Done {
			return nil
		}
	}
	return say(ctx, tx, w, all, Outcome{Status: events.SyncDeferred, Error: why}, now)
}

// Refuse says that a sync that was asked for cannot be read. It has no windows.
func Refuse(ctx context.Context, tx pgx.Tx, w store.Window, why events.SyncError, now time.Time) error {
	return say(ctx, tx, &w, nil, Outcome{Status: events.SyncFailed, Error: &why}, now)
}

// ofSync are the windows of a window's sync, with this one as it is now. A scheduled
// sync has but one.
func ofSync(ctx context.Context, tx pgx.Tx, w *store.Window) ([]store.Window, error) {
	if w.Trigger == events.TriggerScheduled {
		return []store.Window{*w}, nil
	}
	all, err := store.WindowsOfSync(ctx, tx, w.SyncID)
	for i := range all {
		if all[i].ID == w.ID {
			all[i] = *w
		}
	}
	return all, err
}

func open(all []store.Window) bool {
	for _, w := range all {
		if w.Outcome == "" && w.Status != store.Done {
			return true
		}
	}
	return false
}

// say puts the sync's next SyncFinished into the outbox and counts the report in w,
// which the caller stores.
func say(ctx context.Context, tx pgx.Tx, w *store.Window, all []store.Window, o Outcome, now time.Time) error {
	whole := sum(*w, all)
	w.Report = whole.Report + 1
	id := w.SyncID
	if id == "" {
		id = w.ID
	}
	data := &events.SyncFinished{
		SyncID: id, ConnectionID: w.ConnectionID, UserID: w.UserID, Provider: w.Provider,
		Trigger: w.Trigger, Window: whole.Span, Covered: whole.covered, Status: o.Status, Counts: whole.Counts,
		Error: o.Error, RequestedAt: w.RequestedAt.UTC(), FinishedAt: now.UTC(), Report: w.Report, Kinds: kinds(all),
	}
	if o.Status == events.SyncDeferred {
		data.NotBefore = whole.NotBefore
	}
	return outbox.Append(ctx, tx, store.Schema, events.Event{
		ID: events.SyncFinishedID(id, w.Report), Source: Source, About: id, Time: now.UTC(),
		Provider: w.Provider, UserID: w.UserID, TraceParent: w.Trace, Data: data,
	})
}

// FailOpen ends the unfinished windows of a target for one reason: all of them, or those
// that were not requested after an instant. Scheduled ones end silently: the
// connection's status says the same.
func FailOpen(ctx context.Context, tx pgx.Tx, userID, provider string, reason events.SyncError, now time.Time, upTo *time.Time) error {
	open, err := store.OpenWindows(ctx, tx, userID, provider)
	if err != nil {
		return err
	}
	for _, w := range open {
		if upTo != nil && w.RequestedAt.After(*upTo) {
			continue
		}
		if w.Trigger == events.TriggerScheduled {
			w.Outcome, w.Error = events.SyncFailed, &reason
			err = store.FinishWindow(ctx, tx, w, now)
		} else {
			err = Finish(ctx, tx, &w, Outcome{Status: events.SyncFailed, Error: &reason}, now)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// NotActive says why a target that does not stand as active cannot be read.
func NotActive(s store.Standing) events.SyncError {
	if s.Status == store.TargetEnded {
		return events.SyncError{Code: "connection_revoked", Detail: "The connection was revoked; ask the person to connect the provider again."}
	}
	e := events.SyncError{Code: "action_required", Detail: "The connection cannot be read until the person acts."}
	if s.Reason != "" {
		e.Code = s.Reason
	}
	if s.NextAction != "" {
		e.Detail += " Next action: " + s.NextAction
	}
	return e
}

// Skipped says why a source of a connection is not read.
func Skipped() *events.SyncError {
	return &events.SyncError{
		Code: "insufficient_scope", Detail: "The person did not grant what reading this needs; ask for a new consent.",
	}
}
