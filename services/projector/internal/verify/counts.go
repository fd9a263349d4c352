package verify

import (
	"context"
	_ "embed"

	"github.com/jackc/pgx/v5"
)

//go:embed counts.sql
var selectMiscounted string

// checkCounts compares the kept counts with the workouts, person by person.
func (v *Verification) checkCounts(ctx context.Context, tx pgx.Tx) error {
	rows, err := tx.Query(ctx, selectMiscounted)
	if err != nil {
		return err
	}
	var user string
	_, err = pgx.ForEachRow(rows, []any{&user}, func() error {
		v.Report(Difference{UserID: user, What: "the kept counts are not the numbers of the person's workouts"})
		return nil
	})
	return err
}
