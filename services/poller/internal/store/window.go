package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/stridelog/stridelog/events"
)

// Window is one unit of work: what a sync reads of one source, and how far it got.
type Window struct {
	ID, UserID, Provider, ConnectionID string
	SyncID                             string // that the window is of; empty when queued: the window's own id
	Source, Kind                       string // that is read, and what its records are; empty when queued: activities
	Trigger                            string
	Span                               events.Window
	Status                             events.SyncStatus
	Cursor                             string // of the next page; empty at the start
	CursorAt                           *time.Time
	CoveredFrom                        *time.Time // [CoveredFrom, Span.To) has been read
	PassTo                             time.Time  // the present pass reads [Span.From, PassTo)
	Counts                             events.SyncCounts
	Attempts                           int // failures in a row
	Report                             int // SyncFinished events so far
	NotBefore                          *time.Time
	RequestedAt                        time.Time
	Trace                              string            // traceparent of the request
	Confirms                           bool              // a second look at suspects, scheduled by the poller itself
	Suspects                           []string          // external ids that the request names
	Deep                               bool              // of the deep scan: behind everything else
	Outcome                            events.SyncStatus // how a window that is done ended; empty before
	Error                              *events.SyncError // why, where it did not succeed
	Failures                           int               // of its source, in a row; only in what TakeWindow gives
}

// Done is the status of a window that has ended.
const Done events.SyncStatus = "done"

// Covered is what was really read; nil when nothing was.
func (w Window) Covered() *events.Window {
	if w.CoveredFrom == nil {
		return nil
	}
	return &events.Window{From: *w.CoveredFrom, To: w.Span.To}
}

// priority orders triggers: a person who waits comes before a timetable.
func priority(w Window) int {
	switch {
	case w.Deep:
		return 40
	case w.Trigger == events.TriggerKindAdded:
		return 50
	case w.Trigger == events.TriggerConnect:
		return 0
	case w.Trigger == events.TriggerManual, w.Trigger == events.TriggerNotification:
		return 10
	case w.Trigger == events.TriggerScheduled:
		return 20
	default:
		return 30
	}
}

// windowColumns are those of scanWindow, of a row w of windows.
const windowColumns = `w.id::text, w.user_id::text, w.provider, w.connection_id::text, w.sync_id::text, w.source, w.kind, w.trigger,
	w.window_from, w.window_to, w.status, w.cursor, w.cursor_at, w.covered_from, w.pass_to, w.pages, w.seen, w.new, w.changed, w.unchanged,
	w.rejected, w.removed, w.attempts, w.report, w.not_before, w.requested_at, w.trace, w.confirms, w.suspects, w.deep, w.outcome, w.error`

func scanWindow(row pgx.CollectableRow) (Window, error) {
	var w Window
	err := row.Scan(w.fields()...)
	return w, err
}

func (w *Window) fields() []any {
	return []any{
		&w.ID, &w.UserID, &w.Provider, &w.ConnectionID, &w.SyncID, &w.Source, &w.Kind, &w.Trigger, &w.Span.From, &w.Span.To, &w.Status,
		&w.Cursor, &w.CursorAt, &w.CoveredFrom, &w.PassTo, &w.Counts.Pages, &w.Counts.Seen, &w.Counts.New, &w.Counts.Changed,
		&w.Counts.Unchanged, &w.Counts.Rejected, &w.Counts.Removed, &w.Attempts, &w.Report, &w.NotBefore, &w.RequestedAt, &w.Trace,
		&w.Confirms, &w.Suspects, &w.Deep, &w.Outcome, &w.Error,
	}
}

// AddWindow queues a window; one that exists, finished or not, stays as it is. One with
// an outcome has ended already.
func AddWindow(ctx context.Context, tx pgx.Tx, w Window) error {
	status := events.SyncQueued
	var finished *time.Time
	switch {
	case w.Outcome != "":
		status, finished = Done, &w.RequestedAt
	case w.NotBefore != nil:
		status = events.SyncDeferred
	}
	_, err := tx.Exec(ctx, `
		INSERT INTO poller.windows (id, user_id, provider, connection_id, trigger, priority, window_from, window_to, pass_to, requested_at, trace,
		    confirms, suspects, not_before, report, deep, status, sync_id, source, kind, outcome, error, finished_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8, $9, $10, $11, coalesce($12::text[], '{}'), $13, $14, $15,
		    $16, $17, $18, $19, $20, $21, $22)
		ON CONFLICT (id) DO NOTHING`,
		w.ID, w.UserID, w.Provider, w.ConnectionID, w.Trigger, priority(w), w.Span.From, w.Span.To, w.RequestedAt, w.Trace,
		w.Confirms, w.Suspects, w.NotBefore, w.Report, w.Deep, status, cmp.Or(w.SyncID, w.ID), cmp.Or(w.Source, KindActivity), cmp.Or(w.Kind, KindActivity), w.Outcome, w.Error, finished)
	if err != nil {
		return fmt.Errorf("queue sync %s: %w", w.ID, err)
	}
	return refreshDue(ctx, tx, w.UserID, w.Provider)
}

// OpenWindows are a target's unfinished windows.
func OpenWindows(ctx context.Context, tx pgx.Tx, userID, provider string) ([]Window, error) {
	rows, err := tx.Query(ctx, "SELECT "+windowColumns+" FROM poller.windows w WHERE user_id = $1 AND provider = $2 AND status <> 'done' ORDER BY requested_at", userID, provider)
	if err != nil {
		return nil, fmt.Errorf("list the open syncs of user %s: %w", userID, err)
	}
	return pgx.CollectRows(rows, scanWindow)
}

