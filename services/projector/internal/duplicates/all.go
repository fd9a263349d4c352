package duplicates

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
)

// atOnce is how many workouts of a whole generation are in memory, and those of
// one user.
const atOnce = 10_000

// All works out the links of a whole generation, that of the transaction's search
// path. Nobody else may write it meanwhile.
func All(ctx context.Context, tx pgx.Tx) error {
	return differing(ctx, tx, func(links []link) error { return store(ctx, tx, links) })
}

// Wrong hands on, some at a time, the ids of the workouts whose stored link is not
// what it should be, in the generation of the transaction's search path, as of one
// moment.
func Wrong(ctx context.Context, tx pgx.Tx, take func(ids []pgtype.UUID) error) error {
	rows, err := tx.Query(ctx, "SELECT id FROM workouts WHERE duplicate_of IS NOT NULL AND end_time IS NULL") // is removed
	if err != nil {
		return fmt.Errorf("look for links of what is removed: %w", err)
	}
	removed, err := pgx.CollectRows(rows, pgx.RowTo[pgtype.UUID])
	if err != nil {
		return fmt.Errorf("look for links of what is removed: %w", err)
	}
	if err := take(removed); err != nil {
		return err
	}
	return differing(ctx, tx, func(links []link) error {
		ids := make([]pgtype.UUID, len(links))
		for i, l := range links {
			ids[i] = pgtype.UUID{Bytes: l.id, Valid: true}
		}
		return take(ids)
	})
}

// differing works out all links and hands on, some at a time, those that are stored
// otherwise.
func differing(ctx context.Context, tx pgx.Tx, take func([]link) error) error {
	_, err := tx.Exec(ctx, `DECLARE linking NO SCROLL CURSOR FOR
		SELECT id, user_id, provider, origin_rank, start_time, end_time, type, category, duplicate_of
		FROM workouts WHERE end_time IS NOT NULL ORDER BY user_id`)
	if err != nil {
		return fmt.Errorf("read all workouts for their duplicates: %w", err)
	}
	var pending []Workout // of one user, perhaps not all
	for {
		workouts, err := fetch(ctx, tx)
		if err != nil {
			return fmt.Errorf("read all workouts for their duplicates: %w", err)
		}
		last := len(workouts) < atOnce
		var links []link
		pending = append(pending, workouts...)
		if links, pending = finished(pending, last); len(links) > 0 {
			if err := take(links); err != nil {
				return err
			}
		}
		if last {
			_, err := tx.Exec(ctx, "CLOSE linking")
			return err
		}
	}
}

func fetch(ctx context.Context, tx pgx.Tx) ([]Workout, error) {
	rows, err := tx.Query(ctx, fmt.Sprintf("FETCH FORWARD %d FROM linking", atOnce))
	if err != nil {
		return nil, err
	}
	list := make([]Workout, 0, atOnce)
	var s scanned
	_, err = pgx.ForEachRow(rows, s.into(), func() error {
		list = append(list, s.workout())
		return nil
	})
	return list, err
}

// finished works out the links of every user of whom all workouts are there, and
// leaves the others. Workouts come user by user.
func finished(workouts []Workout, last bool) (links []link, rest []Workout) {
	for len(workouts) > 0 {
		n := countOf(workouts, workouts[0].User)
		if n == len(workouts) && !last {
			break
		}
		for _, i := range islands(workouts[:n]) {
			links = append(links, i.changes()...)
		}
		workouts = workouts[n:]
	}
	return links, workouts
}

// countOf is how many workouts at the head are of a user.
func countOf(workouts []Workout, user uuid.UUID) int {
	for n, w := range workouts {
		if w.User != user {
			return n
		}
	}
	return len(workouts)
}
