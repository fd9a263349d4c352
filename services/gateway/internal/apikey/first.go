package apikey

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

const firstName = "first admin key"

// MakeFirst makes an admin key if there is no key at all. Of several processes that start
// at once, one makes it.
func (s *Store) MakeFirst(ctx context.Context) (secret string, made bool, err error) {
	err = pgx.BeginFunc(ctx, s.db, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `LOCK TABLE gateway.api_keys IN SHARE ROW EXCLUSIVE MODE`); err != nil {
			return err
		}
		var exists bool
		if err := tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM gateway.api_keys)`).Scan(&exists); err != nil || exists {
			return err
		}
		made = true
		secret, err = insert(ctx, tx, row{id: uuid.New(), kind: KindKey, Draft: Draft{Name: firstName, Scopes: []Scope{Admin}}})
		return err
	})
	if err != nil {
		return "", false, fmt.Errorf("make the first API key: %w", err)
	}
	return secret, made, nil
}