// WindowsOfSync are all windows of a sync, the first one first.
func WindowsOfSync(ctx context.Context, tx pgx.Tx, syncID string) ([]Window, error) {
	rows, err := tx.Query(ctx, "SELECT "+windowColumns+" FROM poller.windows w WHERE sync_id = $1 ORDER BY id <> sync_id, id", syncID)
	if err != nil {
		return nil, fmt.Errorf("list the windows of sync %s: %w", syncID, err)
	}
	list, err := pgx.CollectRows(rows, scanWindow)
	if err != nil {
		return nil, fmt.Errorf("list the windows of sync %s: %w", syncID, err)
	}
	return list, nil
}

// FinishWindow marks a window as finished, with its outcome and error; the sync's report
// belongs into the same transaction.
func FinishWindow(ctx context.Context, tx pgx.Tx, w Window, now time.Time) error {
	_, err := tx.Exec(ctx, `
		UPDATE poller.windows SET status = 'done', finished_at = $2, report = $3, cursor = '', cursor_at = NULL, outcome = $4, error = $5
		WHERE id = $1`, w.ID, now, w.Report, w.Outcome, w.Error)
	if err != nil {
		return fmt.Errorf("finish sync %s: %w", w.ID, err)
	}
	return refreshDue(ctx, tx, w.UserID, w.Provider)
}

// DeferWindow puts a window off.
func DeferWindow(ctx context.Context, tx pgx.Tx, w Window) error {
	_, err := tx.Exec(ctx, `
		UPDATE poller.windows SET status = 'deferred', not_before = $2, attempts = $3, report = $4 WHERE id = $1`,
		w.ID, w.NotBefore, w.Attempts, w.Report)
	if err != nil {
		return fmt.Errorf("defer sync %s: %w", w.ID, err)
	}
	return refreshDue(ctx, tx, w.UserID, w.Provider)
}

// overlap is how much of what was read a new pass reads again: the list may have
// moved meanwhile.
const overlap = 24 * time.Hour

// Pass is what the provider is asked for: the cursor belongs to this span.
func (w Window) Pass() events.Window { return events.Window{From: w.Span.From, To: w.PassTo} }

// RestartWindow gives a window's cursor up. A new pass begins a little above where
// the reading stood, so that a window that takes longer than its budget still ends.
func RestartWindow(ctx context.Context, tx pgx.Tx, w *Window) error {
	w.Cursor, w.CursorAt = "", nil
	if w.CoveredFrom != nil {
		if to := w.CoveredFrom.Add(overlap); to.Before(w.PassTo) {
			w.PassTo = to
		}
	}
	_, err := tx.Exec(ctx, "UPDATE poller.windows SET cursor = '', cursor_at = NULL, pass_to = $2 WHERE id = $1", w.ID, w.PassTo)
	if err != nil {
		return fmt.Errorf("restart sync %s: %w", w.ID, err)
	}
	return nil
}

// AtStart says whether nothing of the window was read yet.
func (w Window) AtStart() bool {
	return w.Cursor == "" && w.CoveredFrom == nil && w.PassTo.Equal(w.Span.To)
}

// Rewind takes a window back to its start: what was read counts no longer as covered.
func Rewind(ctx context.Context, tx pgx.Tx, w *Window) error {
	w.Cursor, w.CursorAt, w.CoveredFrom, w.PassTo = "", nil, nil, w.Span.To
	_, err := tx.Exec(ctx, "UPDATE poller.windows SET cursor = '', cursor_at = NULL, covered_from = NULL, pass_to = window_to WHERE id = $1", w.ID)
	if err != nil {
		return fmt.Errorf("rewind sync %s: %w", w.ID, err)
	}
	return nil
}

// TakeWindow gives the most urgent window that may run now and marks it as
// running; found is false when there is none.
func TakeWindow(ctx context.Context, tx pgx.Tx, userID, provider string, now time.Time) (w Window, found bool, err error) {
	fail := func(err error) (Window, bool, error) {
		return Window{}, false, fmt.Errorf("take work of user %s: %w", userID, err)
	}
	err = tx.QueryRow(ctx, "SELECT "+windowColumns+`, coalesce(s.failures, 0)
		  FROM poller.windows w LEFT JOIN poller.sources s USING (user_id, provider, source)
		 WHERE w.user_id = $1 AND w.provider = $2 AND w.status <> 'done' AND (w.not_before IS NULL OR w.not_before <= $3)
		   AND (s.not_before IS NULL OR s.not_before <= $3)
		 ORDER BY w.priority, w.window_to DESC, w.requested_at, w.id LIMIT 1`, userID, provider, now).Scan(append(w.fields(), &w.Failures)...)
	if errors.Is(err, pgx.ErrNoRows) {
		return w, false, nil
	}
	if err != nil {
		return fail(err)
	}
	if w.Status == events.SyncRunning && w.NotBefore == nil {
		return w, true, nil // as after every page but a window's first
	}
	w.Status, w.NotBefore = events.SyncRunning, nil
	tag, err := tx.Exec(ctx, "UPDATE poller.windows SET status = $2, not_before = NULL WHERE id = $1 AND status <> 'done'", w.ID, w.Status)
	if err != nil {
		return fail(err)
	}
	return w, tag.RowsAffected() == 1, nil
}

// DeleteDone deletes the windows of syncs that finished before an instant.
func (s *Store) DeleteDone(ctx context.Context, before time.Time) error {
	if _, err := s.db.Exec(ctx, `
		DELETE FROM poller.windows w WHERE status = 'done' AND finished_at < $1
		   AND NOT EXISTS (SELECT FROM poller.windows o WHERE o.sync_id = w.sync_id AND o.status <> 'done')`, before); err != nil {
		return fmt.Errorf("delete old syncs: %w", err)
	}
	return nil
}
