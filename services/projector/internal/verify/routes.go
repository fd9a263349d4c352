package verify

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/stridelog/stridelog/services/projector/internal/row"
)

// selectRoutes is each route's fact beside its row. A person who was erased has none.
const selectRoutes = `
SELECT f.sequence, f.id::text, f.user_id::text, r.sequence IS NOT NULL,
       coalesce((r.user_id, r.activity_sequence, r.format) = (f.user_id, f.activity, f.format), false)
FROM unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::bigint[], $5::text[]) AS f (id, user_id, sequence, activity, format)
LEFT JOIN workout_routes r ON r.workout_id = f.id AND r.sequence = f.sequence
WHERE NOT EXISTS (SELECT FROM projector.erased_users e WHERE e.user_hash = sha256(convert_to(f.user_id::text, 'UTF8')))
ORDER BY f.sequence`

// checkRoutes compares facts of routes with their rows.
func (v *Verification) checkRoutes(ctx context.Context, facts []*row.Route) error {
	if len(facts) == 0 {
		return nil
	}
	var (
		ids, users            []uuid.UUID
		sequences, activities []int64
		formats               []string
	)
	for _, r := range facts {
		ids, users = append(ids, r.WorkoutID), append(users, r.UserID)
		sequences, activities = append(sequences, int64(r.Sequence)), append(activities, int64(r.ActivitySequence))
		formats = append(formats, r.Format)
	}
	return v.look(ctx, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, selectRoutes, ids, users, sequences, activities, formats)
		if err != nil {
			return err
		}
		var d Difference
		var sequence int64
		var stored, same bool
		_, err = pgx.ForEachRow(rows, []any{&sequence, &d.ID, &d.UserID, &stored, &same}, func() error {
			d.Sequence, d.What = uint64(sequence), ""
			switch {
			case !stored:
				d.What = "the route is missing"
			case !same:
				d.What = "the route is not that of its fact"
			}
			if stored {
				v.routes.Add(d.Sequence)
			}
			if d.What != "" {
				v.Report(d)
			}
			return nil
		})
		return err
	})
}

// selectRouted are the workouts that are wrong about having a route.
const selectRouted = `
SELECT w.version, w.user_id::text, w.id::text FROM workouts w
WHERE w.version <= $1 AND w.routed <> EXISTS (
    SELECT FROM workout_routes r WHERE r.workout_id = w.id AND r.sequence >
        coalesce((SELECT max(v.sequence) FROM workout_versions v WHERE v.workout_id = w.id AND v.removed), 0))`

// finishRoutes looks for routes that no fact stands behind, and for workouts that are
// wrong about theirs.
func (v *Verification) finishRoutes(ctx context.Context, tx pgx.Tx) error {
	err := each(ctx, tx, selectRouted, int64(v.target), func(d Difference) {
		d.What = "whether the workout has a route does not follow from its routes"
		v.Report(d)
	})
	if err != nil {
		return err
	}
	return each(ctx, tx, "SELECT sequence, user_id::text, workout_id::text FROM workout_routes WHERE sequence <= $1", int64(v.target), func(d Difference) {
		if !v.routes.Take(d.Sequence) {
			d.What = "the route has no fact"
			v.Report(d)
		}
	})
}
