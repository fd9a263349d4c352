// Package generation keeps the tables made from facts in generations: each in a
// schema of its own, one of them serving, and the pointer that says which.
//
// Whoever writes rows does it in Write: in one transaction with the generation
// read under a shared lock. Whoever moves the pointer, or erases a person, takes
// the lock alone, so a row never lands in a generation that no longer serves.
package generation

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"strconv"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/platform/postgres"
)

const (
	schema       = "projector"
	schemaPrefix = "projector_g"
)

//go:embed migrations/*.sql
var migrations embed.FS

//go:embed tables.sql
var tablesSQL string

//go:embed indexes.sql
var indexesSQL string

//go:embed counts.sql
var countsSQL string

//go:embed views.sql
var viewsSQL string

// Tables are the projector's tables in one database.
type Tables struct {
	// Layout is the one that this program makes and folds into. Tests of other
	// programs set another.
	Layout int

	db  *pgxpool.Pool
	bus *bus.Bus
}

// New touches nothing; Prepare does.
func New(db *pgxpool.Pool, b *bus.Bus) *Tables { return &Tables{Layout: Layout, db: db, bus: b} }

// DB is the pool that the tables are reached by.
func (t *Tables) DB() *pgxpool.Pool { return t.db }

// Pointer says which generation serves and how far the log is folded into it.
type Pointer struct {
	Generation int64
	Layout     int
	Epoch      string // of the facts' stream
	HighWater  uint64 // highest sequence folded
}

// Schema is the schema of a generation.
func Schema(generation int64) string { return schemaPrefix + strconv.FormatInt(generation, 10) }

// Prepare migrates the schema and makes the first generation where there is none; over
// one of an older layout it defines what readers need until a rebuild. Any number of processes may do it at once.
func (t *Tables) Prepare(ctx context.Context) error {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	if err := postgres.Migrate(ctx, t.db, schema, files); err != nil {
		return err
	}
	if err := t.bus.DeclareStreams(ctx); err != nil {
		return err
	}
	state, err := t.bus.State(ctx, events.StreamFacts)
	if err != nil {
		return err
	}
	err = pgx.BeginFunc(ctx, t.db, func(tx pgx.Tx) error {
		if err := Exclusive(ctx, tx); err != nil {
			return err
		}
		serving, err := Read(ctx, tx)
		switch {
		case errors.Is(err, pgx.ErrNoRows):
			return first(ctx, tx, Pointer{Generation: 1, Layout: t.Layout, Epoch: state.Epoch})
		case err == nil && serving.Layout < t.Layout:
			return standIn(ctx, tx, serving)
		default:
			return err
		}
	})
	if err != nil {
		return fmt.Errorf("prepare the projector's first generation: %w", err)
	}
	return nil
}

func first(ctx context.Context, tx pgx.Tx, p Pointer) error {
	if err := Create(ctx, tx, p.Generation); err != nil {
		return err
	}
	if err := Index(ctx, tx, p.Generation); err != nil {
		return err
	}
	if err := Count(ctx, tx, p.Generation); err != nil {
		return err
	}
	return Point(ctx, tx, p)
}

// Read is the pointer, or pgx.ErrNoRows before the first generation.
func Read(ctx context.Context, tx pgx.Tx) (p Pointer, err error) {
	var high int64
	err = tx.QueryRow(ctx, "SELECT generation, layout, epoch, high_water FROM projector.serving").Scan(&p.Generation, &p.Layout, &p.Epoch, &high)
	p.HighWater = uint64(high)
	return p, err
}

// Create makes a generation's tables, without any index.
func Create(ctx context.Context, tx pgx.Tx, generation int64) error {
	if _, err := tx.Exec(ctx, "CREATE SCHEMA "+Schema(generation)); err != nil {
		return fmt.Errorf("create generation %d: let the role create schemas (GRANT CREATE ON DATABASE): %w", generation, err)
	}
	return runIn(ctx, tx, generation, tablesSQL)
}

// Index adds the keys and indexes to a generation that has been filled.
func Index(ctx context.Context, tx pgx.Tx, generation int64) error {
	return runIn(ctx, tx, generation, indexesSQL)
}

// Count counts the records of a generation that has been filled, indexed and linked;
// from then on every write keeps the counts.
func Count(ctx context.Context, tx pgx.Tx, generation int64) error {
	return runIn(ctx, tx, generation, countsSQL)
}

func runIn(ctx context.Context, tx pgx.Tx, generation int64, sql string) error {
	if err := UsePath(ctx, tx, generation); err != nil {
		return err
	}
	// Several statements in one text go by the simple protocol.
	if _, err := tx.Conn().PgConn().Exec(ctx, sql).ReadAll(); err != nil {
		return fmt.Errorf("make the tables of generation %d: %w", generation, err)
	}
	return nil
}

// UsePath makes unqualified names mean a generation's tables until the
// transaction ends.
func UsePath(ctx context.Context, tx pgx.Tx, generation int64) error {
	_, err := tx.Exec(ctx, "SELECT set_config('search_path', $1, true)", Schema(generation))
	return err
}

// Point moves the pointer and the views to a generation. The caller holds the
// lock alone.
func Point(ctx context.Context, tx pgx.Tx, p Pointer) error {
	if err := moveViews(ctx, tx, Schema(p.Generation)); err != nil {
		return fmt.Errorf("move the views to generation %d: %w", p.Generation, err)
	}
	if err := postgres.PublishViews(ctx, tx, schema); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `INSERT INTO projector.serving (generation, layout, epoch, high_water) VALUES ($1, $2, $3, $4)
		ON CONFLICT (only_row) DO UPDATE SET generation = excluded.generation, layout = excluded.layout, epoch = excluded.epoch,
		                                     high_water = excluded.high_water, moved_at = now()`,
		p.Generation, p.Layout, p.Epoch, int64(p.HighWater))
	if err == nil && p.Layout > 0 {
		_, err = tx.Exec(ctx, "DROP VIEW IF EXISTS projector.pointer") // see migration 006
	}
	if err != nil {
		return fmt.Errorf("move the pointer to generation %d: %w", p.Generation, err)
	}
	return nil
}

// All lists the generations that have a schema, whether they serve or not.
func All(ctx context.Context, tx pgx.Tx) ([]int64, error) {
	rows, err := tx.Query(ctx, "SELECT nspname::text FROM pg_namespace WHERE nspname LIKE 'projector\\_g%' ORDER BY nspname")
	if err != nil {
		return nil, err
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, err
	}
	form := regexp.MustCompile(`^` + schemaPrefix + `([1-9][0-9]{0,17})$`)
	var all []int64
	for _, name := range names {
		if m := form.FindStringSubmatch(name); m != nil {
			n, err := strconv.ParseInt(m[1], 10, 64)
			if err != nil {
				return nil, err
			}
			all = append(all, n)
		}
	}
	return all, nil
}

// Execer is a pool or a transaction.
type Execer interface {
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
}

// Drop removes a generation that does not serve.
func Drop(ctx context.Context, db Execer, generation int64) error {
	if _, err := db.Exec(ctx, "DROP SCHEMA IF EXISTS "+Schema(generation)+" CASCADE"); err != nil {
		return fmt.Errorf("drop generation %d: %w", generation, err)
	}
	return nil
}

// Version is the newest version of the service's schema.
func Version() int { return postgres.Migrations(migrations) }
