package rebuild

import (
	"context"
	"errors"
	"time"

	"github.com/stridelog/stridelog/services/projector/internal/generation"
)

// finishEvery is how soon a running projector goes on with what a rebuild that
// died has not announced.
const finishEvery = time.Minute

// Run finishes announcements that a rebuild left, until ctx ends. A rebuild that
// lives does it by itself.
func (a *Announcer) Run(ctx context.Context, ready func()) error {
	ready()
	tick := time.NewTicker(finishEvery)
	defer tick.Stop()
	for {
		if err := a.resume(ctx); err != nil && ctx.Err() == nil {
			a.Log.WarnContext(ctx, "cannot announce what a rebuild changed; trying again", "pause", finishEvery, "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

func (a *Announcer) resume(ctx context.Context) error {
	if _, ok, err := generation.Kept(ctx, a.Tables.DB()); err != nil || !ok {
		return err
	}
	serving, err := a.Tables.Serving(ctx)
	if err != nil || a.Tables.CheckLayout(serving) != nil {
		return err // a program of that layout announces it
	}
	release, err := lock(ctx, a.Tables.DB())
	if errors.Is(err, ErrRunning) {
		return nil
	}
	if err != nil {
		return err
	}
	defer release()
	d, err := a.finish(ctx)
	if err == nil {
		a.Log.InfoContext(ctx, "announced what a rebuild before had left", "workouts", d.Announced)
	}
	return err
}
