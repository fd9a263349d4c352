package store

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// Lease is the right to work on one target until it expires. Token is its fencing
// number: every write checks that it is still the target's.
type Lease struct {
	Target
	Token       int64
	Known       Sequences // up to which the index knows the log
	StreamEpoch string
	Suspected   bool   // some record of the target may be a suspect
	Routes      bool   // to ask for routes: no window was due
	Expired     bool   // its holder before did not give it back: the log may have what the index does not know
	Consent     uint64 // sequence of the latest ConnectionActivated
	Trouble     Trouble
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

// priorities are those of windows and scans, see priority: each is looked at by itself.
func priorities() []int16 { return []int16{0, 10, 20, 30, 40, 50} }

// MaxClaim is how many leases one call of Claim gives at most.
const MaxClaim = 64

var (
	//go:embed claim.sql
	claimSQL string
	//go:embed nextdue.sql
	nextDueSQL string
)

// Claim leases up to so many of the most urgent targets that are due: those with a
// window or a scan before any that has only routes to ask for.
func (s *Store) Claim(ctx context.Context, owner string, now time.Time, lease time.Duration, most int) ([]Lease, error) {
	rows, err := s.db.Query(ctx, claimSQL, now, owner, now.Add(lease), min(most, MaxClaim), priorities())
	if err != nil {
		return nil, fmt.Errorf("claim work: %w", err)
	}
	leases, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (l Lease, err error) {
		err = row.Scan(&l.UserID, &l.Provider, &l.ConnectionID, &l.AccountID, &l.Scopes, &l.Status, &l.Failures,
			&l.NotBefore, &l.Token, &l.Known.Activity, &l.Known.Record, &l.Known.Chunk, &l.StreamEpoch,
			&l.Trouble.Class, &l.Trouble.Since, &l.Trouble.ToldClass, &l.Trouble.ToldLate, &l.Routes, &l.Expired, &l.Consent, &l.Suspected)
		return l, err
	})
	if err != nil {
		return nil, fmt.Errorf("claim work: %w", err)
	}
	return leases, nil
}

// NextDue says when something may be claimed that could not be before; zero when nothing
// is in sight. It is for a caller that has just claimed all that there was.
func (s *Store) NextDue(ctx context.Context, now time.Time) (time.Time, error) {
	var at *time.Time
	if err := s.db.QueryRow(ctx, nextDueSQL, now, priorities()).Scan(&at); err != nil {
		return time.Time{}, fmt.Errorf("look when work is due: %w", err)
	}
	if at == nil {
		return time.Time{}, nil
	}
	return *at, nil
}

// LeaseKey names a lease among all that there ever were.
type LeaseKey struct {
	UserID, Provider string
	Token            int64
}

// Key names the lease.
func (l Lease) Key() LeaseKey { return LeaseKey{l.UserID, l.Provider, l.Token} }

// leaseKeys are the names of leases as columns.
func leaseKeys(leases []Lease) (users, providers []string, tokens []int64) {
	for _, l := range leases {
		users, providers, tokens = append(users, l.UserID), append(providers, l.Provider), append(tokens, l.Token)
	}
	return users, providers, tokens
}

// Renew moves the end of leases, and gives those that are still held. One that is lost
// is not, nor is one that was given back: a call that was broken off may still reach the
// database after Release did.
func (s *Store) Renew(ctx context.Context, leases []Lease, until time.Time) (map[LeaseKey]bool, error) {
	users, providers, tokens := leaseKeys(leases)
	rows, err := s.db.Query(ctx, `
		UPDATE poller.targets t SET lease_until = $4
		  FROM unnest($1::uuid[], $2::text[], $3::bigint[]) AS x (u, p, token)
		 WHERE t.user_id = x.u AND t.provider = x.p AND t.lease_token = x.token AND t.lease_owner IS NOT NULL AND t.status = 'active'
		RETURNING t.user_id::text, t.provider, t.lease_token`, users, providers, tokens, until)
	if err != nil {
		return nil, fmt.Errorf("renew leases: %w", err)
	}
	held := map[LeaseKey]bool{}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[LeaseKey])
	if err != nil {
		return nil, fmt.Errorf("renew leases: %w", err)
	}
	for _, k := range list {
		held[k] = true
	}
	return held, nil
}

// Release gives leases back; lost ones are left alone. It says when the first of the
// targets has work again; zero when none is in sight.
func (s *Store) Release(ctx context.Context, leases []Lease, now time.Time) (time.Time, error) {
	users, providers, tokens := leaseKeys(leases)
	var at *time.Time
	if err := s.db.QueryRow(ctx, "SELECT poller.release($1, $2, $3, $4)", users, providers, tokens, now).Scan(&at); err != nil {
		return time.Time{}, fmt.Errorf("release leases: %w", err)
	}
	if at == nil {
		return time.Time{}, nil
	}
	return *at, nil
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
