package projector

import (
	"context"

	"github.com/stridelog/stridelog/events/rpc"
	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/services/projector/internal/erasure"
	"github.com/stridelog/stridelog/services/projector/internal/generation"
)

// AnswerErasures migrates the schema and answers projector.erase alone until ctx ends:
// for a system that was restored and does not run yet. It folds nothing.
func (s *Service) AnswerErasures(ctx context.Context, ready func()) error {
	if err := s.tables.Prepare(ctx); err != nil {
		return err
	}
	eraser := &erasure.Eraser{Bus: s.cfg.Bus, Tables: s.tables}
	server, err := s.cfg.Bus.Serve(serviceName, s.cfg.Log, bus.Method(rpc.ProjectorErase, bus.Until(ctx, eraser.Erase)))
	if err != nil {
		return err
	}
	defer server.Stop()
	ready()
	<-ctx.Done()
	return nil
}

// SchemaVersion is the version that this program migrates the service's schema to.
func SchemaVersion() int { return generation.Version() }
