// Package verify compares the serving generation with the log, in both directions,
// with memory for one person's workouts and a bit a fact.
//
// Every activity fact must have its version, and its workout must show it or one
// that wins against it. Every version must have its fact, and every workout must
// show one of its versions. Together that says that each workout shows the winner.
// And every link between duplicates must be the one that follows from the workouts, and
// every kept count the number of workouts that it counts.
package verify

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/platform/bitmap"
	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/services/projector/internal/duplicates"
	"github.com/stridelog/stridelog/services/projector/internal/fold"
	"github.com/stridelog/stridelog/services/projector/internal/generation"
	"github.com/stridelog/stridelog/services/projector/internal/row"
)

//go:embed facts.sql
var selectFacts string

const (
	lookEvery = 100 * time.Millisecond
	// stillFor is how long a fold may rest before what is left of the log until it
	// counts as stuck.
	stillFor = 30 * time.Second
)

// ErrBehind says that the fold does not reach the end of the log.
var ErrBehind = errors.New("the projector does not fold what the log holds; start it, then verify again")

// Difference is what the tables have otherwise than the log.
type Difference struct {
	Sequence uint64 // of the fact, or that the row names
	UserID   string
	ID       string // of the workout
	What     string
}

// Verification is one comparison: Settle, Check for all of the log in order, Finish.
type Verification struct {
	Bus    *bus.Bus
	Tables *generation.Tables
	Reader *row.Reader // of the program that verifies: what it knows is folded
	// Report takes each difference as it is found.
	Report func(Difference)
	// AtRest says that nothing folds beside it: a rebuild has folded the log.
	AtRest bool

	target   uint64
	versions bitmap.Set // sequences of the facts that have their version
	routes   bitmap.Set // sequences of the routes' facts that have their row
}

// Settle waits until the fold has reached the end of the log as of the call, and
// returns that sequence. It fails with ErrBehind when the fold rests before it, and
// with generation.ErrLogRestored when tables and log do not belong together.
func (v *Verification) Settle(ctx context.Context) (target uint64, err error) {
	if err := v.Tables.CheckPosition(ctx, fold.Durable); err != nil {
		return 0, err
	}
	if v.target, err = v.Bus.LastSequence(ctx, events.StreamFacts, ">"); err != nil {
		return 0, err
	}
	if v.AtRest {
		return v.target, v.folded(ctx)
	}
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for best, since := uint64(0), time.Now(); ; {
		position, _, err := v.Bus.Position(ctx, events.StreamFacts, fold.Durable)
		if err != nil {
			return 0, err
		}
		// An erasure can take the last fact away before the fold comes to it.
		last, err := v.Bus.LastSequence(ctx, events.StreamFacts, ">")
		if err != nil {
			return 0, err
		}
		v.target = min(v.target, last)
		if position.Acknowledged >= v.target {
			late, _, err := fold.Kept(ctx, v.Tables, v.Reader, 1)
			if err != nil {
				return 0, err
			}
			if len(late) == 0 {
				return v.target, nil
			}
		}
		if position.Acknowledged > best {
			best, since = position.Acknowledged, time.Now()
		}
		if time.Since(since) > stillFor {
			return 0, fmt.Errorf("%w (it is at %d of %d)", ErrBehind, position.Acknowledged, v.target)
		}
		select {
		case <-ctx.Done():
			return 0, fmt.Errorf("wait for the fold at %d of %d: %w", position.Acknowledged, v.target, ctx.Err())
		case <-tick.C:
		}
	}
}

// folded fails unless the tables hold the log to its end. Of a rebuilt generation the
// high water says it; the durable may be behind and is given those facts again.
func (v *Verification) folded(ctx context.Context) error {
	serving, err := v.Tables.Serving(ctx)
	if err != nil {
		return err
	}
	if serving.HighWater < v.target {
		return fmt.Errorf("%w (the tables hold %d of %d)", ErrBehind, serving.HighWater, v.target)
	}
	return nil
}

