package store

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// Activation is a consent.
type Activation struct {
	UserID, Provider, ConnectionID, AccountID string
	Scopes                                    []string
	Sequence                                  uint64 // of the fact
}

// lockUser makes everything about one user come one after the other: events of a
// user, and an erasure. It says whether the user is erased.
func lockUser(ctx context.Context, tx pgx.Tx, userID string) (erased bool, err error) {
	if _, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock(hashtextextended('stridelog poller user ' || $1::text, 0))", userID); err != nil {
		return false, fmt.Errorf("lock user %s: %w", userID, err)
	}
	sum := sha256.Sum256([]byte(userID))
	err = tx.QueryRow(ctx, "SELECT EXISTS (SELECT FROM poller.erased_users WHERE user_hash = $1)", sum[:]).Scan(&erased)
	if err != nil {
		return false, fmt.Errorf("look whether user %s is erased: %w", userID, err)
	}
	return erased, nil
}

// ForUser runs fn in a transaction, alone for this user; not at all when the user
// is erased.
func (s *Store) ForUser(ctx context.Context, userID string, fn func(tx pgx.Tx) error) error {
	return s.InTx(ctx, func(tx pgx.Tx) error {
		erased, err := lockUser(ctx, tx, userID)
		if err != nil || erased {
			return err
		}
		return fn(tx)
	})
}

// Activate makes the consent the target's current one, unless a newer one is
// known. current says whether it did; the caller then starts the initial sync.
func Activate(ctx context.Context, tx pgx.Tx, a Activation) (current bool, err error) {
	tag, err := tx.Exec(ctx, `
		INSERT INTO poller.targets (user_id, provider, connection_id, provider_account_id, scopes, activated_sequence, status)
		VALUES ($1, $2, $3, $4, $5, $6, 'active')
		ON CONFLICT (user_id, provider) DO UPDATE SET
		    connection_id = excluded.connection_id, provider_account_id = excluded.provider_account_id,
		    scopes = excluded.scopes, activated_sequence = excluded.activated_sequence,
		    failures = 0, not_before = NULL, trouble_class = '', trouble_since = NULL, told_class = '', told_late = false,
		    routes_not_before = NULL, routes_refused = false
		WHERE targets.activated_sequence < excluded.activated_sequence`,
		a.UserID, a.Provider, a.ConnectionID, a.AccountID, a.Scopes, a.Sequence)
	if err != nil {
		return false, fmt.Errorf("activate %s of user %s: %w", a.Provider, a.UserID, err)
	}
	return tag.RowsAffected() == 1, RefreshRoutes(ctx, tx, Target{UserID: a.UserID, Provider: a.Provider})
}

// SetStanding stores where a connection stands, unless something newer is known,
// and brings the target in line, if this is its connection. applied is false for
// old news.
func SetStanding(ctx context.Context, tx pgx.Tx, userID, provider, connectionID string, s Standing, sequence uint64) (applied bool, err error) {
	tag, err := tx.Exec(ctx, `
		INSERT INTO poller.connections (id, user_id, provider, status, reason, next_action, sequence)
		VALUES ($1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT (id) DO UPDATE SET
		    status = excluded.status, reason = excluded.reason, next_action = excluded.next_action, sequence = excluded.sequence
		WHERE connections.sequence < excluded.sequence`,
		connectionID, userID, provider, s.Status, s.Reason, s.NextAction, sequence)
	if err != nil {
		return false, fmt.Errorf("store the standing of connection %s: %w", connectionID, err)
	}
	return tag.RowsAffected() == 1, nil
}

// AlignTarget gives the target the status of its connection. A target that stops
// being active loses its lease, so a worker on it stops at its next write. It
// returns how the target stood before and stands now; found is false when there
// is no target.
func AlignTarget(ctx context.Context, tx pgx.Tx, userID, provider string) (was, now Target, found bool, err error) {
	was, found, err = LoadTarget(ctx, tx, userID, provider)
	if err != nil || !found {
		return was, now, found, err
	}
	now = was
	now.Standing = was.Connection
	if was.Status != now.Status {
		_, err = tx.Exec(ctx, `
			UPDATE poller.targets SET status = $3,
			    lease_token = CASE WHEN $3 = 'active' THEN lease_token ELSE lease_token + 1 END,
			    lease_owner = CASE WHEN $3 = 'active' THEN lease_owner END,
			    lease_until = CASE WHEN $3 = 'active' THEN lease_until END
			WHERE user_id = $1 AND provider = $2`, userID, provider, now.Status)
		if err == nil {
			_, err = tx.Exec(ctx, "SELECT pg_notify($1, '')", FenceChannel)
		}
		if err != nil {
			return was, now, true, fmt.Errorf("set the status of %s of user %s: %w", provider, userID, err)
		}
	}
	return was, now, true, refreshDue(ctx, tx, userID, provider)
}

// Target is one user's account at one provider, as far as polling goes.
type Target struct {
	UserID, Provider, ConnectionID, AccountID string
	Scopes                                    []string // granted; none: the consent does not say
	Standing                                           // as stored with the target (Status only)
	Connection                                Standing // as its connection says
	Failures                                  int
	NotBefore                                 *time.Time
}

// LoadTarget reads and locks a target.
func LoadTarget(ctx context.Context, tx pgx.Tx, userID, provider string) (t Target, found bool, err error) {
	t.UserID, t.Provider = userID, provider
	err = tx.QueryRow(ctx, `
		SELECT t.connection_id::text, t.provider_account_id, t.scopes, t.status, c.status, c.reason, c.next_action,
		       t.failures, t.not_before
		  FROM poller.targets t JOIN poller.connections c ON c.id = t.connection_id
		 WHERE t.user_id = $1 AND t.provider = $2
		   FOR UPDATE OF t`, userID, provider).
		Scan(&t.ConnectionID, &t.AccountID, &t.Scopes, &t.Status, &t.Connection.Status, &t.Connection.Reason, &t.Connection.NextAction,
			&t.Failures, &t.NotBefore)
	if errors.Is(err, pgx.ErrNoRows) {
		return t, false, nil
	}
	if err != nil {
		return t, false, fmt.Errorf("load %s of user %s: %w", provider, userID, err)
	}
	return t, true, nil
}

// Suspend stores that a connection cannot be used, as the oauth service has just
// said in an answer; its event follows and counts as newer.
func Suspend(ctx context.Context, tx pgx.Tx, t Target, s Standing) error {
	_, err := tx.Exec(ctx, "UPDATE poller.connections SET status = $2, reason = $3, next_action = $4 WHERE id = $1",
		t.ConnectionID, s.Status, s.Reason, s.NextAction)
	if err != nil {
		return fmt.Errorf("suspend connection %s: %w", t.ConnectionID, err)
	}
	_, _, _, err = AlignTarget(ctx, tx, t.UserID, t.Provider)
	return err
}
