package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// Lease is the right to call the token endpoint for one connection.
type Lease struct {
	Connection Connection
	Owner      string
	// Unfinished says that an earlier refresh of the same version began and
	// nobody knows how it ended: the provider may have rotated the token.
	Unfinished bool
}

// TakeLease takes the refresh lease if the version is still the current one and
// nobody holds it; ok is false otherwise. A lease that ran out is taken over,
// and what its owner left behind is told.
func (s *Store) TakeLease(ctx context.Context, id string, version int64, owner string, span time.Duration) (l Lease, ok bool, err error) {
	l.Owner = owner
	err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		var unfinished bool
		err := tx.QueryRow(ctx, `SELECT refresh_unfinished OR refresh_owner IS NOT NULL FROM oauth.connections
			WHERE id = $1 AND token_version = $2
			  AND (status IN ('active', 'degraded') OR reason = 'consent_expiring')
			  AND (refresh_owner IS NULL OR refresh_until <= now()) FOR UPDATE`, id, version).Scan(&unfinished)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		l.Connection, err = scan(tx.QueryRow(ctx, `UPDATE oauth.connections
			SET refresh_owner = $2, refresh_until = now() + $3, refresh_unfinished = $4
			WHERE id = $1 RETURNING `+columns, id, owner, span, unfinished))
		l.Unfinished, ok = unfinished, err == nil
		return err
	})
	if err != nil {
		return l, false, fmt.Errorf("take the refresh lease of connection %s: %w", id, err)
	}
	return l, ok, nil
}

// ReleaseLease gives the lease back without new tokens. With unfinished, nobody
// knows whether the provider rotated the token.
func (s *Store) ReleaseLease(ctx context.Context, l Lease, unfinished bool, notBefore time.Time) error {
	_, err := s.pool.Exec(ctx, `UPDATE oauth.connections
		SET refresh_owner = NULL, refresh_until = NULL, refresh_unfinished = $3, refresh_not_before = $4
		WHERE id = $1 AND refresh_owner = $2`,
		l.Connection.ID, l.Owner, unfinished, orNull(notBefore))
	if err != nil {
		return fmt.Errorf("release the refresh lease of connection %s: %w", l.Connection.ID, err)
	}
	return nil
}

// Rotate stores a refreshed pair if the version is still the one that was
// refreshed. It asks for the version and not for the lease: an owner that woke
// up late holds the only valid pair, and must not lose it.
func (t Tx) Rotate(ctx context.Context, c Connection, now time.Time) (Connection, bool, error) {
	stored, err := scan(t.tx.QueryRow(ctx, `UPDATE oauth.connections SET
			token_version = token_version + 1, tokens = $3, tokens_at = $4, access_expires_at = $5,
			refresh_expires_at = $6, scopes = $7, refresh_owner = NULL, refresh_until = NULL,
			refresh_unfinished = false, refresh_not_before = NULL, updated_at = $4
		WHERE id = $1 AND token_version = $2 AND status <> 'revoked' RETURNING `+columns,
		c.ID, c.Version, c.Sealed, now, c.AccessExpiresAt, orNull(c.RefreshExpiresAt), c.Scopes))
	if errors.Is(err, ErrNotFound) {
		return c, false, nil
	}
	return stored, err == nil, err
}

// ClearLease forgets the lease of a version whose grant is dead.
func (t Tx) ClearLease(ctx context.Context, c Connection) error {
	_, err := t.tx.Exec(ctx, `UPDATE oauth.connections
		SET refresh_owner = NULL, refresh_until = NULL, refresh_unfinished = false, refresh_not_before = NULL
		WHERE id = $1 AND token_version = $2`, c.ID, c.Version)
	if err != nil {
		return fmt.Errorf("clear the refresh lease of connection %s: %w", c.ID, err)
	}
	return nil
}

// Expire makes the access token of one version count as expired long ago, on any
// machine's clock, so that the next use refreshes first.
func (t Tx) Expire(ctx context.Context, c Connection, now time.Time) error {
	_, err := t.tx.Exec(ctx, `UPDATE oauth.connections SET access_expires_at = 'epoch', updated_at = $3
		WHERE id = $1 AND token_version = $2`, c.ID, c.Version, now)
	if err != nil {
		return fmt.Errorf("expire the access token of connection %s: %w", c.ID, err)
	}
	return nil
}
