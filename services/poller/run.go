package poller

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/stridelog/stridelog/events/rpc"
	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/platform/lifecycle"
	"github.com/stridelog/stridelog/platform/postgres"
	"github.com/stridelog/stridelog/platform/postgres/outbox"
	"github.com/stridelog/stridelog/platform/postgres/positions"
	"github.com/stridelog/stridelog/services/poller/internal/call"
	"github.com/stridelog/stridelog/services/poller/internal/erase"
	"github.com/stridelog/stridelog/services/poller/internal/imports"
	"github.com/stridelog/stridelog/services/poller/internal/store"
	"github.com/stridelog/stridelog/services/poller/internal/work"
)

const (
	// keepDone is how long a finished sync is remembered, for its request delivered again.
	keepDone  = 24 * time.Hour
	tidyEvery = time.Hour
)

// Run migrates the service's schema, starts, calls ready once it takes events and
// requests, and blocks until ctx ends. It fails when the log is not the one that
// its index was made from.
func (s *Service) Run(ctx context.Context, ready func()) error {
	c := s.config
	if err := store.Migrate(ctx, c.DB); err != nil {
		return err
	}
	st := store.New(c.DB)
	schedule := s.schedule()
	metrics, err := work.NewMetrics(c.Registry)
	if err != nil {
		return err
	}
	if err := schedule.Align(ctx, st, s.catalog(), s.now()); err != nil {
		return err
	}
	in := s.intake(st)
	if err := in.CheckLog(ctx, c.Bus); err != nil {
		return err
	}
	c.Bus.UsePositions(positions.New(c.DB, store.Schema))
	router, err := c.Bus.NewRouter(store.Schema, c.Log, in.Handlers(c.Bus)...)
	if err != nil {
		return err
	}
	replyKey, err := rpc.NewReplyKey()
	if err != nil {
		return err
	}
	calls, err := call.NewMetrics(c.Registry)
	if err != nil {
		return err
	}
	callers := &call.Callers{Log: c.Log, Store: st, Tokens: &call.Kept{Tokens: call.OAuth{Bus: c.Bus, ReplyKey: replyKey}, Now: s.now}, Metrics: calls, Now: s.now}
	pool := work.NewPool(work.Config{
		Log: c.Log, Store: st, Bus: c.Bus, Connectors: c.Connectors, Kinds: c.Kinds, Normalizers: c.Normalizers, Schedule: schedule, Catalog: s.catalog(), Lease: c.Lease,
		RemovalConfirm: c.RemovalConfirm, AbsenceConfirm: c.AbsenceConfirm, DegradeAfter: c.DegradeAfter,
		Workers: c.Workers, Callers: callers, Metrics: metrics, Tracer: c.Traces.Tracer(work.Scope), Now: s.now, Hooks: s.hooks,
	})
	importer := s.importer(st)
	if importer.Metrics, err = imports.NewMetrics(c.Registry); err != nil {
		return err
	}
	eraser := &erase.Eraser{Log: c.Log, Store: st, Bus: c.Bus, Now: s.now}
	return lifecycle.Run(ctx, c.Log,
		lifecycle.Component{Name: "poller positions", Run: c.Bus.KeepPositions},
		lifecycle.Component{Name: "poller outbox", Run: outbox.NewRelay(c.DB, c.Bus, store.Schema, c.Log).Run},
		lifecycle.Component{Name: "poller workers", Run: func(ctx context.Context, ready func()) error { return s.work(ctx, pool, ready) }},
		lifecycle.Component{Name: "poller imports", Run: func(ctx context.Context, ready func()) error { return s.bringIn(ctx, importer, ready) }},
		lifecycle.Component{Name: "poller requests", Run: func(ctx context.Context, ready func()) error { return s.answer(ctx, eraser, importer, ready) }},
		lifecycle.Component{Name: "poller upkeep", Run: func(ctx context.Context, ready func()) error { return s.tidy(ctx, st, ready) }},
		lifecycle.Component{Name: "poller events", Run: router.Run},
		lifecycle.Component{Name: "poller", Run: func(ctx context.Context, started func()) error {
			started()
			ready()
			<-ctx.Done()
			return nil
		}},
	)
}

func (s *Service) work(ctx context.Context, pool *work.Pool, ready func()) error {
	wake, err := postgres.Listen(ctx, s.config.DB, store.WorkChannel)
	if err != nil {
		return err
	}
	fence, err := postgres.Listen(ctx, s.config.DB, store.FenceChannel)
	if err != nil {
		return err
	}
	ready()
	return pool.Run(ctx, wake, fence)
}

func (s *Service) answer(ctx context.Context, eraser *erase.Eraser, importer *imports.Runner, ready func()) error {
	server, err := s.config.Bus.Serve(store.Schema, s.config.Log,
		bus.Method(rpc.PollerErase, bus.Until(ctx, eraser.Erase)),
		bus.Method[rpc.ImportRequest, rpc.ImportResponse](rpc.PollerImport, importer.Accept))
	if err != nil {
		return fmt.Errorf("serve the poller's requests: %w", err)
	}
	defer server.Stop()
	ready()
	<-ctx.Done()
	return nil
}

// bringIn works on imports that were uploaded.
func (s *Service) bringIn(ctx context.Context, importer *imports.Runner, ready func()) error {
	wake, err := postgres.Listen(ctx, s.config.DB, store.ImportChannel)
	if err != nil {
		return err
	}
	if importer.Fenced, err = postgres.Listen(ctx, s.config.DB, store.FenceChannel); err != nil {
		return err
	}
	ready()
	importer.MaxRecords = s.config.ImportMaxRecords
	return imports.NewWorker(importer, s.config.ImportPlaces).Work(ctx, wake)
}

// tidy deletes finished syncs that nobody asks for any more.
func (s *Service) tidy(ctx context.Context, st *store.Store, ready func()) error {
	ready()
	ticker := time.NewTicker(tidyEvery)
	defer ticker.Stop()
	for {
		if err := st.DeleteDone(ctx, s.now().Add(-keepDone)); err != nil && !errors.Is(err, context.Canceled) {
			s.config.Log.WarnContext(ctx, "old syncs stay for now", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}
