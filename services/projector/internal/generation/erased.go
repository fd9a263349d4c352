package generation

import (
	"context"
	"crypto/sha256"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// personTables are the tables of a generation; every one has a user_id.
func personTables() []string {
	return []string{"workouts", "workout_versions", "workout_routes", "connection_history"}
}

// DeleteUser deletes a person's rows from one generation and counts them by table.
func DeleteUser(ctx context.Context, tx pgx.Tx, generation int64, userID string) (map[string]int64, error) {
	counts := map[string]int64{}
	for _, table := range personTables() {
		tag, err := tx.Exec(ctx, fmt.Sprintf("DELETE FROM %s.%s WHERE user_id = $1", Schema(generation), table), userID)
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

// DeleteErased deletes everybody who was erased from the generation of the search
// path. It reads whole tables; known is how many erasures need no look.
func DeleteErased(ctx context.Context, tx pgx.Tx, known int) error {
	var count int
	if err := tx.QueryRow(ctx, "SELECT count(*) FROM projector.erased_users").Scan(&count); err != nil {
		return err
	}
	if count == known {
		return nil
	}
	for _, table := range personTables() {
		_, err := tx.Exec(ctx, fmt.Sprintf(
			"DELETE FROM %s WHERE sha256(convert_to(user_id::text, 'UTF8')) IN (SELECT user_hash FROM projector.erased_users)", table))
		if err != nil {
			return fmt.Errorf("leave out who was erased meanwhile: %w", err)
		}
	}
	return nil
}
