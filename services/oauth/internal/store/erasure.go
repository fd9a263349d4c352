package store

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/stridelog/stridelog/platform/postgres/outbox"
)

// MarkErased refuses the user from now on and gives every connection the user
// has, so that the caller can end them. Only a hash of the id is kept.
func (s *Store) MarkErased(ctx context.Context, userID string, end func(Tx, []Connection) error) error {
	return pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		if err := lockUser(ctx, tx, userID); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, "INSERT INTO oauth.erased_users (user_hash) VALUES ($1) ON CONFLICT DO NOTHING", userHash(userID)); err != nil {
			return fmt.Errorf("mark user %s as erased: %w", userID, err)
		}
		rows, err := tx.Query(ctx, "SELECT "+columns+" FROM oauth.connections WHERE user_id = $1 ORDER BY id FOR UPDATE", userID)
		all, err := scanAll(rows, err)
		if err != nil {
			return err
		}
		return end(Tx{tx}, all)
	})
}

// DeleteUser deletes every row about a user and counts them by kind.
func (s *Store) DeleteUser(ctx context.Context, userID string) (map[string]int64, error) {
	counts := map[string]int64{}
	err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		n, err := outbox.EraseUser(ctx, tx, Schema, userID)
		if err != nil {
			return err
		}
		counts["outbox_events"] = n
		for _, kind := range []struct{ name, delete string }{
			{"connections", "DELETE FROM oauth.connections WHERE user_id = $1::uuid"},
			{"oauth_states", "DELETE FROM oauth.states WHERE user_id = $1::uuid"},
		} {
			tag, err := tx.Exec(ctx, kind.delete, userID)
			if err != nil {
				return fmt.Errorf("%s: %w", kind.name, err)
			}
			counts[kind.name] = tag.RowsAffected()
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("delete the consents of user %s: %w", userID, err)
	}
	return counts, nil
}
