package store

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// startDeep gives a target its turn of the deep scan within its interval, by the
// connection's hash; one that has a turn keeps it. Without a deep scan it has none.
func (s Schedule) startDeep(ctx context.Context, tx pgx.Tx, userID, provider, connectionID string, now time.Time) error {
	var first, last *time.Time
	if s.Deep != nil {
		at := now.Add(spread(connectionID, s.Deep.Every) + s.jitter())
		end := now.Add(s.Deep.Every + s.Jitter)
		first, last = &at, &end
	}
	_, err := tx.Exec(ctx, `
		UPDATE poller.targets SET deep_due = CASE WHEN $3::timestamptz IS NOT NULL THEN least(coalesce(deep_due, $3), $4) END
		 WHERE user_id = $1 AND provider = $2`, userID, provider, first, last)
	if err != nil {
		return fmt.Errorf("start the deep scan of user %s: %w", userID, err)
	}
	return nil
}

// DeepSoon makes the deep scan of a target due, as after a time without a consent:
// records may have been written back to days that were read before.
func (s Schedule) DeepSoon(ctx context.Context, tx pgx.Tx, t Target, now time.Time) error {
	if s.Deep == nil {
		return nil
	}
	if _, err := tx.Exec(ctx, "UPDATE poller.targets SET deep_due = $3 WHERE user_id = $1 AND provider = $2", t.UserID, t.Provider, now); err != nil {
		return fmt.Errorf("make the deep scan of user %s due: %w", t.UserID, err)
	}
	return refreshDue(ctx, tx, t.UserID, t.Provider)
}

// deepDone gives the deep scan of a target its next turn.
func (s Schedule) deepDone(ctx context.Context, tx pgx.Tx, t Target, now time.Time) error {
	var next *time.Time // none for a scan that the configuration no longer has
	if s.Deep != nil {
		at := now.Add(s.Deep.Every + s.jitter())
		next = &at
	}
	_, err := tx.Exec(ctx, "UPDATE poller.targets SET deep_due = $3 WHERE user_id = $1 AND provider = $2", t.UserID, t.Provider, next)
	if err != nil {
		return fmt.Errorf("move the deep scan of user %s on: %w", t.UserID, err)
	}
	return nil
}
