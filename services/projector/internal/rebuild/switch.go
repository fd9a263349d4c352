package rebuild

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/platform/postgres/positions"
	"github.com/stridelog/stridelog/services/projector/internal/fold"
	"github.com/stridelog/stridelog/services/projector/internal/generation"
	"github.com/stridelog/stridelog/services/projector/internal/row"
	"github.com/stridelog/stridelog/services/projector/internal/synchistory"
)

const (
	// catchUpRounds bounds the reading before the switch; what comes faster than
	// that is read while live batches wait.
	catchUpRounds = 10
	smallEnough   = chunk
)

// foldBacklog folds what came meanwhile beside the live batches, until only little is left.
func (r *Rebuild) foldBacklog(ctx context.Context, last uint64) (uint64, error) {
	for range catchUpRounds {
		state, err := r.Bus.State(ctx, events.StreamFacts)
		if err != nil {
			return last, err
		}
		if state.LastSequence <= last+smallEnough {
			break
		}
		err = pgx.BeginFunc(ctx, r.Tables.DB(), func(tx pgx.Tx) error {
			last, err = r.catchUp(ctx, tx, last, state.LastSequence)
			return err
		})
		if err != nil {
			return last, err
		}
	}
	return last, nil
}

// switchOver folds the rest while live batches wait, and moves the pointer.
func (r *Rebuild) switchOver(ctx context.Context, epoch string, last uint64) error {
	var waited time.Time
	err := pgx.BeginFunc(ctx, r.Tables.DB(), func(tx pgx.Tx) error {
		if err := generation.Exclusive(ctx, tx); err != nil {
			return err
		}
		waited = time.Now()
		var err error
		if last, err = r.complete(ctx, tx, epoch, last); err != nil {
			return err
		}
		if err := r.count(ctx, tx); err != nil {
			return err
		}
		old, err := generation.Read(ctx, tx)
		if err != nil {
			return err
		}
		if err := generation.Keep(ctx, tx, old); err != nil {
			return err
		}
		if err := resume(ctx, tx, epoch, last); err != nil {
			return err
		}
		return generation.Point(ctx, tx, generation.Pointer{Generation: r.shadow, Layout: r.Tables.Layout, Epoch: epoch, HighWater: last})
	})
	if err != nil {
		return err
	}
	r.report.Blocked, r.report.LastSequence = time.Since(waited), last
	r.reportProgress(PhaseSwitched, last, last)
	return nil
}

// complete folds the log to its end into the shadow, while live batches wait.
func (r *Rebuild) complete(ctx context.Context, tx pgx.Tx, epoch string, last uint64) (uint64, error) {
	state, err := r.Bus.State(ctx, events.StreamFacts)
	if err != nil {
		return last, err
	}
	if state.Epoch != epoch || state.LastSequence < last {
		return last, fmt.Errorf("the log was replaced while it was read; rebuild again")
	}
	if last, err = r.catchUp(ctx, tx, last, state.LastSequence); err != nil {
		return last, err
	}
	return last, generation.DeleteErased(ctx, tx, r.shadow, len(r.erased))
}

// resume makes durables that the server does not have, as after a restore, go on
// behind what is folded now. Syncs are folded again from their start: no rebuild reads
// them.
func resume(ctx context.Context, tx pgx.Tx, epoch string, last uint64) error {
	kept := positions.New(tx, "projector")
	if err := kept.Forget(ctx, events.StreamSyncs, synchistory.Durable); err != nil {
		return err
	}
	return kept.Set(ctx, events.StreamFacts, fold.Durable, epoch, last)
}

// catchUp folds the log from after a sequence to its end into the shadow, like the
// live fold does.
func (r *Rebuild) catchUp(ctx context.Context, tx pgx.Tx, after, target uint64) (last uint64, err error) {
	if err := generation.UsePath(ctx, tx, r.shadow); err != nil {
		return after, err
	}
	last = after
	if target <= after {
		return last, nil
	}
	err = r.read(ctx, after+1, target, func(rows row.Rows) error {
		return fold.Write(ctx, tx, rows)
	}, &last)
	return last, err
}

func (r *Rebuild) count(ctx context.Context, tx pgx.Tx) error {
	return tx.QueryRow(ctx, `SELECT (SELECT count(*) FROM workout_versions),
		(SELECT count(*) FROM workouts), (SELECT count(*) FROM workout_versions WHERE problem IS NOT NULL)`).
		Scan(&r.report.Versions, &r.report.Workouts, &r.report.Failures)
}
