package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/services/oauth/internal/status"
)

// Connection is one row: a user's consent at one provider account. Reason and
// NextAction are empty when there is nothing to do.
type Connection struct {
	ID        string
	UserID    string
	Provider  string
	AccountID string
	status.State
	Scopes []string
	Tokens
	Version int64 // of the tokens
	// Held says that some process has the refresh lease now, until HeldUntil.
	Held      bool
	HeldUntil time.Time
	NotBefore time.Time // of the next refresh; zero when the provider asked for nothing
}

// Tokens is a stored pair. Sealed is nil once the consent has ended.
type Tokens struct {
	Sealed           []byte
	StoredAt         time.Time
	AccessExpiresAt  time.Time
	RefreshExpiresAt time.Time // zero when unknown
}

const columns = `id, user_id, provider, provider_account_id, status, since, coalesce(reason, ''), coalesce(next_action, ''),
	coalesce(succeeded_by, ''), scopes, tokens, tokens_at, access_expires_at, refresh_expires_at, token_version,
	refresh_owner IS NOT NULL AND refresh_until > now(), refresh_until, refresh_not_before, poll_gone_at, token_gone_at, token_trouble_at`

func scan(row pgx.Row) (Connection, error) {
	var c Connection
	var stored, access, refresh, held, notBefore, pollGone, tokenGone, tokenTrouble *time.Time
	err := row.Scan(&c.ID, &c.UserID, &c.Provider, &c.AccountID, &c.Status, &c.Since, &c.Reason, &c.NextAction,
		&c.SucceededBy, &c.Scopes, &c.Sealed, &stored, &access, &refresh, &c.Version, &c.Held, &held, &notBefore, &pollGone, &tokenGone, &tokenTrouble)
	if errors.Is(err, pgx.ErrNoRows) {
		return c, ErrNotFound
	}
	if err != nil {
		return c, fmt.Errorf("read a connection: %w", err)
	}
	c.StoredAt, c.AccessExpiresAt, c.RefreshExpiresAt = instant(stored), instant(access), instant(refresh)
	c.HeldUntil, c.NotBefore = instant(held), instant(notBefore)
	c.PollGone, c.TokenGone, c.TokenTrouble = instant(pollGone), instant(tokenGone), instant(tokenTrouble)
	return c, nil
}

func scanAll(rows pgx.Rows, err error) ([]Connection, error) {
	if err != nil {
		return nil, fmt.Errorf("read connections: %w", err)
	}
	return pgx.CollectRows(rows, func(r pgx.CollectableRow) (Connection, error) { return scan(r) })
}

func instant(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.UTC()
}

func orNull[T comparable](v T) *T {
	var zero T
	if v == zero {
		return nil
	}
	return &v
}

// Connection reads one row, or fails with ErrNotFound.
func (s *Store) Connection(ctx context.Context, id string) (Connection, error) {
	return scan(s.pool.QueryRow(ctx, "SELECT "+columns+" FROM oauth.connections WHERE id = $1", id))
}

// Lock reads one row and keeps it from changing until the transaction ends.
func (t Tx) Lock(ctx context.Context, id string) (Connection, error) {
	return scan(t.tx.QueryRow(ctx, "SELECT "+columns+" FROM oauth.connections WHERE id = $1 FOR UPDATE", id))
}

// Live is the user's connection at a provider that is not revoked, or ErrNotFound.
func (t Tx) Live(ctx context.Context, userID, provider string) (Connection, error) {
	return scan(t.tx.QueryRow(ctx, "SELECT "+columns+` FROM oauth.connections
		WHERE user_id = $1 AND provider = $2 AND status <> 'revoked' FOR UPDATE`, userID, provider))
}

// OfAccount is the user's connection with a provider account, revoked or not.
func (t Tx) OfAccount(ctx context.Context, userID, provider, accountID string) (Connection, error) {
	return scan(t.tx.QueryRow(ctx, "SELECT "+columns+` FROM oauth.connections
		WHERE user_id = $1 AND provider = $2 AND provider_account_id = $3 FOR UPDATE`, userID, provider, accountID))
}

