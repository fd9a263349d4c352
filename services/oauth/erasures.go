package oauth

import (
	"context"
	"fmt"

	"github.com/stridelog/stridelog/events/rpc"
	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/services/oauth/internal/store"
)

// AnswerErasures migrates the schema and answers oauth.erase alone until ctx ends: for a
// system that was restored and does not run yet. It refreshes and revokes nothing by itself.
func (s *Service) AnswerErasures(ctx context.Context, ready func()) error {
	if err := s.store.Migrate(ctx); err != nil {
		return fmt.Errorf("oauth: %w", err)
	}
	server, err := s.bus.Serve("oauth", s.log, bus.Method(rpc.OAuthErase, s.revoker.Erase))
	if err != nil {
		return err
	}
	defer server.Stop()
	ready()
	<-ctx.Done()
	return nil
}

// SchemaVersion is the version that this program migrates the service's schema to.
func SchemaVersion() int { return store.Version() }
