package fold_test

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/platform/bus/bustest"
	"github.com/stridelog/stridelog/platform/postgres/postgrestest"
	"github.com/stridelog/stridelog/services/projector/internal/fold"
	"github.com/stridelog/stridelog/services/projector/internal/generation"
	"github.com/stridelog/stridelog/services/projector/internal/projectortest"
	"github.com/stridelog/stridelog/services/projector/internal/row"
)

const (
	anna = "11111111-2222-4333-8444-555555555555"
	ben  = "22222222-2222-4333-8444-555555555555"
)

type bench struct {
	db    *pgxpool.Pool
	bus   *bus.Bus
	url   string
	facts *fold.Facts
}

func setup(t *testing.T) *bench {
	t.Helper()
	url := bustest.StartServer(t)
	x := &bench{db: postgrestest.New(t), bus: bustest.Connect(t, url, "test"), url: url}
	tables := generation.New(x.db, x.bus)
	if err := tables.Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	x.facts = x.fold(t, x.bus)
	return x
}

func (x *bench) fold(t *testing.T, b *bus.Bus) *fold.Facts {
	t.Helper()
	metrics, err := fold.NewMetrics(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &fold.Facts{
		Log: bustest.Logger(t), Bus: b, Tables: generation.New(x.db, b),
		Reader: row.NewReader(projectortest.Normalizers(), projectortest.Sources()), Metrics: metrics,
	}
}

// run starts a projector's fold and returns its end.
func run(t *testing.T, f *fold.Facts) (stop func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended, ready := make(chan error, 1), make(chan struct{})
	go func() { ended <- f.Run(ctx, func() { close(ready) }) }()
	select {
	case <-ready:
	case err := <-ended:
		cancel()
		t.Fatalf("the fold did not start: %v", err)
	}
	stopped := false
	stop = func() error {
		if stopped {
			return nil
		}
		stopped = true
		cancel()
		return <-ended
	}
	t.Cleanup(func() {
		if err := stop(); err != nil {
			t.Errorf("the fold failed: %v", err)
		}
	})
	return stop
}

func (x *bench) publish(t *testing.T, facts ...projectortest.Fact) {
	t.Helper()
	projectortest.Publish(t, x.bus, facts...)
}

// foldAll folds what the log holds, as one batch.
func (x *bench) foldAll(t *testing.T) {
	t.Helper()
	if err := x.facts.Fold(t.Context(), projectortest.Deliveries(t, x.bus, events.StreamFacts, 1)); err != nil {
		t.Fatal(err)
	}
}

func (x *bench) number(t *testing.T, sql string, args ...any) int64 {
	t.Helper()
	return projectortest.Number(t, x.db, sql, args...)
}