// Save writes a consent: a new row, or the new tokens and status of a known
// one. A refresh that is under way loses, because the version has moved.
func (t Tx) Save(ctx context.Context, c Connection, now time.Time) error {
	_, err := t.tx.Exec(ctx, `INSERT INTO oauth.connections AS c
		(id, user_id, provider, provider_account_id, status, since, reason, next_action, scopes,
		 tokens, tokens_at, access_expires_at, refresh_expires_at, created_at, updated_at, succeeded_by)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $11, $11, $14)
		ON CONFLICT (id) DO UPDATE SET
			status = excluded.status, since = excluded.since, reason = excluded.reason,
			next_action = excluded.next_action, succeeded_by = excluded.succeeded_by, scopes = excluded.scopes,
			token_version = c.token_version + 1, tokens = excluded.tokens, tokens_at = excluded.tokens_at,
			access_expires_at = excluded.access_expires_at, refresh_expires_at = excluded.refresh_expires_at,
			refresh_owner = NULL, refresh_until = NULL, refresh_unfinished = false, refresh_not_before = NULL,
			poll_gone_at = NULL, token_gone_at = NULL, token_trouble_at = NULL,
			revocation = NULL, revocation_at = NULL, revocation_tries = 0, updated_at = excluded.updated_at`,
		c.ID, c.UserID, c.Provider, c.AccountID, c.Status, c.Since, orNull(c.Reason), orNull(c.NextAction), c.Scopes,
		c.Sealed, now, c.AccessExpiresAt, orNull(c.RefreshExpiresAt), orNull(c.SucceededBy))
	if err != nil {
		return fmt.Errorf("store connection %s: %w", c.ID, err)
	}
	return nil
}

// SetState writes the state of a connection, with its event when that is worth
// one, in one transaction. Nothing happens when nothing has changed.
func (t Tx) SetState(ctx context.Context, c Connection, next status.State, now time.Time) (Connection, error) {
	if c.State == next {
		return c, nil
	}
	was := c.State
	c.State = next
	_, err := t.tx.Exec(ctx, `UPDATE oauth.connections SET status = $2, reason = $3, next_action = $4, since = $5,
			poll_gone_at = $6, token_gone_at = $7, token_trouble_at = $8, updated_at = $9, succeeded_by = $10 WHERE id = $1`,
		c.ID, c.Status, orNull(c.Reason), orNull(c.NextAction), c.Since, orNull(c.PollGone), orNull(c.TokenGone), orNull(c.TokenTrouble), now, orNull(c.SucceededBy))
	if err != nil {
		return c, fmt.Errorf("store the status of connection %s: %w", c.ID, err)
	}
	if !status.Announced(was, next) {
		return c, nil
	}
	return c, t.Emit(ctx, c, now, c.StatusChanged(was.Status))
}

// StatusChanged is the event that tells the connection's status.
func (c Connection) StatusChanged(previous events.ConnectionStatus) *events.ConnectionStatusChanged {
	return &events.ConnectionStatusChanged{
		ConnectionID: c.ID, UserID: c.UserID, Provider: c.Provider,
		Status: c.Status, Previous: previous, Reason: c.Reason, NextAction: c.NextAction, Since: c.Since,
	}
}

// UsableOfAccount lists the connections in use of a provider account.
func (s *Store) UsableOfAccount(ctx context.Context, provider, accountID string) ([]Connection, error) {
	rows, err := s.pool.Query(ctx, "SELECT "+columns+` FROM oauth.connections
		WHERE provider = $1 AND provider_account_id = $2 AND tokens IS NOT NULL
		AND (status IN ('active', 'degraded') OR reason = 'consent_expiring')`, provider, accountID)
	return scanAll(rows, err)
}

// EndingBefore lists the connections in use whose consent ends by itself before
// an instant, the first one first, some at a time.
func (s *Store) EndingBefore(ctx context.Context, at time.Time) ([]Connection, error) {
	rows, err := s.pool.Query(ctx, "SELECT "+columns+` FROM oauth.connections
		WHERE refresh_expires_at <= $1 AND status IN ('active', 'degraded') ORDER BY refresh_expires_at LIMIT 500`, at)
	return scanAll(rows, err)
}
