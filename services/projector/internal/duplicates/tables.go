package duplicates

import (
	"context"
	_ "embed"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
)

//go:embed reach.sql
var selectReach string

//go:embed members.sql
var selectMembers string

//go:embed whole.sql
var selectWhole string

//go:embed pieces.sql
var selectPieces string

// columns are those that a Workout is made of, in the order of scanned.
const columns = `id, user_id, provider, origin_rank, start_time, end_time, type, category,
	source_rank, plausible, measured, measures, members, routed, duplicate_of`

// scanned is a row of the columns that a Workout is made of.
type scanned struct {
	id, user, duplicate pgtype.UUID
	w                   Workout
}

func (s *scanned) into() []any {
	return []any{
		&s.id, &s.user, &s.w.Provider, &s.w.OriginRank, &s.w.Start, &s.w.End, &s.w.Type, &s.w.Category,
		&s.w.SourceRank, &s.w.Plausible, &s.w.Measured, &s.w.Measures, &s.w.Members, &s.w.Routed, &s.duplicate,
	}
}

func (s *scanned) workout() Workout {
	s.w.ID, s.w.User, s.w.DuplicateOf = s.id.Bytes, s.user.Bytes, s.duplicate.Bytes
	return s.w
}

// spans are clusters as arrays.
func spans(clusters []cluster) (users []pgtype.UUID, since, until []time.Time) {
	for _, c := range clusters {
		users, since, until = append(users, key(c.user)), append(since, c.since), append(until, c.until)
	}
	return users, since, until
}

// reach makes each cluster all of the islands that it lies in.
func (l limits) reach(ctx context.Context, tx pgx.Tx, clusters []cluster) error {
	users, since, until := spans(clusters)
	swept := make([]*time.Time, len(clusters))
	for n, c := range clusters {
		for _, known := range c.large {
			if swept[n] == nil || known.until.After(*swept[n]) {
				swept[n] = &known.until
			}
		}
	}
	rows, err := tx.Query(ctx, fmt.Sprintf(selectReach, sqlUntil, l.farthest()), users, since, swept, until, Longest)
	if err != nil {
		return err
	}
	var n int64
	var from, to time.Time
	_, err = pgx.ForEachRow(rows, []any{&n, &from, &to}, func() error {
		clusters[n-1].since, clusters[n-1].until = from, to
		return nil
	})
	return err
}

// load reads the workouts of islands; one that is too large is not whole.
func (l limits) load(ctx context.Context, tx pgx.Tx, clusters []cluster) ([]island, error) {
	users, since, until := spans(clusters)
	rows, err := tx.Query(ctx, fmt.Sprintf(selectMembers, columns, l.most+1), users, since, until)
	if err != nil {
		return nil, err
	}
	loaded := make([]island, len(clusters))
	for i := range loaded {
		loaded[i].most = l.most
	}
	var n int64
	var s scanned
	_, err = pgx.ForEachRow(rows, append([]any{&n}, s.into()...), func() error {
		loaded[n-1].add(s.workout())
		return nil
	})
	return loaded, err
}

// linkedIn are the workouts that start in a span and are stored with a link.
func linkedIn(ctx context.Context, tx pgx.Tx, s span) ([]uuid.UUID, error) {
	rows, err := tx.Query(ctx, `SELECT id FROM workouts
		WHERE user_id = $1 AND start_time >= $2 AND start_time < $3 AND duplicate_of IS NOT NULL`, key(s.user), s.since, s.until)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (id uuid.UUID, err error) {
		var k pgtype.UUID
		err = row.Scan(&k)
		return k.Bytes, err
	})
}

// isWhole says for certain that an island is still one and too large without what was
// in it before. Where it says no, the island may be so all the same.
func (l limits) isWhole(ctx context.Context, tx pgx.Tx, island span, before []span) (whole bool, err error) {
	since, until := make([]time.Time, len(before)), make([]time.Time, len(before))
	for n, s := range before {
		since[n], until[n] = s.since, s.until
	}
	err = tx.QueryRow(ctx, fmt.Sprintf(selectWhole, sqlUntil, l.farthest(), l.most), key(island.user), island.since, island.until, since, until, Longest).Scan(&whole)
	return whole, err
}

// remember notes an island that is too large, forget that some are none any more.
func remember(ctx context.Context, tx pgx.Tx, s span) error {
	_, err := tx.Exec(ctx, "INSERT INTO unlinked_islands (user_id, since, until) VALUES ($1, $2, $3)", key(s.user), s.since, s.until)
	if err != nil {
		return fmt.Errorf("note an island that is too large: %w", err)
	}
	return nil
}

func forget(ctx context.Context, tx pgx.Tx, islands []span) error {
	for _, s := range islands {
		if _, err := tx.Exec(ctx, "DELETE FROM unlinked_islands WHERE user_id = $1 AND since = $2", key(s.user), s.since); err != nil {
			return fmt.Errorf("forget an island that was too large: %w", err)
		}
	}
	return nil
}
