// Package system wires the services to their stores and connectors. It is the
// one place that knows all of them.
package system

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/platform/lifecycle"
	"github.com/stridelog/stridelog/platform/natsserver"
	"github.com/stridelog/stridelog/platform/telemetry"
	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/provider/catalog"
	"github.com/stridelog/stridelog/services/gateway"
	"github.com/stridelog/stridelog/services/oauth"
	"github.com/stridelog/stridelog/services/poller"
	"github.com/stridelog/stridelog/services/projector"
	"github.com/stridelog/stridelog/standalone/internal/config"
)

// System is one process: some or all of the services on the same stores.
// Config may be completed until the component that reads it runs.
type System struct {
	Config               config.Config
	DatabaseURL, NATSURL string
	Log                  *slog.Logger
	Registry             *prometheus.Registry
	OnNewAdminKey        func(key string)
	// ProviderClient asks the providers; nil is the connectors' own.
	ProviderClient *http.Client
	// OperationsAddr is where a service that is alone in its process answers
	// operators; empty: nowhere. The gateway always does, on its own address.
	OperationsAddr string
	// AcceptLog takes the log at NATSURL also when the database was filled from another
	// one: for a rebuild after a restore.
	AcceptLog bool
	// Restoring works on stores that a restore has not ended on.
	Restoring bool
	// NATS is the embedded server; nil: NATSURL is one of somebody else's.
	NATS *natsserver.Server
	// Build is what spans name as the version; empty: what the program's stamps say.
	Build telemetry.Build

	gateway atomic.Pointer[gateway.Service]
	folds   atomic.Pointer[projector.Service] // nil: none in this process, or none yet
	tracing *telemetry.Tracing                // nil: no spans
	opened  buses
	warned  sync.Once
}

// Services are the names of the services, in the order they start.
func Services() []string { return []string{"oauth", "poller", "projector", "gateway"} }

// Component is a service by name. Its clients are opened when it runs.
func (s *System) Component(name string) (lifecycle.Component, error) {
	run := map[string]func(context.Context, clients, func()) error{
		"oauth":     s.runOAuth,
		"poller":    s.runPoller,
		"projector": s.runProjector,
		"gateway":   s.runGateway,
	}[name]
	if run == nil {
		return lifecycle.Component{}, fmt.Errorf("no service %q", name)
	}
	return lifecycle.Component{Name: name, Run: func(ctx context.Context, ready func()) error {
		c, err := s.open(ctx, name, "", s.Registry)
		if err != nil {
			return err
		}
		defer c.close()
		s.opened.add(c.bus)
		if s.OperationsAddr != "" && name != "gateway" {
			return s.withOperations(ctx, c, lifecycle.Component{Name: name, Run: func(ctx context.Context, up func()) error {
				return run(ctx, c, func() { up(); ready() })
			}})
		}
		return run(ctx, c, ready)
	}}, nil
}

// GatewayAddr is where the gateway listens, once it is ready.
func (s *System) GatewayAddr() net.Addr {
	if g := s.gateway.Load(); g != nil {
		return g.Addr()
	}
	return nil
}

// connectors are the providers that have credentials; the others are disabled.
func (s *System) connectors(c clients) (provider.Connectors, error) {
	traced, err := s.traced(c)
	if err != nil {
		return nil, err
	}
	return catalog.Connectors(catalog.Enabled(s.Config.Providers), traced)
}

// traced are what the providers are called with: clients that are traced and measured.
func (s *System) traced(c clients) (catalog.Clients, error) {
	outbound, err := telemetry.NewOutbound(c.traces, c.shared)
	if err != nil {
		return nil, err
	}
	return func(name string) *http.Client { return outbound.Client(name, s.ProviderClient) }, nil
}

// redirectURIs are our callbacks by provider.
func redirectURIs(c config.Config) map[string]string {
	addresses := map[string]string{}
	for name, v := range c.Providers {
		if address := v.Text(provider.SettingRedirectURI); address != "" {
			addresses[name] = address
		}
	}
	return addresses
}

func (s *System) runOAuth(ctx context.Context, c clients, ready func()) error {
	connectors, err := s.connectors(c)
	if err != nil {
		return err
	}
	service, err := oauth.New(oauth.Config{
		Log: c.log, DB: c.db, Bus: c.bus, Connectors: connectors, Catalog: catalog.Descriptors(),
		RedirectURIs: redirectURIs(s.Config),
		SealingKey:   s.Config.SealingKey, RedirectAllowlist: s.Config.RedirectAllowlist, Registry: s.Registry,
		RetireConfirm: s.Config.RetireConfirm, DegradeAfter: s.Config.DegradeAfter,
	})
	if err != nil {
		return err
	}
	return service.Run(ctx, ready)
}

