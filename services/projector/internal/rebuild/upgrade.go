package rebuild

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/services/projector/internal/fold"
	"github.com/stridelog/stridelog/services/projector/internal/generation"
	"github.com/stridelog/stridelog/services/projector/internal/row"
)

const (
	// upgradeFirst and upgradeMost bound the pause after a rebuild that failed.
	upgradeFirst = time.Second
	upgradeMost  = 5 * time.Minute
	// upgradeWait is how often a program looks whether another one's rebuild has ended.
	upgradeWait = time.Second
	// upgradeLook is how often a program looks which layout serves.
	upgradeLook = 5 * time.Second
	// upgradeTold is the time between two lines of the log about progress.
	upgradeTold = 10 * time.Second
)

// Upgrade rebuilds by itself, once, where the serving generation has an older layout
// than this program's.
type Upgrade struct {
	Log    *slog.Logger
	Bus    *bus.Bus
	Tables *generation.Tables
	Reader *row.Reader
	Status *LayoutStatus
}

// Run upgrades, and then waits until ctx ends. What fails is tried again; it fails
// itself only when the log was restored, which an operator must decide about.
func (u *Upgrade) Run(ctx context.Context, ready func()) error {
	ready()
	for pause := upgradeFirst; ; {
		wait, err := u.once(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, generation.ErrLogRestored):
			return err
		case err != nil:
			u.Status.failed()
			u.Log.ErrorContext(ctx, "the rebuild for this program's layout of the tables failed; the tables are read as they are, and it is tried again", "pause", pause, "error", err)
			wait, pause = pause, min(2*pause, upgradeMost)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(wait):
		}
	}
}

// once looks how the tables stand and rebuilds them if need be; it says when to look
// again.
func (u *Upgrade) once(ctx context.Context) (again time.Duration, err error) {
	serving, err := u.Tables.Serving(ctx)
	if err != nil {
		return 0, err
	}
	u.Status.serves(serving.Layout)
	if serving.Layout >= u.Tables.Layout {
		return upgradeLook, nil
	}
	// Otherwise a rebuild would take a log that was restored for the right one.
	if err := u.Tables.CheckPosition(ctx, fold.Durable); err != nil {
		return 0, err
	}
	u.Log.InfoContext(ctx, "the tables have an older layout: they are rebuilt beside those that serve", "layout", serving.Layout, "wanted", u.Tables.Layout)
	r := &Rebuild{Log: u.Log, Bus: u.Bus, Tables: u.Tables, Reader: u.Reader, below: u.Tables.Layout}
	told := time.Now()
	report, err := r.Run(ctx, func(p Progress) {
		u.Status.progressed(p)
		if time.Since(told) >= upgradeTold {
			told = time.Now()
			u.Log.InfoContext(ctx, "rebuilding the tables", "phase", p.Phase, "facts", p.Facts, "sequence", p.Sequence, "target", p.Target, "rate", int(p.Rate))
		}
	})
	switch {
	case errors.Is(err, ErrRunning):
		u.Status.waits()
		return upgradeWait, nil
	case errors.Is(err, errDone):
		return 0, nil
	case err != nil:
		return 0, err
	}
	u.Log.InfoContext(ctx, "the tables have this program's layout now", "layout", u.Tables.Layout, "workouts", report.Workouts, "announced", report.Announced,
		"withheld", report.Withheld, "elapsed", report.Elapsed)
	return 0, nil
}
