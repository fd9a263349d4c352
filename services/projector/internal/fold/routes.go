package fold

import (
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/stridelog/stridelog/services/projector/internal/row"
)

// A route that is there already is the same fact, delivered again. Which of a
// workout's routes counts is for the reader to say, so their order cannot matter.
const insertRoutes = `
INSERT INTO workout_routes (workout_id, sequence, activity_sequence, user_id, format, at)
SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::uuid[], $5::text[], $6::timestamptz[])
ON CONFLICT DO NOTHING`

func queueRoutes(b *pgx.Batch, routes []*row.Route) {
	if len(routes) == 0 {
		return
	}
	var (
		workouts, users       []pgtype.UUID
		sequences, activities []int64
		formats               []string
		at                    []time.Time
	)
	for _, r := range routes {
		workouts, users = append(workouts, id(r.WorkoutID)), append(users, id(r.UserID))
		sequences, activities = append(sequences, int64(r.Sequence)), append(activities, int64(r.ActivitySequence))
		formats, at = append(formats, r.Format), append(at, r.At)
	}
	b.Queue(insertRoutes, workouts, sequences, activities, users, formats, at)
}

// RouteColumns are those of RouteValues, in its order.
func RouteColumns() []string {
	return []string{"workout_id", "sequence", "activity_sequence", "user_id", "format", "at"}
}

// RouteValues are one row of workout_routes, for COPY.
func RouteValues(r *row.Route) []any {
	return []any{id(r.WorkoutID), int64(r.Sequence), int64(r.ActivitySequence), id(r.UserID), r.Format, r.At}
}
