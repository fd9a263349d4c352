package store

import (
	"context"
	_ "embed"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/stridelog/stridelog/events"
)

// KindActivity is the kind of the records that are polled.
const KindActivity = "activity"

// lateness is how far before the end of what was read a reading goes on: a device
// may have sent its records only after the last reading.
const lateness = 7 * 24 * time.Hour

// Account names a target's account at its provider: by the connection where the
// provider does not tell it.
func (t Target) Account() string {
	if t.AccountID == "" {
		return t.ConnectionID
	}
	return t.AccountID
}

//go:embed cover.sql
var coverSQL string

// Cover stores that a span of a source of a target's account was read completely, and joins it
// with the stretches that it overlaps or touches. scheduled says that the span was
// read by the first sync or the timetable, which leave no gap between two spans. The
// caller holds the target's row.
func Cover(ctx context.Context, tx pgx.Tx, t Target, source string, span events.Window, scheduled bool) error {
	if !span.From.Before(span.To) {
		return nil
	}
	_, err := tx.Exec(ctx, coverSQL, t.UserID, t.Provider, t.Account(), source, span.From, span.To, scheduled)
	if err != nil {
		return fmt.Errorf("store what was read of %s of user %s: %w", t.Provider, t.UserID, err)
	}
	return nil
}

// coverageEnd is where the first gap begins in what was read of an account, in the
// words of a query whose parameters 1 to 4 are user, provider, account and source.
const coverageEnd = `(SELECT min(covered_to) FROM poller.coverage
		 WHERE user_id = $1 AND provider = $2 AND account = $3 AND kind = $4 AND scheduled)`

// CoverageEnd says up to when a source of a target's account was read without a gap; nil when
// nothing is known of it.
func CoverageEnd(ctx context.Context, tx pgx.Tx, t Target, source string) (end *time.Time, err error) {
	if err := tx.QueryRow(ctx, "SELECT "+coverageEnd, t.UserID, t.Provider, t.Account(), source).Scan(&end); err != nil {
		return nil, fmt.Errorf("look how far %s of user %s was read: %w", t.Provider, t.UserID, err)
	}
	return end, nil
}

// ReadFrom is where a reading begins that would begin at from, so that no gap stays
// after what was read before, which ended at end.
func ReadFrom(from time.Time, end *time.Time) time.Time {
	if end == nil {
		return from
	}
	if late := end.Add(-lateness); late.Before(from) {
		return late.UTC()
	}
	return from
}

// forgetCoverage takes back what was read of a target's accounts, by its unfinished
// windows, too: the log has lost some of it.
func forgetCoverage(ctx context.Context, tx pgx.Tx, t Target) error {
	for _, sql := range []string{
		"DELETE FROM poller.coverage WHERE user_id = $1 AND provider = $2",
		`UPDATE poller.windows SET cursor = '', cursor_at = NULL, covered_from = NULL, pass_to = window_to
		  WHERE user_id = $1 AND provider = $2 AND status <> 'done'`,
	} {
		if _, err := tx.Exec(ctx, sql, t.UserID, t.Provider); err != nil {
			return fmt.Errorf("forget what was read of %s of user %s: %w", t.Provider, t.UserID, err)
		}
	}
	return nil
}

// recoverCoverage makes the coverage of a target's accounts from its index where none
// is known, as in a new database: of each source, that is of each resource or kind, each
// account was read until its latest record at least.
func recoverCoverage(ctx context.Context, tx pgx.Tx, t Target, now time.Time) error {
	_, err := tx.Exec(ctx, `
		INSERT INTO poller.coverage (user_id, provider, account, kind, covered_from, covered_to, scheduled)
		SELECT i.user_id, i.provider, i.account, i.source, max(i.at) - interval '1 microsecond', max(i.at), true
		  FROM (SELECT user_id, provider, account, coalesce(nullif(resource, ''), kind) AS source,
		               coalesce(started_at, began_at, ended_at, local_date::timestamp AT TIME ZONE 'UTC') AS at
		          FROM poller.activity_index WHERE user_id = $1 AND provider = $2 AND origin = 'api' AND account <> '') i
		 WHERE i.at <= $3
		   AND NOT EXISTS (SELECT FROM poller.coverage c
		                    WHERE c.user_id = i.user_id AND c.provider = i.provider AND c.account = i.account AND c.kind = i.source)
		 GROUP BY 1, 2, 3, 4`, t.UserID, t.Provider, now)
	if err != nil {
		return fmt.Errorf("recover what was read of %s of user %s: %w", t.Provider, t.UserID, err)
	}
	return nil
}
