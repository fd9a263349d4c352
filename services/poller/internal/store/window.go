package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/stridelog/stridelog/events"
)

// Window is one unit of work: a sync and how far it got.
type Window struct {
	ID, UserID, Provider, ConnectionID string
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
	Trace                              string   // traceparent of the request
	Confirms                           bool     // a second look at suspects, scheduled by the poller itself
	Suspects                           []string // external ids that the request names
	Deep                               bool     // of the deep scan: behind everything else
}

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

const windowColumns = `id::text, user_id::text, provider, connection_id::text, trigger, window_from, window_to, status,
	cursor, cursor_at, covered_from, pass_to, pages, seen, new, changed, unchanged, rejected, removed, attempts, report, not_before, requested_at, trace, confirms, suspects, deep`

func scanWindow(row pgx.CollectableRow) (Window, error) {
	var w Window
	err := row.Scan(&w.ID, &w.UserID, &w.Provider, &w.ConnectionID, &w.Trigger, &w.Span.From, &w.Span.To, &w.Status,
		&w.Cursor, &w.CursorAt, &w.CoveredFrom, &w.PassTo, &w.Counts.Pages, &w.Counts.Seen, &w.Counts.New, &w.Counts.Changed,
		&w.Counts.Unchanged, &w.Counts.Rejected, &w.Counts.Removed, &w.Attempts, &w.Report, &w.NotBefore, &w.RequestedAt, &w.Trace,
		&w.Confirms, &w.Suspects, &w.Deep)
	return w, err
}

// AddWindow queues a window; one that exists, finished or not, stays as it is.
func AddWindow(ctx context.Context, tx pgx.Tx, w Window) error {
	_, err := tx.Exec(ctx, `
		INSERT INTO poller.windows (id, user_id, provider, connection_id, trigger, priority, window_from, window_to, pass_to, requested_at, trace,
		    confirms, suspects, not_before, report, deep, status)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8, $9, $10, $11, coalesce($12::text[], '{}'), $13, $14, $15,
		    CASE WHEN $13::timestamptz IS NULL THEN 'queued' ELSE 'deferred' END) ON CONFLICT (id) DO NOTHING`,
		w.ID, w.UserID, w.Provider, w.ConnectionID, w.Trigger, priority(w), w.Span.From, w.Span.To, w.RequestedAt, w.Trace,
		w.Confirms, w.Suspects, w.NotBefore, w.Report, w.Deep)
	if err != nil {
		return fmt.Errorf("queue sync %s: %w", w.ID, err)
	}
	return refreshDue(ctx, tx, w.UserID, w.Provider)
}

// OpenWindows are a target's unfinished windows.
func OpenWindows(ctx context.Context, tx pgx.Tx, userID, provider string) ([]Window, error) {
	rows, err := tx.Query(ctx, "SELECT "+windowColumns+" FROM poller.windows WHERE user_id = $1 AND provider = $2 AND status <> 'done' ORDER BY requested_at", userID, provider)
	if err != nil {
		return nil, fmt.Errorf("list the open syncs of user %s: %w", userID, err)
	}
	return pgx.CollectRows(rows, scanWindow)
}

// FinishWindow marks a window as finished; its last report belongs into the same
// transaction.
func FinishWindow(ctx context.Context, tx pgx.Tx, w Window, now time.Time) error {
	_, err := tx.Exec(ctx, `
		UPDATE poller.windows SET status = 'done', finished_at = $2, report = $3, cursor = '', cursor_at = NULL
		WHERE id = $1`, w.ID, now, w.Report)
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
	rows, err := tx.Query(ctx, "SELECT "+windowColumns+` FROM poller.windows
		 WHERE user_id = $1 AND provider = $2 AND status <> 'done' AND (not_before IS NULL OR not_before <= $3)
		 ORDER BY priority, window_to DESC, requested_at, id LIMIT 1`, userID, provider, now)
	if err != nil {
		return fail(err)
	}
	w, err = pgx.CollectExactlyOneRow(rows, scanWindow)
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

// DeleteDone deletes windows that finished before an instant.
func (s *Store) DeleteDone(ctx context.Context, before time.Time) error {
	if _, err := s.db.Exec(ctx, "DELETE FROM poller.windows WHERE status = 'done' AND finished_at < $1", before); err != nil {
		return fmt.Errorf("delete old syncs: %w", err)
	}
	return nil
}
