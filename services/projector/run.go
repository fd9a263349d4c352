package projector

import (
	"context"
	"errors"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/events/rpc"
	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/platform/lifecycle"
	"github.com/stridelog/stridelog/platform/postgres"
	"github.com/stridelog/stridelog/platform/postgres/positions"
	"github.com/stridelog/stridelog/services/projector/internal/erasure"
	"github.com/stridelog/stridelog/services/projector/internal/fold"
	"github.com/stridelog/stridelog/services/projector/internal/rebuild"
	"github.com/stridelog/stridelog/services/projector/internal/synchistory"
)

const serviceName = "projector"

// Run migrates the service's schema, rebuilds tables of an older layout, folds facts
// and syncs as they come, and answers projector.erase and projector.retry, until ctx
// ends. It fails with ErrLogRestored when the
// log is not the one that the tables were made from.
func (s *Service) Run(ctx context.Context, ready func()) error {
	if err := s.tables.Prepare(ctx); errors.Is(err, postgres.ErrNewerDatabase) {
		return s.idle(ctx, ready, err)
	} else if err != nil {
		return err
	}
	if err := rebuild.Tidy(ctx, s.tables); err != nil {
		return err
	}
	s.cfg.Bus.UsePositions(positions.New(s.cfg.DB, serviceName))
	facts := &fold.Facts{Log: s.cfg.Log, Bus: s.cfg.Bus, Tables: s.tables, Reader: s.reader, Metrics: s.metrics}
	syncs := &synchistory.Syncs{Log: s.cfg.Log, Bus: s.cfg.Bus, Tables: s.tables, Failed: s.metrics.SyncsGivenBack}
	upgrade := &rebuild.Upgrade{Log: s.cfg.Log, Bus: s.cfg.Bus, Tables: s.tables, Reader: s.reader, Status: s.layout}
	announcer := &rebuild.Announcer{Log: s.cfg.Log, Bus: s.cfg.Bus, Tables: s.tables}
	links := &fold.Links{Log: s.cfg.Log, Bus: s.cfg.Bus, Tables: s.tables}
	eraser := &erasure.Eraser{Bus: s.cfg.Bus, Tables: s.tables}
	again := func(ctx context.Context, d bus.Delivery) error {
		switch d.Stream {
		case events.StreamFacts:
			return facts.Retry(ctx, d)
		case events.StreamSyncs:
			return syncs.Retry(ctx, d)
		default:
			return bus.ErrNotHandled
		}
	}
	methods := func(ctx context.Context, ready func()) error {
		server, err := s.cfg.Bus.Serve(serviceName, s.cfg.Log, bus.Method(rpc.ProjectorErase, bus.Until(ctx, eraser.Erase)), s.cfg.Bus.RetryMethod(serviceName, again))
		if err != nil {
			return err
		}
		defer server.Stop()
		ready()
		<-ctx.Done()
		return nil
	}
	last := func(ctx context.Context, inner func()) error {
		return facts.Run(ctx, func() { inner(); ready() })
	}
	return lifecycle.Run(ctx, s.cfg.Log,
		lifecycle.Component{Name: "projector positions", Run: s.cfg.Bus.KeepPositions},
		lifecycle.Component{Name: "projector methods", Run: methods},
		lifecycle.Component{Name: "sync history", Run: syncs.Run},
		lifecycle.Component{Name: "rebuild announcements", Run: announcer.Run},
		lifecycle.Component{Name: "layout of the tables", Run: upgrade.Run},
		lifecycle.Component{Name: "link announcements", Run: links.Run},
		lifecycle.Component{Name: "facts of an older program", Run: fold.Late{Facts: facts}.Run},
		lifecycle.Component{Name: "fact fold", Run: last},
	)
}

// idle does nothing until ctx ends: the tables are those of a newer program, and can
// be read.
func (s *Service) idle(ctx context.Context, ready func(), reason error) error {
	s.layout.Refuse("facts are not folded: the database was migrated by a newer program; start that one again")
	s.cfg.Log.ErrorContext(ctx, "facts are not folded; reading and polling go on", "error", reason)
	ready()
	<-ctx.Done()
	return nil
}

// LayoutStatus has a few words for operators on how the tables stand: "ok", or which
// layout they have, why that is not this program's, and how far a rebuild is.
func (s *Service) LayoutStatus() string { return s.layout.String() }

// Rebuild makes every table that comes from facts again, from the start of the
// log, while the old ones serve and running projectors go on. It also accepts
// the log as it is now, which repairs the tables after a restore. A second rebuild at the same
// time is refused with ErrRebuildRunning. Progress may be nil; it is called after
// every chunk of the log, from one goroutine.
func (s *Service) Rebuild(ctx context.Context, progress func(Progress)) (Report, error) {
	r := &rebuild.Rebuild{Log: s.cfg.Log, Bus: s.cfg.Bus, Tables: s.tables, Reader: s.reader}
	return r.Run(ctx, progress)
}

// Changes says what a rebuild would change.
type Changes = rebuild.Changes

// Listed are workouts by number, and some of their ids.
type Listed = rebuild.Listed

// PhaseCompared is the phase of a dry run's last progress.
const PhaseCompared = rebuild.PhaseCompared

// DryRebuild says what Rebuild would change, with at most so many samples of each change.
// It changes nothing that serves. At the same time as a rebuild it is refused with
// ErrRebuildRunning.
func (s *Service) DryRebuild(ctx context.Context, samples int, progress func(Progress)) (Changes, error) {
	r := &rebuild.Rebuild{Log: s.cfg.Log, Bus: s.cfg.Bus, Tables: s.tables, Reader: s.reader}
	return r.Dry(ctx, samples, progress)
}