func (s *System) poller(c clients) (*poller.Service, error) {
	connectors, err := s.connectors(c)
	if err != nil {
		return nil, err
	}
	return s.pollerOf(c, connectors)
}

func (s *System) pollerOf(c clients, connectors provider.Connectors) (*poller.Service, error) {
	p := s.Config.Poll
	return poller.New(poller.Config{
		Log: c.log, DB: c.db, Bus: c.bus, Connectors: connectors, Importers: catalog.Importers(), Normalizers: catalog.Normalizers(),
		InitialDays: p.InitialDays, Rescan: p.Rescan, Deep: p.Deep, Lease: p.Lease, Jitter: p.Jitter, Workers: pollWorkers, ImportPlaces: s.Config.ImportPlaces, ImportMaxRecords: s.Config.ImportMaxRecords, Registry: c.registry, Traces: c.traces,
		RemovalConfirm: p.RemovalConfirm, AbsenceConfirm: p.AbsenceConfirm, DegradeAfter: s.Config.DegradeAfter,
	})
}

func (s *System) runPoller(ctx context.Context, c clients, ready func()) error {
	service, err := s.poller(c)
	if err != nil {
		return err
	}
	return service.Run(ctx, ready)
}

// pollWorkers is how many connections one poller reads at the same time; they
// wait for providers most of the time.
const pollWorkers = 8

func (s *System) projector(c clients) (*projector.Service, error) {
	return projector.New(projector.Config{Log: c.log, DB: c.db, Bus: c.bus, Normalizers: catalog.Normalizers(), Sources: catalog.Sources(), Registry: c.registry})
}

func (s *System) runProjector(ctx context.Context, c clients, ready func()) error {
	service, err := s.projector(c)
	if err != nil {
		return err
	}
	s.folds.Store(service)
	return service.Run(ctx, ready)
}

// Rebuilt says what a rebuild did.
type Rebuilt struct {
	projector.Report
	Poller poller.Reindexed
}

// Rebuild makes what the poller knows of the log and the workout tables again from
// the log, beside a running system. It is the repair of stores of which one was restored.
func (s *System) Rebuild(ctx context.Context, progress func(projector.Progress)) (Rebuilt, error) {
	var done Rebuilt
	c, err := s.open(ctx, "rebuild", "poller", nil) // the services beside it have the metrics
	if err != nil {
		return done, err
	}
	defer c.close()
	polls, err := s.pollerOfAll(c)
	if err != nil {
		return done, err
	}
	if done.Poller, err = polls.Reindex(ctx); err != nil {
		return done, fmt.Errorf("the poller's index: %w", err)
	}
	p, err := s.open(ctx, "rebuild", "projector", nil)
	if err != nil {
		return done, err
	}
	defer p.close()
	service, err := s.projector(p)
	if err != nil {
		return done, err
	}
	done.Report, err = service.Rebuild(ctx, progress)
	return done, err
}

// DryRebuild says what a rebuild would change of the workout tables, beside a running
// system, with at most so many samples of each change. Nothing that serves is changed.
func (s *System) DryRebuild(ctx context.Context, samples int, progress func(projector.Progress)) (projector.Changes, error) {
	c, err := s.open(ctx, "rebuild", "projector", nil)
	if err != nil {
		return projector.Changes{}, err
	}
	defer c.close()
	service, err := s.projector(c)
	if err != nil {
		return projector.Changes{}, err
	}
	return service.DryRebuild(ctx, samples, progress)
}

func (s *System) runGateway(ctx context.Context, c clients, ready func()) error {
	traced, err := s.traced(c)
	if err != nil {
		return err
	}
	if err := telemetry.Register(c.shared, "dead letters", bus.NewOpenDeadLetters(c.bus)); err != nil {
		return err
	}
	service, err := gateway.New(gateway.Config{
		Log: c.log, DB: c.db, Bus: c.bus, Addr: s.Config.HTTPAddr, AdminKey: s.Config.AdminKey, RequestsPerMinute: s.Config.RequestsPerMinute,
		OnNewAdminKey: s.OnNewAdminKey, Registry: s.Registry, Traces: c.traces, Buses: s.opened.list, Checks: s.beside, Catalog: catalog.Descriptors(),
		Kinds: events.Kinds(), MaxUpload: s.Config.ImportMaxBytes, ImportKinds: catalog.ImportKinds(), ErasuresFile: s.Config.ErasuresFile, TrackMakers: catalog.TrackMakers(), Notifications: catalog.Notifications(s.Config.Providers, traced),
	})
	if err != nil {
		return err
	}
	s.gateway.Store(service)
	return service.Run(ctx, ready)
}
