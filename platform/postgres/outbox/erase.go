package outbox

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/stridelog/stridelog/platform/postgres"
)

// EraseUser deletes the events about a user, parked ones too, in the caller's
// transaction. It waits for a relay that is publishing: when the transaction has
// committed, none of them reaches the log any more.
func EraseUser(ctx context.Context, tx pgx.Tx, schema, userID string) (deleted int64, err error) {
	if err := postgres.CheckSchema(schema); err != nil {
		return 0, fmt.Errorf("erase from the outbox: %w", err)
	}
	if _, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", lockName(schema)); err != nil {
		return 0, fmt.Errorf("wait for the outbox relay of %s: %w", schema, err)
	}
	tag, err := tx.Exec(ctx, "DELETE FROM "+schema+".outbox WHERE split_part(subject, '.', 5) = $1", userID)
	if err != nil {
		return 0, fmt.Errorf("erase user %s from the outbox of %s: %w", userID, schema, err)
	}
	return tag.RowsAffected(), nil
}
