package fold

import (
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/stridelog/stridelog/services/projector/internal/row"
)

// insertUnknown also names the kind and format of what a program kept that did not
// know the type.
const insertUnknown = `
INSERT INTO unknown_facts (sequence, user_id, type, format)
SELECT * FROM unnest($1::bigint[], $2::uuid[], $3::text[], $4::text[])
ON CONFLICT (sequence) DO UPDATE SET format = excluded.format WHERE unknown_facts.format = ''`

// forgetProblems lets versions be written again that a program without the format of
// their records has written.
const forgetProblems = `
DELETE FROM workout_versions v USING unnest($1::uuid[], $2::bigint[]) AS late (workout_id, sequence)
WHERE v.workout_id = late.workout_id AND v.sequence = late.sequence AND v.problem IS NOT NULL`

func queueUnknown(b *pgx.Batch, facts []*row.Unknown) {
	if len(facts) == 0 {
		return
	}
	var (
		sequences      []int64
		users          []pgtype.UUID
		types, formats []string
	)
	for _, u := range facts {
		sequences, users = append(sequences, int64(u.Sequence)), append(users, id(u.UserID))
		types, formats = append(types, u.Type), append(formats, u.Format)
	}
	b.Queue(insertUnknown, sequences, users, types, formats)
}

func queueForgetProblems(b *pgx.Batch, versions []*row.Version) {
	sequences := make([]int64, 0, len(versions))
	for _, v := range versions {
		sequences = append(sequences, int64(v.Sequence))
	}
	b.Queue(forgetProblems, workoutIDs(versions), sequences)
}

// UnknownColumns are those of UnknownValues, in its order.
func UnknownColumns() []string { return []string{"sequence", "user_id", "type", "format"} }

// UnknownValues are one row of unknown_facts, for COPY.
func UnknownValues(u *row.Unknown) []any {
	return []any{int64(u.Sequence), id(u.UserID), u.Type, u.Format}
}
