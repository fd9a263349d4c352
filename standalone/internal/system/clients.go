package system

import (
	"context"
	"log/slog"
	"slices"
	"sync"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/nats-io/nats.go"
	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/trace"

	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/platform/postgres"
	"github.com/stridelog/stridelog/standalone/internal/doctor"
)

// clients are what every service works with: its own pool and connection, and what
// tells how it does.
type clients struct {
	db     *pgxpool.Pool
	bus    *bus.Bus
	log    *slog.Logger
	traces trace.TracerProvider
	// registry takes the service's own metrics, shared those that every service has;
	// nil for a command beside the services, which have them.
	registry, shared prometheus.Registerer
}

func (c clients) close() {
	c.bus.Conn().Close()
	c.db.Close()
}

// poolSize keeps four services in one process under Postgres's default of 100
// connections.
const poolSize = 16

// open connects under a name, and refuses stores of two systems. With a schema it works as that schema's owner. A nil
// registry keeps no metrics.
func (s *System) open(ctx context.Context, name, schema string, registry *prometheus.Registry) (c clients, err error) {
	c.log = s.Log.With("service", name)
	if c.traces, err = s.tracing.Provider(ctx, "stridelog-"+name); err != nil {
		return clients{}, err
	}
	c.db, err = postgres.Open(ctx, s.DatabaseURL, postgres.Options{
		ApplicationName: "stridelog-" + name, MaxConns: poolSize, OwnerOf: schema, Log: c.log, Traces: c.traces,
	})
	if err != nil {
		return clients{}, err
	}
	options := []bus.Option{bus.WithTraces(c.traces), bus.WithAway(postgres.Away), bus.WithReplicas(max(s.Config.Replicas, 1))}
	if registry != nil {
		c.registry = registry
		c.shared = prometheus.WrapRegistererWith(prometheus.Labels{"service": name}, registry)
		options = append(options, bus.WithMetrics(c.shared))
		if err := c.shared.Register(postgres.NewCollector(c.db)); err != nil {
			c.db.Close()
			return clients{}, err
		}
	}
	nc, err := bus.Connect(ctx, s.NATSURL, name, c.log)
	if err != nil {
		c.db.Close()
		return clients{}, err
	}
	c.bus, err = bus.New(nc, c.log, options...)
	if err == nil && !s.Restoring {
		err = CheckWhole(ctx, c.db)
	}
	if err == nil && !s.AcceptLog {
		err = CheckPair(ctx, c.db, c.bus)
	}
	if err == nil {
		err = c.bus.DeclareStreams(ctx)
	}
	if err != nil {
		nc.Close()
		c.db.Close()
		return clients{}, err
	}
	if registry != nil { // a service, not a command beside one
		s.warned.Do(func() { s.warn(ctx, nc) })
	}
	return c, nil
}

// warn says what of a NATS server of one's own can lose records, once a process.
func (s *System) warn(ctx context.Context, nc *nats.Conn) {
	if s.NATS != nil {
		return // its settings are ours
	}
	for _, line := range doctor.Durability(ctx, nc, s.Config.NATSMonitorURL) {
		if line.State != doctor.StateOK {
			s.Log.WarnContext(ctx, line.Says, "do", line.Do)
		}
	}
}

// buses are those of the services that run in this process.
type buses struct {
	mu  sync.Mutex
	all []*bus.Bus
}

func (b *buses) add(one *bus.Bus) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.all = append(b.all, one)
}

func (b *buses) list() []*bus.Bus {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.all)
}
