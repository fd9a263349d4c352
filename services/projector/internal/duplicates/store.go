package duplicates

import (
	"context"
	_ "embed"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
)

//go:embed store.sql
var storeLinks string

// store writes links. It is the one place where they change, but for the links of
// what is removed. Those of the generation that serves are noted to be announced.
func store(ctx context.Context, tx pgx.Tx, links []link, serving bool) error {
	if len(links) == 0 {
		return nil
	}
	ids, primaries := make([]pgtype.UUID, len(links)), make([]pgtype.UUID, len(links))
	for i, l := range links {
		ids[i], primaries[i] = key(l.id), pgtype.UUID{Bytes: l.primary, Valid: l.primary != uuid.UUID{}}
	}
	rows, err := tx.Query(ctx, storeLinks, ids, primaries)
	if err != nil {
		return fmt.Errorf("store %d links between duplicates: %w", len(links), err)
	}
	changed, err := pgx.CollectRows(rows, pgx.RowTo[pgtype.UUID])
	if err != nil {
		return fmt.Errorf("store %d links between duplicates: %w", len(links), err)
	}
	if !serving {
		return nil
	}
	return Announce(ctx, tx, changed)
}

func (t *Touching) store(ctx context.Context, tx pgx.Tx, links []link) error {
	return store(ctx, tx, links, t.serving)
}

//go:embed announce.sql
var announceLinks string

// Announce notes that the links of workouts are to be announced as they are, in the
// generation of the transaction's search path.
func Announce(ctx context.Context, tx pgx.Tx, workouts []pgtype.UUID) error {
	if len(workouts) == 0 {
		return nil
	}
	if _, err := tx.Exec(ctx, announceLinks, workouts); err != nil {
		return fmt.Errorf("note that %d links are to be announced: %w", len(workouts), err)
	}
	return nil
}
