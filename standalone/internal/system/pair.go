package system

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/platform/bus"
)

// ErrForeign says that the database was filled from another log than the one at hand:
// the two are of two systems, or one of them was replaced.
var ErrForeign = errors.New("the log was restored: run stridelog rebuild --accept-log; or database and NATS are of two systems: check DATABASE_URL and NATS_URL, or STRIDELOG_DATA_DIR")

// keepers are where the projector notes which log its tables are made from: the view,
// and for a database that an earlier program migrated the table itself.
const keepers = `SELECT c.relname::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
	WHERE n.nspname = 'projector' AND c.relname IN ('view_log_v1', 'serving', 'pointer')
	  AND has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT')
	ORDER BY c.relname DESC LIMIT 1`

// CheckPair fails with ErrForeign when a database and a log do not belong together. A
// database that was filled from no log yet belongs to any. It changes nothing, also
// where NATS has no streams.
func CheckPair(ctx context.Context, db *pgxpool.Pool, b *bus.Bus) error {
	epoch, err := FilledFrom(ctx, db)
	if err != nil || epoch == "" {
		return err
	}
	state, err := b.State(ctx, events.StreamFacts)
	switch {
	case errors.Is(err, jetstream.ErrStreamNotFound):
		return fmt.Errorf("%w (the database was filled from epoch %s of %s; this NATS has no such stream)", ErrForeign, epoch, events.StreamFacts)
	case err != nil:
		return err
	case state.Epoch != epoch:
		return fmt.Errorf("%w (the database was filled from epoch %s of %s; this NATS has epoch %s)", ErrForeign, epoch, events.StreamFacts, state.Epoch)
	}
	return nil
}
