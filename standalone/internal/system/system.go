// Package system wires the services to their stores and connectors. It is the
// one place that knows all of them.
package system

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/platform/lifecycle"
	"github.com/stridelog/stridelog/platform/postgres"
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

	gateway atomic.Pointer[gateway.Service]
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
		c, err := s.open(ctx, name, "")
		if err != nil {
			return err
		}
		defer c.close()
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

// clients are what every service works with: its own pool and connection.
type clients struct {
	db  *pgxpool.Pool
	bus *bus.Bus
	log *slog.Logger
}

func (c clients) close() {
	c.bus.Conn().Close()
	c.db.Close()
}

// poolSize keeps four services in one process under Postgres's default of 100
// connections.
const poolSize = 16

// open connects under a name. With a schema it works as that schema's owner.
func (s *System) open(ctx context.Context, name, schema string) (clients, error) {
	log := s.Log.With("service", name)
	db, err := postgres.Open(ctx, s.DatabaseURL, postgres.Options{ApplicationName: "stridelog-" + name, MaxConns: poolSize, OwnerOf: schema, Log: log})
	if err != nil {
		return clients{}, err
	}
	nc, err := bus.Connect(ctx, s.NATSURL, name, log)
	if err != nil {
		db.Close()
		return clients{}, err
	}
	b, err := bus.New(nc, log)
	if err == nil {
		err = b.DeclareStreams(ctx)
	}
	if err != nil {
		nc.Close()
		db.Close()
		return clients{}, err
	}
	return clients{db: db, bus: b, log: log}, nil
}

// connectors are the providers that have credentials; the others are disabled.
func (s *System) connectors() (provider.Connectors, error) {
	settings := map[string]catalog.Settings{}
	if f := s.Config.Fitbit; f.ClientID != "" {
		settings["fitbit"] = catalog.Settings{
			ClientID: f.ClientID, ClientSecret: provider.Secret(f.ClientSecret),
			AuthorizeURL: f.AuthorizeURL, APIBaseURL: f.APIBaseURL, DefaultScopes: f.Scopes,
			HTTPClient: s.ProviderClient,
		}
	}
	return catalog.Connectors(settings)
}

func (s *System) runOAuth(ctx context.Context, c clients, ready func()) error {
	connectors, err := s.connectors()
	if err != nil {
		return err
	}
	service, err := oauth.New(oauth.Config{
		Log: c.log, DB: c.db, Bus: c.bus, Connectors: connectors, Catalog: catalog.Descriptors(),
		RedirectURIs: map[string]string{"fitbit": s.Config.Fitbit.RedirectURI},
		SealingKey:   s.Config.SealingKey, RedirectAllowlist: s.Config.RedirectAllowlist, Registry: s.Registry,
		RetireConfirm: s.Config.RetireConfirm, DegradeAfter: s.Config.DegradeAfter,
	})
	if err != nil {
		return err
	}
	return service.Run(ctx, ready)
}

func (s *System) poller(c clients, registry prometheus.Registerer) (*poller.Service, error) {
	connectors, err := s.connectors()
	if err != nil {
		return nil, err
	}
	p := s.Config.Poll
	return poller.New(poller.Config{
		Log: c.log, DB: c.db, Bus: c.bus, Connectors: connectors,
		InitialDays: p.InitialDays, Rescan: p.Rescan, Lease: p.Lease, Jitter: p.Jitter, Workers: pollWorkers, Registry: registry,
		RemovalConfirm: p.RemovalConfirm, AbsenceConfirm: p.AbsenceConfirm, DegradeAfter: s.Config.DegradeAfter,
	})
}

func (s *System) runPoller(ctx context.Context, c clients, ready func()) error {
	service, err := s.poller(c, s.Registry)
	if err != nil {
		return err
	}
	return service.Run(ctx, ready)
}

// pollWorkers is how many connections one poller reads at the same time; they
// wait for providers most of the time.
const pollWorkers = 8

func (s *System) projector(c clients, registry prometheus.Registerer) (*projector.Service, error) {
	return projector.New(projector.Config{Log: c.log, DB: c.db, Bus: c.bus, Normalizers: catalog.Normalizers(), Registry: registry})
}

func (s *System) runProjector(ctx context.Context, c clients, ready func()) error {
	service, err := s.projector(c, s.Registry)
	if err != nil {
		return err
	}
	return service.Run(ctx, ready)
}

// Rebuilt says what a rebuild did.
type Rebuilt struct {
	projector.Report
	Poller poller.Reindexed
}

// Rebuild makes what the poller knows of the log and the workout tables again from
// the log, beside a running system. It mends stores of which one was restored.
func (s *System) Rebuild(ctx context.Context, progress func(projector.Progress)) (Rebuilt, error) {
	var done Rebuilt
	c, err := s.open(ctx, "rebuild", "poller")
	if err != nil {
		return done, err
	}
	defer c.close()
	polls, err := s.poller(c, nil) // the services beside it have the metrics
	if err != nil {
		return done, err
	}
	if done.Poller, err = polls.Reindex(ctx); err != nil {
		return done, fmt.Errorf("the poller's index: %w", err)
	}
	p, err := s.open(ctx, "rebuild", "projector")
	if err != nil {
		return done, err
	}
	defer p.close()
	service, err := s.projector(p, nil)
	if err != nil {
		return done, err
	}
	done.Report, err = service.Rebuild(ctx, progress)
	return done, err
}

func (s *System) runGateway(ctx context.Context, c clients, ready func()) error {
	service, err := gateway.New(gateway.Config{
		Log: c.log, DB: c.db, Bus: c.bus, Addr: s.Config.HTTPAddr, AdminKey: s.Config.AdminKey,
		OnNewAdminKey: s.OnNewAdminKey, Registry: s.Registry, Catalog: catalog.Descriptors(),
	})
	if err != nil {
		return err
	}
	s.gateway.Store(service)
	return service.Run(ctx, ready)
}
