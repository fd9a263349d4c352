package rebuild

import (
	"context"
	_ "embed"
	"fmt"
	"log/slog"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/services/projector/internal/duplicates"
	"github.com/stridelog/stridelog/services/projector/internal/fold"
	"github.com/stridelog/stridelog/services/projector/internal/generation"
	"github.com/stridelog/stridelog/services/projector/internal/row"
)

//go:embed differences.sql
var selectDifferences string

// differencesAtOnce is how many workouts are announced under one lock, and may be
// announced twice after a crash.
const differencesAtOnce = 500

// Announcer tells the world what a rebuild changed, and then drops the generation
// before. It may die anywhere: the next one goes on behind the last workouts that
// it finished, and repeats events with the same ids. See decision 0012.
type Announcer struct {
	Log    *slog.Logger
	Bus    *bus.Bus
	Tables *generation.Tables
	// AfterPublish runs between the publication of some workouts and the note that
	// they are done. It is where tests let a process die; nil does nothing.
	AfterPublish func() error
}

// Differences says what became of the workouts that a rebuild shows otherwise.
type Differences struct {
	Announced int64
	// Withheld workouts differ, and no event could say so: a consumer that keeps the
	// highest (version, normalizer_version) has a higher one, or the workout is gone.
	Withheld int64
	// Relinked workouts repeat another workout than before, or none any more. That is
	// announced.
	Relinked int64
}

// difference is a workout that is shown otherwise than before.
type difference struct {
	version  *row.Version
	reads    bool // otherwise
	newer    bool // a consumer that keeps the highest takes it
	relinked bool
}

// finish announces what is left to announce. The caller holds the rebuilds' lock.
func (a *Announcer) finish(ctx context.Context) (d Differences, err error) {
	for {
		before, ok, err := generation.Kept(ctx, a.Tables.DB())
		if err != nil || !ok {
			return d, err
		}
		list, serving, err := a.next(ctx, before)
		if err != nil {
			return d, fmt.Errorf("compare the generations: %w", err)
		}
		if len(list) == 0 {
			gone, err := a.forget(ctx, before, serving)
			d.Withheld += gone
			a.warn(ctx, d)
			return d, err
		}
		if err := a.announce(ctx, list, &d); err != nil {
			return d, fmt.Errorf("announce what differs: %w", err)
		}
	}
}

func (a *Announcer) warn(ctx context.Context, d Differences) {
	if d.Withheld > 0 {
		a.Log.WarnContext(ctx, "workouts read otherwise than before, and no event can say so: whoever consumes events reads them from the API; a normalizer that reads otherwise needs a higher version",
			"workouts", d.Withheld)
	}
}

// next are the next workouts that differ.
func (a *Announcer) next(ctx context.Context, before generation.Previous) (list []difference, serving int64, err error) {
	err = pgx.BeginFunc(ctx, a.Tables.DB(), func(tx pgx.Tx) error {
		p, err := generation.Read(ctx, tx)
		if err != nil {
			return err
		}
		serving = p.Generation
		sql := fmt.Sprintf(selectDifferences, generation.Schema(serving), generation.Schema(before.Generation))
		rows, err := tx.Query(ctx, sql, pgtype.UUID{Bytes: before.DoneTo, Valid: true}, int64(before.HighWater), differencesAtOnce)
		if err != nil {
			return err
		}
		list, err = pgx.CollectRows(rows, scanDifference)
		return err
	})
	return list, serving, err
}

func scanDifference(from pgx.CollectableRow) (d difference, err error) {
	var v row.Version
	var id, user pgtype.UUID
	var sequence int64
	err = from.Scan(&id, &user, &sequence, &v.Provider, &v.ExternalID, &v.NormalizerVersion, &v.At, &v.Doc, &v.Details, &v.Event, &v.FactID, &d.reads, &d.newer, &d.relinked)
	if err != nil {
		return difference{}, err
	}
	v.WorkoutID, v.UserID, v.Sequence = id.Bytes, user.Bytes, uint64(sequence)
	v.EventID = events.WorkoutRevisionID(v.Kind(), v.WorkoutID.String(), v.FactID, int(v.NormalizerVersion))
	d.version = &v
	return d, nil
}

// announce publishes what still is its workout's version, when it is its turn: as in
// the live fold, the last event about a workout is that of its winner.
func (a *Announcer) announce(ctx context.Context, list []difference, d *Differences) error {
	var users []string
	var candidates []*row.Version
	var relinked []pgtype.UUID
	var withheld, announced int
	for _, x := range list {
		users = append(users, x.version.UserID.String())
		if x.relinked {
			relinked = append(relinked, pgtype.UUID{Bytes: x.version.WorkoutID, Valid: true})
		}
		switch {
		case x.reads && x.newer:
			candidates = append(candidates, x.version)
		case x.reads:
			withheld++
		}
	}
	err := a.Tables.Write(ctx, users, func(tx pgx.Tx, _ generation.Scope) error {
		if err := duplicates.Announce(ctx, tx, relinked); err != nil {
			return err
		}
		pending, err := fold.Shown(ctx, tx, candidates, users)
		if err != nil {
			return err
		}
		if err := pending.Publish(ctx, tx, a.Bus); err != nil {
			return err
		}
		announced = len(pending.Workouts)
		if a.AfterPublish != nil {
			if err := a.AfterPublish(); err != nil {
				return err
			}
		}
		return generation.Done(ctx, tx, list[len(list)-1].version.WorkoutID)
	})
	if err != nil {
		return err
	}
	d.Announced += int64(announced)
	d.Withheld += int64(withheld)
	d.Relinked += int64(len(relinked))
	return nil
}

// forget drops the generation before, and counts the workouts that only it had.
func (a *Announcer) forget(ctx context.Context, before generation.Previous, serving int64) (gone int64, err error) {
	err = pgx.BeginFunc(ctx, a.Tables.DB(), func(tx pgx.Tx) error {
		err := tx.QueryRow(ctx, fmt.Sprintf("SELECT count(*) FROM %[2]s.workouts o WHERE NOT EXISTS (SELECT FROM %[1]s.workouts n WHERE n.id = o.id)",
			generation.Schema(serving), generation.Schema(before.Generation))).Scan(&gone)
		if err != nil {
			return err
		}
		return generation.Forget(ctx, tx, before)
	})
	if err != nil {
		return 0, fmt.Errorf("drop the generation before: %w", err)
	}
	return gone, nil
}
