package fold

import (
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/services/projector/internal/generation"
	"github.com/stridelog/stridelog/services/projector/internal/row"
)

// announce publishes an event for each fact of a batch that is its workout's
// version, and gives up what could be no row.
//
// One transaction at a time looks and publishes about a person: what wins against
// an announced version is announced after it, so the last event about a workout in
// the stream is always that of its winning version. And all happens under the shared
// lock: once a person is erased, nothing about them can follow.
func (f *Facts) announce(ctx context.Context, rows row.Rows) error {
	var candidates []*row.Version
	for _, v := range rows.Versions {
		if v.Problem == nil {
			candidates = append(candidates, v)
		}
	}
	if len(candidates)+len(rows.Rejected) == 0 {
		return nil
	}
	return f.Tables.Write(ctx, users(rows), func(tx pgx.Tx, s generation.Scope) error {
		if err := f.Tables.CheckLayout(s.Pointer); err != nil {
			return err
		}
		for _, r := range rows.Rejected {
			if s.Erased(r.Delivery.Message.UserID()) {
				continue
			}
			if err := f.Bus.DeadLetter(ctx, service, r.Delivery, r.Reason); err != nil {
				return err
			}
			f.Log.WarnContext(ctx, "an event is given up as a dead letter", "stream", r.Delivery.Stream, "sequence", r.Delivery.Sequence, "error", r.Reason)
		}
		if len(candidates) == 0 {
			return nil
		}
		shown, err := Shown(ctx, tx, candidates)
		if err != nil {
			return err
		}
		if err := f.Bus.PublishAll(ctx, shown); err != nil {
			return err
		}
		f.Metrics.announced.Add(float64(len(shown)))
		return nil
	})
}

// lost are those of the versions $1, $2 (workout, sequence) that are not shown, by
// their place.
const lost = `SELECT c.place FROM unnest($1::uuid[], $2::bigint[]) WITH ORDINALITY AS c (id, version, place)
WHERE NOT EXISTS (SELECT FROM workouts w WHERE w.id = c.id AND w.version = c.version)`

// Shown are the announcements of the versions that win at this moment, in the order
// of the facts. The transaction has its turn to announce until it ends; its search
// path is the generation.
func Shown(ctx context.Context, tx pgx.Tx, candidates []*row.Version) ([]events.Event, error) {
	sequences := make([]int64, 0, len(candidates))
	for _, v := range candidates {
		sequences = append(sequences, int64(v.Sequence))
	}
	var b pgx.Batch
	generation.Announcing.Queue(&b, owners(candidates))
	wins := slices.Clone(candidates)
	b.Queue(lost, workoutIDs(candidates), sequences).Query(func(rows pgx.Rows) error {
		var place int64
		_, err := pgx.ForEachRow(rows, []any{&place}, func() error {
			wins[place-1] = nil
			return nil
		})
		return err
	})
	if err := tx.SendBatch(ctx, &b).Close(); err != nil {
		return nil, fmt.Errorf("look which facts win: %w", err)
	}
	list := make([]events.Event, 0, len(wins))
	for _, v := range wins {
		if v == nil {
			continue
		}
		if e, ok := v.Announcement(source); ok {
			list = append(list, e)
		}
	}
	return list, nil
}
