// Package rebuild makes all tables that come from facts again, beside the ones
// that serve.
package rebuild

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/services/projector/internal/duplicates"
	"github.com/stridelog/stridelog/services/projector/internal/fold"
	"github.com/stridelog/stridelog/services/projector/internal/generation"
	"github.com/stridelog/stridelog/services/projector/internal/row"
)

// ErrRunning says that another rebuild holds the lock.
var ErrRunning = errors.New("another rebuild is running: wait for it, or stop it")

// errDone says that the tables have the layout already that a rebuild was to give.
var errDone = errors.New("the tables have this layout already")

// The phases of a rebuild.
const (
	PhaseReading  = "reading"  // the log, from the start, into the shadow
	PhaseIndexing = "indexing" // and folding
	PhaseCatchUp  = "catch-up" // what has come meanwhile
	PhaseSwitched = "switched"
	PhaseCompared = "compared" // a dry run ends with it
)

// Progress says how far a rebuild is.
type Progress struct {
	Phase    string
	Facts    uint64  // events of the log that were read
	Sequence uint64  // of the last one
	Target   uint64  // where the log ends
	Rate     float64 // events a second since the start
	Elapsed  time.Duration
}

// Report says what a rebuild did.
type Report struct {
	Generation   int64
	Facts        uint64 // events of the log that were read
	Versions     int64
	Workouts     int64 // removed ones included
	Failures     int64 // records that could not be normalized
	Rejected     uint64
	LastSequence uint64
	Reading      time.Duration // the log into the shadow
	Folding      time.Duration // indexes and fold
	Blocked      time.Duration // how long the switch kept live batches out
	Elapsed      time.Duration
	Differences
}

// Rebuild is one run.
type Rebuild struct {
	Log    *slog.Logger
	Bus    *bus.Bus
	Tables *generation.Tables
	Reader *row.Reader
	// AfterPublish is that of the Announcer.
	AfterPublish func() error

	// below lets the rebuild end with errDone unless the serving generation has a lower
	// layout; 0 rebuilds in any case.
	below int

	began    time.Time
	shadow   int64
	erased   map[[sha256.Size]byte]struct{} // as of the start
	report   Report
	progress func(Progress)
}

// Run rebuilds. The generation before serves until the switch; then what differs
// between the two is announced, and it is dropped. An error says whether the tables
// are as before or what is left is announcing.
func (r *Rebuild) Run(ctx context.Context, progress func(Progress)) (Report, error) {
	r.began, r.progress = time.Now(), progress
	if err := r.Tables.Prepare(ctx); err != nil {
		return Report{}, err
	}
	release, err := lock(ctx, r.Tables.DB())
	if err != nil {
		return Report{}, fmt.Errorf("rebuild: %w", err)
	}
	defer release()
	if err := r.mayReplace(ctx); err != nil {
		return Report{}, fmt.Errorf("rebuild: %w", err)
	}
	announcer := &Announcer{Log: r.Log, Bus: r.Bus, Tables: r.Tables, AfterPublish: r.AfterPublish}
	left, err := announcer.finish(ctx)
	if err != nil {
		return Report{}, fmt.Errorf("rebuild: finish the one before: %w; the tables are as before", err)
	}
	if err := r.begin(ctx); err != nil {
		return Report{}, fmt.Errorf("rebuild: %w", err)
	}
	if err := r.fill(ctx); err != nil {
		// The next rebuild drops it too; this only tidies up sooner.
		if drop := generation.Drop(context.WithoutCancel(ctx), r.Tables.DB(), r.shadow); drop != nil {
			r.Log.WarnContext(ctx, "an unfinished generation is left for the next rebuild to drop", "error", drop)
		}
		return Report{}, fmt.Errorf("rebuild: %w; the tables are as before", err)
	}
	r.report.Differences, err = announcer.finish(ctx)
	if err != nil {
		return Report{}, fmt.Errorf("rebuild: %w; the new tables serve, and a running projector or the next rebuild goes on announcing", err)
	}
	r.report.Announced += left.Announced
	r.report.Withheld += left.Withheld
	r.report.Relinked += left.Relinked
	r.report.Elapsed = time.Since(r.began)
	return r.report, nil
}

// mayReplace refuses to replace tables of a higher layout. The caller holds the lock,
// so what serves stays.
func (r *Rebuild) mayReplace(ctx context.Context) error {
	serving, err := r.Tables.Serving(ctx)
	switch {
	case err != nil:
		return err
	case serving.Layout > r.Tables.Layout:
		return r.Tables.CheckLayout(serving)
	case r.below > 0 && serving.Layout >= r.below:
		return errDone
	default:
		return nil
	}
}

