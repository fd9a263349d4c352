package generation

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
)

// Previous is the generation that served until a rebuild, while it is compared with
// the one that serves.
type Previous struct {
	Generation int64
	Layout     int
	HighWater  uint64    // highest sequence folded into it
	DoneTo     uuid.UUID // workouts up to this id have been compared
}

// Querier is a pool or a transaction.
type Querier interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// Keep notes that a generation must stay until Forget. The caller moves the
// pointer in the same transaction.
func Keep(ctx context.Context, tx pgx.Tx, old Pointer) error {
	_, err := tx.Exec(ctx, "INSERT INTO projector.announcing (generation, layout, high_water, done_to) VALUES ($1, $2, $3, $4)",
		old.Generation, old.Layout, int64(old.HighWater), pgtype.UUID{Valid: true})
	if err != nil {
		return fmt.Errorf("keep generation %d: %w", old.Generation, err)
	}
	return nil
}

// Kept is the generation that Keep noted; ok is false when there is none.
func Kept(ctx context.Context, db Querier) (b Previous, ok bool, err error) {
	var high int64
	var done pgtype.UUID
	err = db.QueryRow(ctx, "SELECT generation, layout, high_water, done_to FROM projector.announcing").Scan(&b.Generation, &b.Layout, &high, &done)
	if errors.Is(err, pgx.ErrNoRows) {
		return Previous{}, false, nil
	}
	b.HighWater, b.DoneTo = uint64(high), done.Bytes
	return b, err == nil, err
}

// Done notes how far the kept generation has been compared.
func Done(ctx context.Context, tx pgx.Tx, to uuid.UUID) error {
	_, err := tx.Exec(ctx, "UPDATE projector.announcing SET done_to = $1", pgtype.UUID{Bytes: to, Valid: true})
	return err
}

// Forget drops the kept generation.
func Forget(ctx context.Context, tx pgx.Tx, b Previous) error {
	if _, err := tx.Exec(ctx, "DELETE FROM projector.announcing"); err != nil {
		return err
	}
	return Drop(ctx, tx, b.Generation)
}
