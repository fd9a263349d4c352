package store

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// mostEarlier is how many earlier tokens of an account are kept: the newest.
const mostEarlier = 50

// Earlier is a token that a later consent to the same account took the place of, or
// that a connection left which was not the account's last.
type Earlier struct {
	ID                  string // also the owner that the token is sealed for
	Provider, AccountID string
	Sealed              []byte
}

// KeepEarlier keeps a token until the last connection of its account ends. The caller
// holds the account's lock.
func (t Tx) KeepEarlier(ctx context.Context, e Earlier) error {
	_, err := t.tx.Exec(ctx, `INSERT INTO oauth.earlier_tokens (id, provider, provider_account_id, token) VALUES ($1, $2, $3, $4)`,
		e.ID, e.Provider, e.AccountID, e.Sealed)
	if err == nil {
		_, err = t.tx.Exec(ctx, `DELETE FROM oauth.earlier_tokens WHERE id IN (SELECT id FROM oauth.earlier_tokens
			WHERE provider = $1 AND provider_account_id = $2 ORDER BY kept_at DESC, id OFFSET $3)`, e.Provider, e.AccountID, mostEarlier)
	}
	if err != nil {
		return fmt.Errorf("keep an earlier token of an account at %s: %w", e.Provider, err)
	}
	return nil
}

// EarlierOf lists the earlier tokens of an account.
func (s *Store) EarlierOf(ctx context.Context, provider, accountID string) ([]Earlier, error) {
	rows, err := s.pool.Query(ctx, `SELECT id::text, provider, provider_account_id, token FROM oauth.earlier_tokens
		WHERE provider = $1 AND provider_account_id = $2 ORDER BY kept_at, id`, provider, accountID)
	var list []Earlier
	if err == nil {
		list, err = pgx.CollectRows(rows, pgx.RowToStructByPos[Earlier])
	}
	if err != nil {
		return nil, fmt.Errorf("list the earlier tokens of an account at %s: %w", provider, err)
	}
	return list, nil
}

// DropEarlier deletes an earlier token: it is revoked.
func (s *Store) DropEarlier(ctx context.Context, e Earlier) error {
	if _, err := s.pool.Exec(ctx, "DELETE FROM oauth.earlier_tokens WHERE id = $1", e.ID); err != nil {
		return fmt.Errorf("drop an earlier token of an account at %s: %w", e.Provider, err)
	}
	return nil
}