// lock is held by a connection of its own, until the rebuild ends or dies.
func lock(ctx context.Context, db *pgxpool.Pool) (release func(), err error) {
	conn, err := db.Acquire(ctx)
	if err != nil {
		return nil, err
	}
	var ours bool
	err = conn.QueryRow(ctx, "SELECT pg_try_advisory_lock(hashtextextended('stridelog projector rebuild', 0))").Scan(&ours)
	if err == nil && !ours {
		err = ErrRunning
	}
	if err != nil {
		conn.Release()
		return nil, err
	}
	return func() {
		// A closed session gives its locks back; a pooled one would keep them.
		raw := conn.Hijack()
		closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		// The server ends the session some time after the close. Whoever rebuilds
		// next must not find the lock still taken.
		_, _ = raw.Exec(closing, "SELECT pg_advisory_unlock(hashtextextended('stridelog projector rebuild', 0))")
		_ = raw.Close(closing)
	}, nil
}

// begin drops what earlier rebuilds left and makes the shadow's tables.
func (r *Rebuild) begin(ctx context.Context) error {
	err := pgx.BeginFunc(ctx, r.Tables.DB(), func(tx pgx.Tx) error {
		old, err := generation.Read(ctx, tx)
		if err != nil {
			return err
		}
		r.shadow = old.Generation + 1
		if err := dropOthers(ctx, tx, old.Generation); err != nil {
			return err
		}
		return generation.Create(ctx, tx, r.shadow)
	})
	r.report.Generation = r.shadow
	return err
}

// Tidy drops what a rebuild that died left behind, but for what is still to be
// announced; it does nothing while one runs.
func Tidy(ctx context.Context, t *generation.Tables) error {
	err := pgx.BeginFunc(ctx, t.DB(), func(tx pgx.Tx) error {
		var ours bool
		if err := tx.QueryRow(ctx, "SELECT pg_try_advisory_xact_lock(hashtextextended('stridelog projector rebuild', 0))").Scan(&ours); err != nil || !ours {
			return err
		}
		serving, err := generation.Read(ctx, tx)
		if err != nil {
			return err
		}
		return dropOthers(ctx, tx, serving.Generation)
	})
	if err != nil {
		return fmt.Errorf("drop unfinished generations: %w", err)
	}
	return nil
}

func dropOthers(ctx context.Context, tx pgx.Tx, serving int64) error {
	before, kept, err := generation.Kept(ctx, tx)
	if err != nil {
		return err
	}
	all, err := generation.All(ctx, tx)
	if err != nil {
		return err
	}
	for _, g := range all {
		if g == serving || kept && g == before.Generation {
			continue
		}
		if err := generation.Drop(ctx, tx, g); err != nil {
			return err
		}
	}
	return nil
}

func (r *Rebuild) fill(ctx context.Context) error {
	epoch, last, err := r.make(ctx)
	if err != nil {
		return err
	}
	return r.switchOver(ctx, epoch, last)
}

// make fills the shadow from the log of an epoch, up to its last sequence of a moment ago.
func (r *Rebuild) make(ctx context.Context) (epoch string, last uint64, err error) {
	state, err := r.Bus.State(ctx, events.StreamFacts)
	if err != nil {
		return "", 0, err
	}
	start := time.Now()
	if last, err = r.load(ctx, state.LastSequence); err != nil {
		return "", 0, err
	}
	r.report.Reading, start = time.Since(start), time.Now()
	if err := r.index(ctx, last); err != nil {
		return "", 0, err
	}
	r.report.Folding = time.Since(start)
	last, err = r.foldBacklog(ctx, last)
	return state.Epoch, last, err
}

// index folds the shadow once it holds every version.
func (r *Rebuild) index(ctx context.Context, last uint64) error {
	r.reportProgress(PhaseIndexing, last, last)
	return pgx.BeginFunc(ctx, r.Tables.DB(), func(tx pgx.Tx) error {
		if err := generation.Index(ctx, tx, r.shadow); err != nil {
			return err
		}
		// The planner must know that the tables are no longer empty.
		if _, err := tx.Exec(ctx, "ANALYZE workout_versions"); err != nil {
			return err
		}
		if _, err := fold.All(ctx, tx); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, "ANALYZE workouts"); err != nil {
			return err
		}
		report, err := duplicates.All(ctx, tx)
		if report.TooLarge > 0 {
			r.Log.WarnContext(ctx, "workouts of one person that touch each other in time are too many to be linked: all are shown",
				"islands", report.TooLarge, "more_than", duplicates.Most)
		}
		if err != nil {
			return err
		}
		return generation.Count(ctx, tx, r.shadow)
	})
}

func (r *Rebuild) reportProgress(phase string, sequence, target uint64) {
	if r.progress == nil {
		return
	}
	elapsed := time.Since(r.began)
	r.progress(Progress{
		Phase: phase, Facts: r.report.Facts, Sequence: sequence, Target: target, Elapsed: elapsed,
		Rate: float64(r.report.Facts) / max(elapsed.Seconds(), 1e-9),
	})
}
