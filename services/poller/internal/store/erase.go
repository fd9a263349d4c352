package store

import (
	"context"
	"crypto/sha256"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/stridelog/stridelog/platform/postgres/outbox"
)

// MarkErased makes the poller drop whatever still comes about a user, and takes
// the work on the user away from every worker. It may be called again.
func (s *Store) MarkErased(ctx context.Context, userID string, now time.Time) error {
	return s.InTx(ctx, func(tx pgx.Tx) error {
		if _, err := lockUser(ctx, tx, userID); err != nil {
			return err
		}
		sum := sha256.Sum256([]byte(userID))
		if _, err := tx.Exec(ctx, "INSERT INTO poller.erased_users (user_hash, erased_at) VALUES ($1, $2) ON CONFLICT DO NOTHING", sum[:], now); err != nil {
			return fmt.Errorf("mark user %s as erased: %w", userID, err)
		}
		// The lease stays until its worker has seen this and let go: a page may be
		// on its way into the log.
		if _, err := tx.Exec(ctx, "UPDATE poller.targets SET status = 'ended', due_at = NULL WHERE user_id = $1", userID); err != nil {
			return fmt.Errorf("stop polling user %s: %w", userID, err)
		}
		if _, err := tx.Exec(ctx, "UPDATE poller.imports SET stopped = true WHERE user_id = $1", userID); err != nil {
			return fmt.Errorf("stop the imports of user %s: %w", userID, err)
		}
		_, err := tx.Exec(ctx, "SELECT pg_notify($1, '')", FenceChannel)
		return err
	})
}

// TakeAll leases every target and import of an erased user, for good. free is false
// while a worker still holds one.
func (s *Store) TakeAll(ctx context.Context, userID string, now time.Time) (free bool, err error) {
	err = s.InTx(ctx, func(tx pgx.Tx) error {
		var held int
		err := tx.QueryRow(ctx, `
			WITH taken AS (
			    UPDATE poller.targets SET lease_token = lease_token + 1, lease_owner = 'erasure', lease_until = NULL
			     WHERE user_id = $1 AND (lease_until IS NULL OR lease_until <= $2) RETURNING 1),
			taken_imports AS (
			    UPDATE poller.imports SET lease_token = lease_token + 1, lease_owner = 'erasure', lease_until = NULL
			     WHERE user_id = $1 AND (lease_until IS NULL OR lease_until <= $2) RETURNING 1)
			SELECT (SELECT count(*) FROM poller.targets WHERE user_id = $1) - (SELECT count(*) FROM taken)
			     + (SELECT count(*) FROM poller.imports WHERE user_id = $1) - (SELECT count(*) FROM taken_imports)`, userID, now).Scan(&held)
		free = held == 0
		return err
	})
	if err != nil {
		return false, fmt.Errorf("take the leases of user %s: %w", userID, err)
	}
	return free, nil
}

// DeleteUser deletes every row about a user and says how many of what.
func (s *Store) DeleteUser(ctx context.Context, userID string) (map[string]int64, error) {
	counts := map[string]int64{}
	err := s.InTx(ctx, func(tx pgx.Tx) error {
		if _, err := lockUser(ctx, tx, userID); err != nil {
			return err
		}
		n, err := outbox.EraseUser(ctx, tx, Schema, strings.ToLower(userID)) // as ids are in subjects
		if err != nil {
			return err
		}
		counts["poller_outbox"] = n
		for _, d := range []struct{ kind, sql string }{
			{"poller_budgets", `DELETE FROM poller.budgets b USING poller.targets t
				WHERE t.user_id = $1 AND b.provider = t.provider AND b.account <> '' AND b.account IN (t.provider_account_id, t.connection_id::text)`},
			{"poller_suspects", "DELETE FROM poller.suspects WHERE user_id = $1"},
			{"poller_routes", "DELETE FROM poller.routes WHERE user_id = $1"},
			{"poller_index", "DELETE FROM poller.activity_index WHERE user_id = $1"},
			{"poller_windows", "DELETE FROM poller.windows WHERE user_id = $1"},
			{"poller_coverage", "DELETE FROM poller.coverage WHERE user_id = $1"},
			{"poller_sources", "DELETE FROM poller.sources WHERE user_id = $1"},
			{"poller_scans", "DELETE FROM poller.scans WHERE user_id = $1"},
			{"poller_imports", "DELETE FROM poller.imports WHERE user_id = $1"},
			{"poller_connections", "DELETE FROM poller.connections WHERE user_id = $1"},
			{"poller_targets", "DELETE FROM poller.targets WHERE user_id = $1"},
		} {
			tag, err := tx.Exec(ctx, d.sql, userID)
			if err != nil {
				return fmt.Errorf("delete %s of user %s: %w", d.kind, userID, err)
			}
			counts[d.kind] = tag.RowsAffected()
		}
		return nil
	})
	return counts, err
}
