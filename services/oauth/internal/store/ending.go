package store

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/stridelog/stridelog/events"
)

// Revocation says how the end of a consent was told to the provider.
type Revocation string

// The states of a revocation.
const (
	RevocationPending Revocation = "pending" // the tokens are kept until it is done
	RevocationDone    Revocation = "done"
	RevocationFailed  Revocation = "failed" // given up
	RevocationShared  Revocation = "shared" // another live connection uses the account
)

// End makes a connection revoked and fences off any refresh under way. Where
// the provider must be told (the last live connection of the account), the
// revocation is pending and the tokens stay sealed until it is done; else they
// are deleted at once. The caller holds the account's lock. The first try is the
// caller's; after retryAfter anybody may try.
func (t Tx) End(ctx context.Context, c Connection, now time.Time, retryAfter time.Duration) (Connection, Revocation, error) {
	var revocation Revocation
	err := t.tx.QueryRow(ctx, `WITH target AS (
			SELECT CASE
				WHEN EXISTS (SELECT FROM oauth.connections o WHERE o.provider = $2 AND o.provider_account_id = $3
					AND o.status <> 'revoked' AND o.id <> $1) THEN 'shared'
				ELSE 'pending' END AS revocation)
		UPDATE oauth.connections c SET status = 'revoked', since = $4, reason = NULL, next_action = NULL,
			token_version = token_version + 1, refresh_owner = NULL, refresh_until = NULL,
			refresh_unfinished = false, refresh_not_before = NULL, updated_at = $4,
			poll_gone_at = NULL, token_gone_at = NULL, token_trouble_at = NULL, revocation = target.revocation, revocation_tries = 0,
			revocation_at = CASE WHEN target.revocation = 'pending' THEN now() + $5::interval END,
			tokens = CASE WHEN target.revocation = 'pending' THEN c.tokens END
		FROM target WHERE c.id = $1 RETURNING c.revocation`,
		c.ID, c.Provider, c.AccountID, now, retryAfter).Scan(&revocation)
	if err != nil {
		return c, "", fmt.Errorf("end connection %s: %w", c.ID, err)
	}
	ended, err := t.Lock(ctx, c.ID)
	return ended, revocation, err
}

// EndedBy is the event that says who ended the connection.
func (c Connection) EndedBy(by string, at time.Time) *events.ConnectionRevoked {
	return &events.ConnectionRevoked{ConnectionID: c.ID, UserID: c.UserID, Provider: c.Provider, By: by, RevokedAt: at}
}

// ClaimRevocation takes one pending revocation that is due, so that no other
// process tries it at the same time, or fails with ErrNotFound.
func (s *Store) ClaimRevocation(ctx context.Context, retryAfter time.Duration) (c Connection, tries int, err error) {
	err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		c, err = scan(tx.QueryRow(ctx, "SELECT "+columns+` FROM oauth.connections
			WHERE revocation = 'pending' AND revocation_at <= now()
			ORDER BY revocation_at LIMIT 1 FOR UPDATE SKIP LOCKED`))
		if err != nil {
			return err
		}
		return tx.QueryRow(ctx, `UPDATE oauth.connections
			SET revocation_at = now() + $2, revocation_tries = revocation_tries + 1
			WHERE id = $1 RETURNING revocation_tries`, c.ID, retryAfter).Scan(&tries)
	})
	return c, tries, err
}

// FinishRevocation records how a pending revocation ended and deletes the
// tokens. A connection that was consented to again in the meantime has another
// version and stays as it is.
func (s *Store) FinishRevocation(ctx context.Context, c Connection, r Revocation) error {
	_, err := s.pool.Exec(ctx, `UPDATE oauth.connections SET revocation = $2, revocation_at = NULL, tokens = NULL
		WHERE id = $1 AND token_version = $3 AND revocation = 'pending'`, c.ID, r, c.Version)
	if err != nil {
		return fmt.Errorf("record the revocation of connection %s: %w", c.ID, err)
	}
	return nil
}

// AccountInUse says whether any live connection uses the provider account.
func (s *Store) AccountInUse(ctx context.Context, provider, accountID string) (bool, error) {
	return s.SharesAccount(ctx, Connection{ID: uuid.Nil.String(), Provider: provider, AccountID: accountID})
}

// SharesAccount says whether another live connection uses the provider account.
func (s *Store) SharesAccount(ctx context.Context, c Connection) (bool, error) {
	var shared bool
	err := s.pool.QueryRow(ctx, `SELECT EXISTS (SELECT FROM oauth.connections
		WHERE provider = $1 AND provider_account_id = $2 AND status <> 'revoked' AND id <> $3)`,
		c.Provider, c.AccountID, c.ID).Scan(&shared)
	if err != nil {
		return false, fmt.Errorf("look up other connections of an account at %s: %w", c.Provider, err)
	}
	return shared, nil
}
