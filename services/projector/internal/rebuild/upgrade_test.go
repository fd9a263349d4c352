package rebuild_test

import (
	"context"
	"log/slog"
	"sync/atomic"
	"testing"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/platform/bus/bustest"
	"github.com/stridelog/stridelog/platform/waittest"
	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/services/projector/internal/generation"
	"github.com/stridelog/stridelog/services/projector/internal/projectortest"
	"github.com/stridelog/stridelog/services/projector/internal/rebuild"
)

// killingNormalizer kills its process amid the records.
type killingNormalizer struct {
	projectortest.Normalizer
	left atomic.Int64
}

func (d *killingNormalizer) Normalize(r provider.Record) (events.Workout, error) {
	if d.left.Add(-1) == 0 {
		_ = projectortest.Kill()
	}
	return d.Normalizer.Normalize(r)
}

// upgradeAs is a program with the next layout.
func upgradeAs(ctx context.Context, log *slog.Logger, b *bus.Bus, tables *generation.Tables, n provider.Normalizer) error {
	tables.Layout = generation.Layout + 1
	status, err := rebuild.NewLayoutStatus(tables.Layout, nil)
	if err != nil {
		return err
	}
	u := &rebuild.Upgrade{Log: log, Bus: b, Tables: tables, Reader: reader(n), Status: status}
	return u.Run(ctx, func() {})
}

// An upgrade that is killed leaves the tables as they are; the next start begins again.
func TestAKilledUpgradeBeginsAgain(t *testing.T) {
	w := newWorld(t)
	w.live(t, many()...)
	before := projectortest.Strings(t, w.db, "SELECT doc FROM projector.view_workouts_v1 ORDER BY id")
	projectortest.Killed(t, w.dbURL, w.busURL, dyingUpgrade)
	if p, err := w.tables.Serving(t.Context()); err != nil || p.Generation != 1 || p.Layout != generation.Layout || w.generations(t) != 2 {
		t.Fatalf("when it was killed %+v served with %d generations: %v", p, w.generations(t), err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- upgradeAs(ctx, bustest.Logger(t), w.bus, generation.New(w.db, w.bus), projectortest.Normalizer{Number: 1})
	}()
	waittest.Until(t, "the next layout serves", func() bool {
		p, err := w.tables.Serving(t.Context())
		return err == nil && p.Layout == generation.Layout+1 && w.generations(t) == 1
	})
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	after := projectortest.Strings(t, w.db, "SELECT doc FROM projector.view_workouts_v1 ORDER BY id")
	if len(before) == 0 || len(after) != len(before) {
		t.Errorf("%d workouts are shown, there were %d", len(after), len(before))
	}
	for i := range min(len(before), len(after)) {
		if before[i] != after[i] {
			t.Errorf("workout %s was %s", after[i], before[i])
		}
	}
}
