// Package oauth is the service that keeps consents: it sends people to their
// provider, takes the tokens into custody, refreshes them and gives them up.
package oauth

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/stridelog/stridelog/events/rpc"
	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/platform/lifecycle"
	"github.com/stridelog/stridelog/platform/postgres/outbox"
	"github.com/stridelog/stridelog/platform/telemetry"
	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/services/oauth/internal/consent"
	"github.com/stridelog/stridelog/services/oauth/internal/custody"
	"github.com/stridelog/stridelog/services/oauth/internal/ending"
	"github.com/stridelog/stridelog/services/oauth/internal/redirect"
	"github.com/stridelog/stridelog/services/oauth/internal/rotation"
	"github.com/stridelog/stridelog/services/oauth/internal/seal"
	"github.com/stridelog/stridelog/services/oauth/internal/store"
)

// Config is what the service needs. Registry and the times may be zero;
// everything else is required.
type Config struct {
	Log        *slog.Logger
	DB         *pgxpool.Pool
	Bus        *bus.Bus
	Connectors provider.Connectors
	// Catalog lists every provider this installation knows, configured or not.
	Catalog []provider.Descriptor
	// RedirectURIs are our callbacks by provider, as registered with it.
	RedirectURIs map[string]string
	// SealingKey is a Tink AEAD keyset in JSON (NewSealingKey).
	SealingKey string
	// RedirectAllowlist are the origins a client may be sent back to. A loopback
	// origin may have any port: http://localhost:*
	RedirectAllowlist []string
	// RetireConfirm is how far a second HTTP 410 must be from the first until a
	// provider counts as switched off. Default 1 h.
	RetireConfirm time.Duration
	// DegradeAfter is how long a provider must not have answered well until its
	// connections count as degraded. Default 1 h.
	DegradeAfter time.Duration
	// RefreshTimeout bounds one call of a token endpoint, RefreshLease is how long
	// a process that died in one keeps the others from refreshing; it must be the
	// longer one. Default 20 s and 30 s.
	RefreshTimeout, RefreshLease time.Duration
	Registry                     prometheus.Registerer
}

// Service answers the rpc methods of oauth and publishes its events.
type Service struct {
	log      *slog.Logger
	bus      *bus.Bus
	store    *store.Store
	consents *consent.Flow
	keeper   *custody.Keeper
	revoker  *ending.Revoker
	relay    *outbox.Relay
	shown    rotation.Presence
}

// New checks the configuration and wires the service. It touches neither the
// database nor the network. Every fault is in the error.
func New(cfg Config) (*Service, error) {
	if cfg.Log == nil || cfg.DB == nil || cfg.Bus == nil {
		return nil, errors.New("oauth: Log, DB and Bus are required")
	}
	sealer, keyErr := seal.New(cfg.SealingKey)
	allowed, listErr := redirect.Parse(cfg.RedirectAllowlist)
	if err := errors.Join(keyErr, listErr, checkProviders(cfg)); err != nil {
		return nil, fmt.Errorf("oauth: %w", err)
	}
	log := cfg.Log
	s := &Service{log: log, bus: cfg.Bus, store: store.New(cfg.DB), relay: outbox.NewRelay(cfg.DB, cfg.Bus, store.Schema, log)}
	s.shown = rotation.Presence{Log: log, DB: cfg.DB, SealingKey: cfg.SealingKey}
	s.revoker = ending.New(ending.Options{Store: s.store, Sealer: sealer, Connectors: cfg.Connectors, Log: log})
	var err error
	if s.keeper, err = custody.New(custody.Options{
		Store: s.store, Sealer: sealer, Connectors: cfg.Connectors, Log: log, Registry: cfg.Registry,
		RetireConfirm: cfg.RetireConfirm, DegradeAfter: cfg.DegradeAfter, CallTimeout: cfg.RefreshTimeout, Lease: cfg.RefreshLease,
	}); err != nil {
		return nil, fmt.Errorf("oauth: %w", err)
	}
	if err := telemetry.Register(cfg.Registry, "connections", newConnectionCollector(log, s.store)); err != nil {
		return nil, fmt.Errorf("oauth: %w", err)
	}
	if s.consents, err = consent.New(consent.Options{
		Store: s.store, Sealer: sealer, Revoker: s.revoker, Connectors: cfg.Connectors, Catalog: cfg.Catalog,
		RedirectURIs: cfg.RedirectURIs, Allowed: allowed, Log: log, Registry: cfg.Registry,
	}); err != nil {
		return nil, fmt.Errorf("oauth: %w", err)
	}
	return s, nil
}

func checkProviders(cfg Config) error {
	var faults []error
	for name, connector := range cfg.Connectors {
		if connector == nil || connector.Authorizer == nil {
			faults = append(faults, fmt.Errorf("the connector %s has no Authorizer", name))
		}
		if cfg.RedirectURIs[name] == "" {
			faults = append(faults, fmt.Errorf("provider %s has no redirect URI: set ours as it is registered there", name))
		}
		if !slices.ContainsFunc(cfg.Catalog, func(d provider.Descriptor) bool { return d.Name == name }) {
			faults = append(faults, fmt.Errorf("provider %s is not in the catalog", name))
		}
	}
	return errors.Join(faults...)
}

// Run migrates the schema, answers requests and publishes events until ctx ends.
// It calls ready once it answers. A refresh or consent under way is finished before
// it returns, because a token that is not stored is lost.
func (s *Service) Run(ctx context.Context, ready func()) error {
	if err := s.store.Migrate(ctx); err != nil {
		return fmt.Errorf("oauth: %w", err)
	}
	return lifecycle.Run(ctx, s.log,
		lifecycle.Component{Name: "oauth sealing keys", Run: s.shown.Run},
		lifecycle.Component{Name: "oauth outbox", Run: s.relay.Run},
		lifecycle.Component{Name: "oauth revocations", Run: s.revoker.Run},
		lifecycle.Component{Name: "oauth reminders", Run: s.keeper.Remind},
		lifecycle.Component{Name: "oauth requests", Run: func(ctx context.Context, up func()) error {
			server, err := s.bus.Serve("oauth", s.log, s.methods()...)
			if err != nil {
				return err
			}
			up()
			ready()
			<-ctx.Done()
			server.Stop()
			s.consents.Wait()
			s.keeper.Wait()
			return nil
		}})
}

func (s *Service) methods() []bus.RPCHandler {
	return []bus.RPCHandler{
		bus.Method(rpc.OAuthProviders, s.consents.Providers),
		bus.Method(rpc.OAuthAuthorize, s.consents.Authorize),
		bus.Method(rpc.OAuthCallback, s.consents.Callback),
		bus.Method(rpc.OAuthDisconnect, s.revoker.Disconnect),
		bus.Method(rpc.OAuthErase, s.revoker.Erase),
		bus.Method(rpc.OAuthToken, s.keeper.Token),
		bus.Method(rpc.OAuthTokenRejected, s.keeper.Rejected),
		bus.Method(rpc.OAuthReport, s.keeper.Report),
	}
}
