package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// Lease is the right to work on one target until it expires. Token is its fencing
// number: every write checks that it is still the target's.
type Lease struct {
	Target
	Token         int64
	IndexSequence uint64
	StreamEpoch   string
	Suspected     bool // some record of the target may be a suspect
	Routes        bool // to ask for routes: no window was due
	Trouble       Trouble
}

// Trouble is how the provider fails to answer for a target's connection, and what
// the oauth service was told of it.
type Trouble struct {
	Class     string // provider error class; empty when it answers
	Since     *time.Time
	ToldClass string
	ToldLate  bool // that it has lasted for long
}

// SetTrouble stores how a provider answers.
func SetTrouble(ctx context.Context, tx pgx.Tx, t Target, x Trouble) error {
	_, err := tx.Exec(ctx, `
		UPDATE poller.targets SET trouble_class = $3, trouble_since = $4, told_class = $5, told_late = $6
		 WHERE user_id = $1 AND provider = $2`, t.UserID, t.Provider, x.Class, x.Since, x.ToldClass, x.ToldLate)
	if err != nil {
		return fmt.Errorf("store how %s answers for user %s: %w", t.Provider, t.UserID, err)
	}
	return nil
}

// What a worker takes next, as claimSQL takes it: a target with a window or a scan
// before any that only has routes to ask for.
const (
	dueWindows = `SELECT user_id, provider FROM poller.targets
		     WHERE status = 'active' AND due_at <= $1 AND (lease_until IS NULL OR lease_until <= $1)
		     ORDER BY due_priority, due_at LIMIT 1 FOR UPDATE SKIP LOCKED`
	dueRoutes = `SELECT user_id, provider FROM poller.targets
		     WHERE status = 'active' AND routes_due_at <= $1 AND (lease_until IS NULL OR lease_until <= $1)
		       AND (not_before IS NULL OR not_before <= $1)
		     ORDER BY routes_due_at LIMIT 1 FOR UPDATE SKIP LOCKED`
	claimSQL = `
		WITH due AS (%s),
		claimed AS (
		    UPDATE poller.targets t SET lease_owner = $2, lease_until = $3, lease_token = lease_token + 1
		      FROM due WHERE t.user_id = due.user_id AND t.provider = due.provider
		    RETURNING t.*)
		SELECT c.user_id::text, c.provider, c.connection_id::text, c.provider_account_id, c.status, c.last_outcome, c.failures,
		       c.not_before, c.lease_token, c.index_sequence, c.stream_epoch,
		       c.trouble_class, c.trouble_since, c.told_class, c.told_late,
		       EXISTS (SELECT FROM poller.suspects x WHERE x.user_id = c.user_id AND x.provider = c.provider)
		  FROM claimed c`
)

// Claim leases the most urgent target that is due; found is false when there is
// none. next is then when the earliest one may be claimed, zero when none is in
// sight.
func (s *Store) Claim(ctx context.Context, owner string, now time.Time, lease time.Duration) (l Lease, found bool, next time.Time, err error) {
	l, found, err = s.claim(ctx, dueWindows, owner, now, lease)
	if err == nil && !found {
		l, found, err = s.claim(ctx, dueRoutes, owner, now, lease)
		l.Routes = found
	}
	if err == nil && !found {
		next, err = s.nextDue(ctx)
	}
	return l, found, next, err
}

func (s *Store) claim(ctx context.Context, due, owner string, now time.Time, lease time.Duration) (l Lease, found bool, err error) {
	err = s.db.QueryRow(ctx, fmt.Sprintf(claimSQL, due), now, owner, now.Add(lease)).
		Scan(&l.UserID, &l.Provider, &l.ConnectionID, &l.AccountID, &l.Status, &l.LastOutcome, &l.Failures,
			&l.NotBefore, &l.Token, &l.IndexSequence, &l.StreamEpoch,
			&l.Trouble.Class, &l.Trouble.Since, &l.Trouble.ToldClass, &l.Trouble.ToldLate, &l.Suspected)
	if errors.Is(err, pgx.ErrNoRows) {
		return l, false, nil
	}
	if err != nil {
		return l, false, fmt.Errorf("claim work: %w", err)
	}
	return l, true, nil
}

