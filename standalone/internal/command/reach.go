package command

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/platform/postgres"
	"github.com/stridelog/stridelog/standalone/internal/config"
	"github.com/stridelog/stridelog/standalone/internal/store"
	"github.com/stridelog/stridelog/standalone/internal/system"
)

// connectPatience is short: a person is watching, and the system should run.
const connectPatience = 5 * time.Second

// announceStores tells a person which two stores a command acts on.
func announceStores(p Process, name string, s *store.Stores) {
	fmt.Fprintf(p.Stderr, "stridelog %s: %s\n", name, s.Names())
}

// withBus runs fn on the NATS of the running system that the environment or the
// data directory leads to. It is for commands that only read the log.
func withBus(ctx context.Context, p Process, c config.Config, name string, fn func(*bus.Bus) error) error {
	return connected(ctx, p, c, name, store.Find, unchecked, fn)
}

// withNATS is withBus for commands to which NATS_URL alone is enough.
func withNATS(ctx context.Context, p Process, c config.Config, name string, fn func(*bus.Bus) error) error {
	return connected(ctx, p, c, name, store.FindNATS, unchecked, fn)
}

func unchecked(context.Context, *bus.Bus, *store.Stores, *slog.Logger) error { return nil }

// withPair is withBus for commands that write. It refuses a NATS and a database that
// are of two systems.
func withPair(ctx context.Context, p Process, c config.Config, name string, fn func(*bus.Bus) error) error {
	return connected(ctx, p, c, name, store.Find, func(patience context.Context, b *bus.Bus, stores *store.Stores, log *slog.Logger) error {
		db, err := postgres.Open(patience, stores.DatabaseURL, postgres.Options{ApplicationName: "stridelog-" + name, MaxConns: 1, Log: log})
		if err != nil {
			return fmt.Errorf("check that NATS and the database belong together: %w", err)
		}
		defer db.Close()
		if err := system.CheckWhole(patience, db); err != nil {
			return err
		}
		return system.CheckPair(patience, db, b)
	}, fn)
}

func connected(ctx context.Context, p Process, c config.Config, name string, find func(config.Config) (*store.Stores, error),
	check func(context.Context, *bus.Bus, *store.Stores, *slog.Logger) error, fn func(*bus.Bus) error,
) error {
	stores, err := find(c)
	if err != nil {
		return err
	}
	log, err := newLogger(p, c)
	if err != nil {
		return err
	}
	announceStores(p, name, stores)
	patience, cancel := context.WithTimeout(ctx, connectPatience)
	defer cancel()
	nc, err := bus.Connect(patience, stores.NATSURL, name, log)
	if err != nil {
		return err
	}
	defer nc.Close()
	b, err := bus.New(nc, log, bus.WithReplicas(c.Replicas))
	if err != nil {
		return err
	}
	if err := check(patience, b, stores, log); err != nil {
		return err
	}
	return fn(b)
}

// withSystem runs fn on the stores of the running system or, without one, on those of
// the data directory, which it starts for the time.
func withSystem(ctx context.Context, p Process, c config.Config, name string, fn func(*system.System) error) error {
	stores, log, err := reach(ctx, p, c, name)
	if err != nil {
		return err
	}
	defer stores.Close()
	return fn(newSystem(p, c, stores, log))
}

// reach finds the stores of the running system or starts those of the data directory, and
// says which. The caller closes them.
func reach(ctx context.Context, p Process, c config.Config, name string) (*store.Stores, *slog.Logger, error) {
	log, err := newLogger(p, c)
	if err != nil {
		return nil, nil, err
	}
	stores, err := store.Reach(ctx, c, log)
	if err != nil {
		return nil, nil, err
	}
	announceStores(p, name, stores)
	return stores, log, nil
}
