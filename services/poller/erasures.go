package poller

import (
	"context"
	"fmt"

	"github.com/stridelog/stridelog/events/rpc"
	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/services/poller/internal/erase"
	"github.com/stridelog/stridelog/services/poller/internal/store"
)

// AnswerErasures migrates the schema and answers poller.erase alone until ctx ends: for
// a system that was restored and does not run yet. It asks no provider.
func (s *Service) AnswerErasures(ctx context.Context, ready func()) error {
	c := s.config
	if err := store.Migrate(ctx, c.DB); err != nil {
		return err
	}
	eraser := &erase.Eraser{Log: c.Log, Store: store.New(c.DB), Bus: c.Bus, Now: s.now}
	server, err := c.Bus.Serve(store.Schema, c.Log, bus.Method(rpc.PollerErase, bus.Until(ctx, eraser.Erase)))
	if err != nil {
		return fmt.Errorf("serve the poller's requests: %w", err)
	}
	defer server.Stop()
	ready()
	<-ctx.Done()
	return nil
}

// SchemaVersion is the version that this program migrates the service's schema to.
func SchemaVersion() int { return store.Version() }
