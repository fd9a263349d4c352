package rebuild

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/services/projector/internal/fold"
	"github.com/stridelog/stridelog/services/projector/internal/generation"
)

//go:embed changes.sql
var selectChanges string

//go:embed versions.sql
var countVersions string

// Changes says what a rebuild would change.
type Changes struct {
	Facts        uint64        `json:"facts"` // events of the log that were read
	LastSequence uint64        `json:"last_sequence"`
	Elapsed      time.Duration `json:"elapsed_nanoseconds"`

	Workouts int64 `json:"workouts"` // that were compared, removed ones included
	Pending  int64 `json:"pending"`  // not compared: a fact of theirs is not folded yet
	// Changed workouts are shown before and after; Fields says what of them.
	Changed int64   `json:"changed"`
	Fields  []Field `json:"fields"` // the most frequent first
	// New workouts are shown after it alone, Gone ones before it alone.
	New  Listed `json:"new"`
	Gone Listed `json:"gone"`

	// Versions of the histories, up to the same sequence.
	Versions VersionChanges `json:"versions"`
	Tables   []TableChange  `json:"tables"` // of the other tables, those that differ

	// What would become of the workouts on the stream of changes, see Differences.
	Announced int64 `json:"announced"`
	Withheld  int64 `json:"withheld"`
	Relinked  int64 `json:"relinked"`
}

// None says that a rebuild would change nothing.
func (c Changes) None() bool {
	return c.Changed+c.New.Count+c.Gone.Count == 0 && c.Versions == (VersionChanges{}) && len(c.Tables) == 0
}

// Listed are workouts by number, and some of their ids.
type Listed struct {
	Count int64    `json:"count"`
	IDs   []string `json:"ids"`
}

func (l *Listed) add(id string, most int) {
	l.Count++
	if len(l.IDs) < most {
		l.IDs = append(l.IDs, id)
	}
}

// VersionChanges counts versions, shown or not.
type VersionChanges struct {
	Otherwise     int64 `json:"read_otherwise"`
	Understood    int64 `json:"understood"`     // records that gave no workout and give one then
	NotUnderstood int64 `json:"not_understood"` // the reverse
	Added         int64 `json:"added"`
	Removed       int64 `json:"removed"`
}

// TableChange counts rows that one generation alone has.
type TableChange struct {
	Name    string `json:"name"`
	Added   int64  `json:"added"`
	Removed int64  `json:"removed"`
}

// Dry makes the tables again beside those that serve, says what differs, and drops what
// it made. Tables that serve, positions and streams stay as they are. Of each change at
// most so many samples are named. Writing waits for as long as at the switch of a rebuild.
func (r *Rebuild) Dry(ctx context.Context, samples int, progress func(Progress)) (Changes, error) {
	r.began, r.progress = time.Now(), progress
	release, err := lock(ctx, r.Tables.DB())
	if err != nil {
		return Changes{}, fmt.Errorf("dry run: %w", err)
	}
	defer release()
	c, err := r.dry(ctx, samples)
	if err != nil {
		return Changes{}, fmt.Errorf("dry run: %w", err)
	}
	c.Facts, c.Elapsed = r.report.Facts, time.Since(r.began)
	r.reportProgress(PhaseCompared, c.LastSequence, c.LastSequence)
	return c, nil
}

func (r *Rebuild) dry(ctx context.Context, samples int) (c Changes, err error) {
	// Nothing is migrated: that is for the services of this program.
	if err := r.mayReplace(ctx); err != nil {
		return c, err
	}
	if err := r.begin(ctx); err != nil {
		return c, err
	}
	defer func() {
		// Whoever rebuilds or starts next drops what is left.
		err = errors.Join(err, generation.Drop(context.WithoutCancel(ctx), r.Tables.DB(), r.shadow))
	}()
	epoch, last, err := r.make(ctx)
	if err != nil {
		return c, err
	}
	look, err := r.Tables.DB().BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly})
	if err != nil {
		return c, err
	}
	defer func() { _ = look.Rollback(context.WithoutCancel(ctx)) }() // it has only read; and the drop waits for it
	m, err := r.still(ctx, look, epoch, last)
	if err != nil {
		return c, err
	}
	c.LastSequence = m.end
	k := comparison{tx: look, made: generation.Schema(r.shadow), serving: generation.Schema(m.serving.Generation), folded: int64(m.folded()), samples: samples, c: &c}
	if err := k.run(ctx); err != nil {
		return c, fmt.Errorf("compare the generations: %w", err)
	}
	return c, nil
}

// still folds the rest of the log while live batches wait, and lets look see both
// generations as of that moment.
func (r *Rebuild) still(ctx context.Context, look pgx.Tx, epoch string, last uint64) (m snapshot, err error) {
	m.epoch = epoch
	err = pgx.BeginFunc(ctx, r.Tables.DB(), func(alone pgx.Tx) error {
		if err := generation.Exclusive(ctx, alone); err != nil {
			return err
		}
		// Committed before look begins, and under the lock still.
		err := pgx.BeginFunc(ctx, r.Tables.DB(), func(tx pgx.Tx) error {
			m.end, err = r.complete(ctx, tx, epoch, last)
			return err
		})
		if err != nil {
			return err
		}
		position, known, err := r.Bus.Position(ctx, events.StreamFacts, fold.Durable)
		if err != nil {
			return err
		}
		m.acknowledged = position.Acknowledged
		m.serving, err = generation.Read(ctx, look) // its first statement, so the snapshot is of now
		if !known {
			m.acknowledged = m.serving.HighWater
		}
		return err
	})
	return m, err
}

// snapshot is how the serving generation stood to the log when it was looked at.
type snapshot struct {
	serving      generation.Pointer
	epoch        string // of the log
	end          uint64 // of the log
	acknowledged uint64 // up to here every fact is folded, if the high water says so
}

// folded is the sequence up to which every fact is in the serving generation. Batches are
// folded side by side, so below the high water one may still be on its way.
func (m snapshot) folded() uint64 {
	if m.serving.Epoch != m.epoch { // no sequence of one log is that of the other
		return m.end
	}
	return min(m.acknowledged, m.serving.HighWater)
}