// Check compares facts up to the target with their rows. What can be no row is
// passed over: it is among the dead letters.
func (v *Verification) Check(ctx context.Context, facts []bus.Delivery) error {
	var c columns
	var routes []*row.Route
	var unknown []*row.Unknown
	for _, d := range facts {
		if u, err := v.Reader.Unknown(d); err == nil && u != nil {
			unknown = append(unknown, u)
			if u.Format == "" {
				continue
			}
		}
		if fact, err := row.Identify(d); err == nil && fact != nil {
			c.add(fact)
		}
		if route, err := row.IdentifyRoute(d); err == nil && route != nil {
			routes = append(routes, route)
		}
	}
	if err := v.checkRoutes(ctx, routes); err != nil {
		return err
	}
	if err := v.checkUnknown(ctx, unknown); err != nil {
		return err
	}
	if len(c.ids) == 0 {
		return nil
	}
	return v.look(ctx, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, selectFacts, c.ids, c.users, c.sequences, c.ranks, c.removed, c.facts)
		if err != nil {
			return err
		}
		var f found
		_, err = pgx.ForEachRow(rows, f.fields(), func() error {
			v.judge(f)
			return nil
		})
		return err
	})
}

func (v *Verification) judge(f found) {
	d := Difference{Sequence: uint64(f.sequence), UserID: f.user, ID: f.id}
	switch {
	case !f.stored:
		d.What = "the fact has no version"
	case !f.same:
		d.What = "the version is not that of the fact"
	case !f.shows:
	case !f.shown:
		d.What = "the workout is missing"
	case f.behind:
		d.What = "the workout shows an earlier version than the winner"
	case f.differs:
		d.What = "the workout is not that of its version"
	}
	if f.stored {
		v.versions.Add(d.Sequence)
	}
	if d.What != "" {
		v.Report(d)
	}
}

// Finish looks for rows that nothing in the log stands behind, and for wrong links.
func (v *Verification) Finish(ctx context.Context) error {
	return v.look(ctx, func(tx pgx.Tx) error {
		err := each(ctx, tx, "SELECT sequence, user_id::text, workout_id::text FROM workout_versions WHERE sequence <= $1", int64(v.target), func(d Difference) {
			if !v.versions.Take(d.Sequence) {
				d.What = "the version has no fact"
				v.Report(d)
			}
		})
		if err != nil {
			return err
		}
		if err := v.finishRoutes(ctx, tx); err != nil {
			return err
		}
		if err := v.finishUnknown(ctx, tx); err != nil {
			return err
		}
		err = each(ctx, tx, `SELECT w.version, w.user_id::text, w.id::text FROM workouts w WHERE w.version <= $1 AND NOT EXISTS
			(SELECT FROM workout_versions v WHERE v.workout_id = w.id AND v.sequence = w.version AND v.problem IS NULL
				AND (v.source_rank, v.plausible, v.measured, v.measures, v.members) IS NOT DISTINCT FROM (w.source_rank, w.plausible, w.measured, w.measures, w.members))`, int64(v.target), func(d Difference) {
			d.What = "the workout shows what is none of its versions"
			v.Report(d)
		})
		if err != nil {
			return err
		}
		if err := v.checkCounts(ctx, tx); err != nil {
			return err
		}
		return duplicates.Wrong(ctx, tx, func(f duplicates.Fault) error {
			for _, user := range f.Islands {
				v.Report(Difference{UserID: user.String(), What: "what is noted of workouts that touch and are too many to be linked does not follow from the workouts"})
			}
			return each(ctx, tx, "SELECT version, user_id::text, id::text FROM workouts WHERE id = ANY($1)", f.Workouts, func(d Difference) {
				d.What = "the workout's link to what it repeats is not the one that follows from the workouts"
				v.Report(d)
			})
		})
	})
}

func each(ctx context.Context, tx pgx.Tx, sql string, of any, yield func(Difference)) error {
	rows, err := tx.Query(ctx, sql, of)
	if err != nil {
		return err
	}
	var sequence int64
	var d Difference
	_, err = pgx.ForEachRow(rows, []any{&sequence, &d.UserID, &d.ID}, func() error {
		d.Sequence = uint64(sequence)
		yield(d)
		return nil
	})
	return err
}

// look reads the generation that serves, all as of one moment.
func (v *Verification) look(ctx context.Context, fn func(pgx.Tx) error) error {
	err := pgx.BeginTxFunc(ctx, v.Tables.DB(), pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		p, err := generation.Read(ctx, tx)
		if err != nil {
			return err
		}
		if err := generation.UsePath(ctx, tx, p.Generation); err != nil {
			return err
		}
		return fn(tx)
	})
	if err != nil {
		return fmt.Errorf("compare the tables with the log: %w", err)
	}
	return nil
}
