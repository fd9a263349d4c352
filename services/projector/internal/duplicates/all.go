package duplicates

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
)

// atOnce is how many workouts of a whole generation are in memory, beside those of
// one island.
const atOnce = 10_000

// All works out the links of a whole generation, that of the transaction's search
// path. Nobody else may write it meanwhile.
func All(ctx context.Context, tx pgx.Tx) (Report, error) { return standard().all(ctx, tx) }

func (l limits) all(ctx context.Context, tx pgx.Tx) (r Report, err error) {
	if _, err := tx.Exec(ctx, "DELETE FROM unlinked_islands"); err != nil {
		return r, fmt.Errorf("forget the islands that are too large: %w", err)
	}
	err = l.sweep(ctx, tx, func(islands []island) error {
		var links []link
		for n := range islands {
			links = append(links, islands[n].changes()...)
			if islands[n].tooLarge() {
				r.TooLarge++
				if err := remember(ctx, tx, islands[n].span); err != nil {
					return err
				}
			}
		}
		return store(ctx, tx, links, false)
	})
	return r, err
}

// Fault is what Wrong found.
type Fault struct {
	// Workouts are stored with another link than they should have.
	Workouts []pgtype.UUID
	// Islands are the users of islands that are noted as too large and are not, or
	// the other way round.
	Islands []uuid.UUID
}

// Wrong hands on, some at a time, what of the links is not as it should be in the
// generation of the transaction's search path, as of one moment.
func Wrong(ctx context.Context, tx pgx.Tx, take func(Fault) error) error {
	return standard().wrong(ctx, tx, take)
}

func (l limits) wrong(ctx context.Context, tx pgx.Tx, take func(Fault) error) error {
	var removed []pgtype.UUID
	noted := map[span]struct{}{}
	var b pgx.Batch
	b.Queue("SELECT id FROM workouts WHERE duplicate_of IS NOT NULL AND end_time IS NULL").Query(func(rows pgx.Rows) (err error) { // is removed
		removed, err = pgx.CollectRows(rows, pgx.RowTo[pgtype.UUID])
		return err
	})
	b.Queue("SELECT user_id, since, until FROM unlinked_islands").Query(func(rows pgx.Rows) error {
		list, err := pgx.CollectRows(rows, scanSpan)
		for _, s := range list {
			noted[s] = struct{}{}
		}
		return err
	})
	if err := tx.SendBatch(ctx, &b).Close(); err != nil {
		return fmt.Errorf("look for links of what is removed: %w", err)
	}
	if err := take(Fault{Workouts: removed}); err != nil {
		return err
	}
	err := l.sweep(ctx, tx, func(islands []island) error {
		var f Fault
		for n := range islands {
			i := &islands[n]
			for _, wrong := range i.changes() {
				f.Workouts = append(f.Workouts, key(wrong.id))
			}
			if _, is := noted[i.span]; is != i.tooLarge() {
				f.Islands = append(f.Islands, i.user)
			}
			delete(noted, i.span)
		}
		return take(f)
	})
	if err != nil {
		return err
	}
	var f Fault
	for s := range noted {
		f.Islands = append(f.Islands, s.user)
	}
	return take(f)
}

// sweep hands on all islands, some at a time.
func (l limits) sweep(ctx context.Context, tx pgx.Tx, take func([]island) error) error {
	// The order of the index by user and start, from its end.
	_, err := tx.Exec(ctx, "DECLARE linking NO SCROLL CURSOR FOR SELECT "+columns+" FROM workouts WHERE end_time IS NOT NULL ORDER BY user_id DESC, start_time, id")
	if err != nil {
		return fmt.Errorf("read all workouts for their duplicates: %w", err)
	}
	open := island{most: l.most}
	for {
		var closed []island
		read, err := fetch(ctx, tx, func(w Workout) {
			if open.size > 0 && !open.holds(&w) {
				closed, open = append(closed, open), island{most: l.most}
			}
			open.add(w)
		})
		if err != nil {
			return fmt.Errorf("read all workouts for their duplicates: %w", err)
		}
		if read < atOnce && open.size > 0 {
			closed = append(closed, open)
		}
		if err := take(closed); err != nil {
			return err
		}
		if read < atOnce {
			_, err := tx.Exec(ctx, "CLOSE linking")
			return err
		}
	}
}

func fetch(ctx context.Context, tx pgx.Tx, take func(Workout)) (read int, err error) {
	rows, err := tx.Query(ctx, fmt.Sprintf("FETCH FORWARD %d FROM linking", atOnce))
	if err != nil {
		return 0, err
	}
	var s scanned
	_, err = pgx.ForEachRow(rows, s.into(), func() error {
		take(s.workout())
		read++
		return nil
	})
	return read, err
}
