package verify

import (
	"context"
	"errors"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/services/projector/internal/row"
)

// selectUnknown is each fact that this program cannot fold, beside its row. A record
// of an unknown format that a later program has made a workout of needs none; a person
// who was erased has none. A program that did not know the type kept no format.
const selectUnknown = `
SELECT f.sequence, f.user_id::text, u.sequence IS NOT NULL, coalesce((u.user_id, u.type) = (f.user_id, f.type) AND u.format IN (f.format, ''), false)
FROM unnest($1::bigint[], $2::uuid[], $3::text[], $4::text[]) AS f (sequence, user_id, type, format)
LEFT JOIN unknown_facts u ON u.sequence = f.sequence
WHERE NOT EXISTS (SELECT FROM projector.erased_users e WHERE e.user_hash = sha256(convert_to(f.user_id::text, 'UTF8')))
  AND NOT EXISTS (SELECT FROM workout_versions v WHERE v.user_id = f.user_id AND v.sequence = f.sequence AND v.problem IS NULL)
ORDER BY f.sequence`

// checkUnknown compares facts that this program cannot fold with what is kept of them.
func (v *Verification) checkUnknown(ctx context.Context, facts []*row.Unknown) error {
	if len(facts) == 0 {
		return nil
	}
	var (
		sequences      []int64
		users          []uuid.UUID
		types, formats []string
	)
	for _, u := range facts {
		sequences, users = append(sequences, int64(u.Sequence)), append(users, u.UserID)
		types, formats = append(types, u.Type), append(formats, u.Format)
	}
	return v.look(ctx, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, selectUnknown, sequences, users, types, formats)
		if err != nil {
			return err
		}
		var d Difference
		var sequence int64
		var kept, same bool
		_, err = pgx.ForEachRow(rows, []any{&sequence, &d.UserID, &kept, &same}, func() error {
			d.Sequence, d.What = uint64(sequence), ""
			switch {
			case !kept:
				d.What = "the fact of an unknown type or format is not kept"
			case !same:
				d.What = "what is kept of a fact is not that fact"
			}
			if d.What != "" {
				v.Report(d)
			}
			return nil
		})
		return err
	})
}

// finishUnknown looks for kept facts that are not in the log.
func (v *Verification) finishUnknown(ctx context.Context, tx pgx.Tx) error {
	var kept []Difference
	err := each(ctx, tx, "SELECT sequence, user_id::text, '' FROM unknown_facts WHERE sequence <= $1", int64(v.target), func(d Difference) {
		kept = append(kept, d)
	})
	if err != nil {
		return err
	}
	for _, d := range kept {
		_, err := v.Bus.Get(ctx, events.StreamFacts, d.Sequence)
		if errors.Is(err, bus.ErrNoMessage) {
			d.What = "a fact is kept that the log does not have"
			v.Report(d)
		} else if err != nil {
			return err
		}
	}
	return nil
}
