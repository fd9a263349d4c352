// Package gateway is the public REST API: users, consents, syncs, workouts and
// erasures. It owns the Postgres schema "gateway" and reads the published views of
// the other services; it asks them for anything else over the bus.
package gateway

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/platform/health"
	"github.com/stridelog/stridelog/platform/httpserver"
	"github.com/stridelog/stridelog/platform/lifecycle"
	"github.com/stridelog/stridelog/platform/telemetry"
	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/services/gateway/internal/analytics"
	"github.com/stridelog/stridelog/services/gateway/internal/apikey"
	"github.com/stridelog/stridelog/services/gateway/internal/audit"
	"github.com/stridelog/stridelog/services/gateway/internal/erasure"
	"github.com/stridelog/stridelog/services/gateway/internal/rest"
	"github.com/stridelog/stridelog/services/gateway/internal/schema"
)

// Config is what the gateway works with. Everything is required but AdminKey.
type Config struct {
	Log *slog.Logger
	DB  *pgxpool.Pool
	Bus *bus.Bus
	// Addr is host:port; port 0 takes a free one.
	Addr string
	// AdminKey is accepted as an API key from the start. Without one, and with no
	// key in the database, a key is made.
	AdminKey string
	// RequestsPerMinute is how many requests a key may send in a minute that has no limit
	// of its own; zero is no limit. Each process counts for itself.
	RequestsPerMinute int
	// OnNewAdminKey is called once with the key that was made. It cannot be read
	// again: only its hash is stored.
	OnNewAdminKey func(key string)
	Registry      *prometheus.Registry
	// Traces makes the spans of requests; nil makes none.
	Traces trace.TracerProvider
	// Buses are those whose consumers /readyz?verbose tells of: of the services in
	// the same process. Nil: none.
	Buses func() []*bus.Bus
	// Checks are what readiness asks beside database and NATS: of the services in the
	// same process, and whether the log takes writes. Nil: nothing.
	Checks  func() []health.Check
	Catalog []provider.Descriptor
	// Notifications read what providers tell on their own, by provider. One that is
	// absent is not listened to.
	Notifications map[string]provider.Notifications
	// TrackMakers make TCX files of stored routes that are none.
	TrackMakers provider.TrackMakers
	// MaxUpload is the most bytes that an uploaded archive may have; zero is
	// DefaultMaxUpload.
	MaxUpload int64
	// Kinds are the kinds of data, of which a requested sync may name some.
	Kinds events.KindTable
	// ImportKinds are the kinds of archives that can be imported, to name them to a client that
	// gives none.
	ImportKinds []string
	// ErasuresFile keeps a list of all erasures outside of the stores. Whoever is in it and
	// not erased in the database, after a restore, is erased before anything is served.
	// Empty: none.
	ErasuresFile string
}

// DefaultMaxUpload is 10 GB: the largest export that somebody has shown has that.
const DefaultMaxUpload = 10_000_000_000

// Service is a gateway that is wired and not running yet.
type Service struct {
	c        Config
	keys     *apikey.Verifier
	audit    *audit.Store
	erasures *erasure.Runner
	server   *httpserver.Server
}

// New checks the configuration and wires the parts. It connects to nothing.
func New(c Config) (*Service, error) {
	if err := c.check(); err != nil {
		return nil, fmt.Errorf("gateway: %w", err)
	}
	if c.Traces == nil {
		c.Traces = noop.NewTracerProvider()
	}
	if c.MaxUpload == 0 {
		c.MaxUpload = DefaultMaxUpload
	}
	s := &Service{c: c}
	s.keys, s.audit = apikey.NewVerifier(c.DB, c.AdminKey), audit.NewStore(c.DB)
	s.erasures = erasure.NewRunner(erasure.Options{DB: c.DB, Bus: c.Bus, Log: c.Log, ListFile: c.ErasuresFile})
	if err := telemetry.Register(c.Registry, "erasures", erasure.NewMetrics(c.DB, c.Log)); err != nil {
		return nil, fmt.Errorf("gateway: %w", err)
	}
	handler, err := rest.New(rest.Options{
		Log: c.Log, DB: c.DB, Bus: c.Bus, Keys: s.keys, RequestsPerMinute: c.RequestsPerMinute, Erasures: s.erasures, Registry: c.Registry, Traces: c.Traces, Buses: c.Buses, Checks: c.Checks, Catalog: c.Catalog, MaxUpload: c.MaxUpload, Kinds: c.Kinds, ImportKinds: c.ImportKinds, TrackMakers: c.TrackMakers, Notifications: c.Notifications,
	})
	if err != nil {
		return nil, fmt.Errorf("gateway: %w", err)
	}
	s.server = httpserver.New(httpserver.Options{Name: "gateway", Addr: c.Addr, Handler: handler, Log: c.Log})
	return s, nil
}

// Run migrates the schema, resumes unfinished erasures, serves until ctx ends and
// stops cleanly. It calls ready once requests are answered.
func (s *Service) Run(ctx context.Context, ready func()) error {
	if err := schema.Migrate(ctx, s.c.DB); err != nil {
		return fmt.Errorf("gateway: %w", err)
	}
	if err := s.adminKey(ctx); err != nil {
		return fmt.Errorf("gateway: %w", err)
	}
	if err := s.erasures.Replay(ctx); err != nil {
		return fmt.Errorf("gateway: %w", err)
	}
	return lifecycle.Run(ctx, s.c.Log,
		lifecycle.Component{Name: "erasures", Run: s.erasures.Run},
		lifecycle.Component{Name: "gateway methods", Run: s.methods},
		lifecycle.Component{Name: "API keys", Run: func(ctx context.Context, ready func()) error { return s.keys.Watch(ctx, ready, s.c.Log) }},
		lifecycle.Component{Name: "views for analysts", Run: s.analytics},
		lifecycle.Component{Name: "http", Run: func(ctx context.Context, listening func()) error {
			return s.server.Run(ctx, func() { listening(); ready() })
		}},
	)
}

// analytics defines the views for analysts. What is served does not depend on them.
func (s *Service) analytics(ctx context.Context, ready func()) error {
	ready()
	analytics.Run(ctx, s.c.DB, s.c.Log)
	<-ctx.Done()
	return nil
}

// Addr is where the gateway listens; nil before it is ready.
func (s *Service) Addr() net.Addr { return s.server.Addr() }

// adminKey makes the first key where there is none at all.
func (s *Service) adminKey(ctx context.Context) error {
	if s.c.AdminKey != "" {
		return nil
	}
	if s.c.OnNewAdminKey == nil {
		return errors.New("no admin key: set STRIDELOG_ADMIN_KEY")
	}
	key, made, err := apikey.NewStore(s.c.DB).MakeFirst(ctx)
	if err != nil {
		return err
	}
	if made {
		s.c.OnNewAdminKey(key)
	}
	return nil
}

func (c Config) check() error {
	missing := func(name string) error { return fmt.Errorf("configuration: %s is missing", name) }
	switch {
	case c.Log == nil:
		return missing("Log")
	case c.DB == nil:
		return missing("DB")
	case c.Bus == nil:
		return missing("Bus")
	case c.Addr == "":
		return missing("Addr")
	case c.Registry == nil:
		return missing("Registry")
	case len(c.Kinds.All()) == 0:
		return missing("Kinds")
	}
	return nil
}
