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

// Outcome is how a sync stands.
type Outcome struct {
	Status events.SyncStatus
	Error  *events.SyncError
}

// Append puts the window's next SyncFinished into the outbox, so that it is said
// exactly when the transaction commits. It counts the report in w; the caller
// stores it.
func Append(ctx context.Context, tx pgx.Tx, w *store.Window, o Outcome, now time.Time) error {
	w.Report++
	data := &events.SyncFinished{
		SyncID: w.ID, ConnectionID: w.ConnectionID, UserID: w.UserID, Provider: w.Provider,
		Trigger: w.Trigger, Window: w.Span, Covered: w.Covered(), Status: o.Status, Counts: w.Counts,
		Error: o.Error, RequestedAt: w.RequestedAt.UTC(), FinishedAt: now.UTC(), Report: w.Report,
	}
	if o.Status == events.SyncDeferred {
		data.NotBefore = w.NotBefore
	}
	return outbox.Append(ctx, tx, store.Schema, events.Event{
		ID: events.SyncFinishedID(w.ID, w.Report), Source: Source, About: w.ID, Time: now.UTC(),
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
		if w.Trigger != events.TriggerScheduled {
			if err := Append(ctx, tx, &w, Outcome{Status: events.SyncFailed, Error: &reason}, now); err != nil {
				return err
			}
		}
		if err := store.FinishWindow(ctx, tx, w, now); err != nil {
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
