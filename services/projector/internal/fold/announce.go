package fold

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/services/projector/internal/generation"
	"github.com/stridelog/stridelog/services/projector/internal/row"
)

// announce publishes an event for each fact of a batch that is its workout's
// version, and gives up what could be no row.
//
// It happens under the locks of the users: nobody can change a workout between
// the look and the acknowledgement, so the last event about a workout in the
// stream is always that of its winning version. And it happens under the shared
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
	return f.Tables.Write(ctx, users(rows), owners(candidates), func(tx pgx.Tx, s generation.Scope) error {
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

// Shown are the announcements of the versions that win at this moment, in the
// order of the facts. The transaction's search path is the generation.
func Shown(ctx context.Context, tx pgx.Tx, candidates []*row.Version) ([]events.Event, error) {
	ids := make([]pgtype.UUID, 0, len(candidates))
	sequences := make([]int64, 0, len(candidates))
	for _, v := range candidates {
		ids = append(ids, id(v.WorkoutID))
		sequences = append(sequences, int64(v.Sequence))
	}
	rows, err := tx.Query(ctx, `SELECT w.id, w.version
		FROM unnest($1::uuid[], $2::bigint[]) AS c (id, version) JOIN workouts w USING (id, version)`, ids, sequences)
	if err != nil {
		return nil, fmt.Errorf("look which facts win: %w", err)
	}
	type key struct {
		id       uuid.UUID
		sequence uint64
	}
	wins := make(map[key]struct{}, len(candidates))
	var workout pgtype.UUID
	var sequence int64
	_, err = pgx.ForEachRow(rows, []any{&workout, &sequence}, func() error {
		wins[key{workout.Bytes, uint64(sequence)}] = struct{}{}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("look which facts win: %w", err)
	}
	list := make([]events.Event, 0, len(wins))
	for _, v := range candidates {
		if _, ok := wins[key{v.WorkoutID, v.Sequence}]; !ok {
			continue
		}
		if e, ok := v.Announcement(source); ok {
			list = append(list, e)
		}
	}
	return list, nil
}
