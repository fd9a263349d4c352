package duplicates

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
)

// dissolve looks at the large islands that workouts have left. An island that fell
// apart, or may have, is taken apart: what is still too large is noted, and of the
// rest those pieces are returned that must be linked.
func (t *Touching) dissolve(ctx context.Context, tx pgx.Tx) (pieces []span, err error) {
	if len(t.before) == 0 {
		return nil, nil
	}
	left, err := t.moved(ctx, tx)
	if err != nil {
		return nil, err
	}
	for _, island := range slices.SortedFunc(maps.Keys(left), bySince) {
		whole, err := t.isWhole(ctx, tx, island, left[island])
		if err != nil {
			return nil, err
		}
		if whole {
			continue
		}
		small, err := t.takeApart(ctx, tx, island)
		if err != nil {
			return nil, err
		}
		pieces = append(pieces, small...)
	}
	return pieces, nil
}

func bySince(a, b span) int { return a.since.Compare(b.since) }

// moved are the places in large islands where a workout of the batch was and is no
// longer, or not as long.
func (t *Touching) moved(ctx context.Context, tx pgx.Tx) (map[span][]span, error) {
	rows, err := tx.Query(ctx, "SELECT id, user_id, start_time, "+sqlUntil+" FROM workouts WHERE id = ANY($1) AND end_time IS NOT NULL", t.changed)
	if err != nil {
		return nil, err
	}
	now := map[uuid.UUID]span{}
	var s span
	var id, user pgtype.UUID
	_, err = pgx.ForEachRow(rows, []any{&id, &user, &s.since, &s.until}, func() error {
		s.user = user.Bytes
		now[id.Bytes] = s
		return nil
	})
	if err != nil {
		return nil, err
	}
	left := map[span][]span{}
	for _, f := range t.before {
		if now[f.id] != f.span {
			left[f.island] = append(left[f.island], f.span)
		}
	}
	return left, nil
}

func (t *Touching) takeApart(ctx context.Context, tx pgx.Tx, island span) (small []span, err error) {
	rows, err := tx.Query(ctx, fmt.Sprintf(selectPieces, sqlUntil), key(island.user), island.since, island.until)
	if err != nil {
		return nil, err
	}
	t.large = slices.DeleteFunc(t.large, func(s span) bool { return s == island })
	var large []span
	var s span
	var user pgtype.UUID
	var size int64
	_, err = pgx.ForEachRow(rows, []any{&user, &s.since, &s.until, &size}, func() error {
		s.user = user.Bytes
		if size > int64(t.most) {
			large = append(large, s)
		} else {
			small = append(small, s)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if err := forget(ctx, tx, []span{island}); err != nil {
		return nil, err
	}
	for _, s := range large {
		if err := remember(ctx, tx, s); err != nil {
			return nil, err
		}
	}
	t.large = append(t.large, large...)
	return small, nil
}
