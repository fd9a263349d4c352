package generation

import (
	"context"
	"crypto/sha256"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// personTables are the tables of a generation with rows about persons: each that has a
// user_id, so also those of a layout that this program does not know.
func personTables(ctx context.Context, tx pgx.Tx, generation string) ([]string, error) {
	rows, err := tx.Query(ctx, `SELECT c.relname::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
		JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'user_id' AND NOT a.attisdropped
		WHERE n.nspname = $1 AND c.relkind = 'r' ORDER BY 1`, generation)
	if err != nil {
		return nil, fmt.Errorf("list the tables of %s: %w", generation, err)
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}

// DeleteUser deletes a person's rows from one generation and counts them by table.
func DeleteUser(ctx context.Context, tx pgx.Tx, generation int64, userID string) (map[string]int64, error) {
	tables, err := personTables(ctx, tx, Schema(generation))
	if err != nil {
		return nil, err
	}
	counts := map[string]int64{}
	for _, table := range tables {
		tag, err := tx.Exec(ctx, "DELETE FROM "+pgx.Identifier{Schema(generation), table}.Sanitize()+" WHERE user_id = $1", userID)
		if err != nil {
			return nil, fmt.Errorf("delete from %s of generation %d: %w", table, generation, err)
		}
		counts[table] = tag.RowsAffected()
	}
	return counts, nil
}

// Erased are all persons who were erased, by UserHash.
func (t *Tables) Erased(ctx context.Context) (map[[sha256.Size]byte]struct{}, error) {
	rows, err := t.db.Query(ctx, "SELECT user_hash FROM projector.erased_users")
	if err != nil {
		return nil, fmt.Errorf("read who was erased: %w", err)
	}
	erased := map[[sha256.Size]byte]struct{}{}
	var hash []byte
	_, err = pgx.ForEachRow(rows, []any{&hash}, func() error {
		erased[[sha256.Size]byte(hash)] = struct{}{}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read who was erased: %w", err)
	}
	return erased, nil
}

// DeleteErased deletes everybody who was erased from a generation. It reads whole
// tables; known is how many erasures need no look.
func DeleteErased(ctx context.Context, tx pgx.Tx, generation int64, known int) error {
	var count int
	if err := tx.QueryRow(ctx, "SELECT count(*) FROM projector.erased_users").Scan(&count); err != nil {
		return err
	}
	if count == known {
		return nil
	}
	tables, err := personTables(ctx, tx, Schema(generation))
	if err != nil {
		return err
	}
	for _, table := range tables {
		_, err := tx.Exec(ctx, "DELETE FROM "+pgx.Identifier{Schema(generation), table}.Sanitize()+
			" WHERE sha256(convert_to(user_id::text, 'UTF8')) IN (SELECT user_hash FROM projector.erased_users)")
		if err != nil {
			return fmt.Errorf("leave out who was erased meanwhile: %w", err)
		}
	}
	return nil
}