func (s *Store) nextDue(ctx context.Context) (time.Time, error) {
	var at *time.Time
	err := s.db.QueryRow(ctx, `
		SELECT least(
		    (SELECT min(greatest(due_at, lease_until)) FROM poller.targets WHERE status = 'active' AND due_at IS NOT NULL),
		    (SELECT min(greatest(routes_due_at, lease_until, not_before)) FROM poller.targets WHERE status = 'active' AND routes_due_at IS NOT NULL))`).Scan(&at)
	if err != nil {
		return time.Time{}, fmt.Errorf("look when work is due: %w", err)
	}
	if at == nil {
		return time.Time{}, nil
	}
	return *at, nil
}

// Renew moves the end of a lease. ErrFenced when it is lost, or was given back: a
// call that was broken off may still reach the database after Release did.
func (s *Store) Renew(ctx context.Context, l Lease, until time.Time) error {
	tag, err := s.db.Exec(ctx, `
		UPDATE poller.targets SET lease_until = $4
		 WHERE user_id = $1 AND provider = $2 AND lease_token = $3 AND lease_owner IS NOT NULL AND status = 'active'`, l.UserID, l.Provider, l.Token, until)
	if err != nil {
		return fmt.Errorf("renew the lease on %s of user %s: %w", l.Provider, l.UserID, err)
	}
	if tag.RowsAffected() == 0 {
		return ErrFenced
	}
	return nil
}

// Release gives a lease back; a lost one is left alone.
func (s *Store) Release(ctx context.Context, l Lease) error {
	return s.InTx(ctx, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `
			UPDATE poller.targets SET lease_owner = NULL, lease_until = NULL
			 WHERE user_id = $1 AND provider = $2 AND lease_token = $3`, l.UserID, l.Provider, l.Token)
		if err != nil {
			return fmt.Errorf("release %s of user %s: %w", l.Provider, l.UserID, err)
		}
		if tag.RowsAffected() == 0 {
			return nil
		}
		return refreshDue(ctx, tx, l.UserID, l.Provider)
	})
}

// Guarded runs fn in a transaction that holds the target's row and in which the
// lease is proved to be still ours. ErrFenced when it is not.
func (s *Store) Guarded(ctx context.Context, l Lease, fn func(tx pgx.Tx) error) error {
	return s.InTx(ctx, func(tx pgx.Tx) error {
		var ok bool
		err := tx.QueryRow(ctx, `
			SELECT lease_token = $3 AND status = 'active' FROM poller.targets
			 WHERE user_id = $1 AND provider = $2 FOR UPDATE`, l.UserID, l.Provider, l.Token).Scan(&ok)
		if errors.Is(err, pgx.ErrNoRows) || err == nil && !ok {
			return ErrFenced
		}
		if err != nil {
			return fmt.Errorf("check the lease on %s of user %s: %w", l.Provider, l.UserID, err)
		}
		return fn(tx)
	})
}

// SetFailures stores how often in a row the target failed and until when it rests.
func SetFailures(ctx context.Context, tx pgx.Tx, t Target) error {
	_, err := tx.Exec(ctx, "UPDATE poller.targets SET failures = $3, not_before = $4 WHERE user_id = $1 AND provider = $2",
		t.UserID, t.Provider, t.Failures, t.NotBefore)
	if err != nil {
		return fmt.Errorf("store the failures of %s of user %s: %w", t.Provider, t.UserID, err)
	}
	return refreshDue(ctx, tx, t.UserID, t.Provider)
}

// SetSynced stores a complete success up to an instant.
func SetSynced(ctx context.Context, tx pgx.Tx, t Target, at time.Time) error {
	_, err := tx.Exec(ctx, "UPDATE poller.targets SET last_synced_at = greatest(last_synced_at, $3) WHERE user_id = $1 AND provider = $2",
		t.UserID, t.Provider, at)
	if err != nil {
		return fmt.Errorf("store the last sync of %s of user %s: %w", t.Provider, t.UserID, err)
	}
	return nil
}

// SetOutcome stores how the latest scheduled sync ended.
func SetOutcome(ctx context.Context, tx pgx.Tx, t Target, outcome string) error {
	_, err := tx.Exec(ctx, "UPDATE poller.targets SET last_outcome = $3 WHERE user_id = $1 AND provider = $2", t.UserID, t.Provider, outcome)
	if err != nil {
		return fmt.Errorf("store the outcome of %s of user %s: %w", t.Provider, t.UserID, err)
	}
	return nil
}
