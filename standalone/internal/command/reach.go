package command

import (
	"context"
	"time"

	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/standalone/internal/config"
	"github.com/stridelog/stridelog/standalone/internal/store"
	"github.com/stridelog/stridelog/standalone/internal/system"
)

// connectPatience is short: a person is watching, and the system should run.
const connectPatience = 5 * time.Second

// withBus runs fn on the NATS of the running system that the environment or the
// data directory leads to.
func withBus(ctx context.Context, p Process, c config.Config, name string, fn func(*bus.Bus) error) error {
	stores, err := store.Find(c)
	if err != nil {
		return err
	}
	log, err := newLogger(p, c)
	if err != nil {
		return err
	}
	patience, cancel := context.WithTimeout(ctx, connectPatience)
	defer cancel()
	nc, err := bus.Connect(patience, stores.NATSURL, name, log)
	if err != nil {
		return err
	}
	defer nc.Close()
	b, err := bus.New(nc, log)
	if err != nil {
		return err
	}
	return fn(b)
}

// withSystem runs fn on the stores of the running system or, without one, on those of
// the data directory, which it starts for the time.
func withSystem(ctx context.Context, p Process, c config.Config, fn func(*system.System) error) error {
	log, err := newLogger(p, c)
	if err != nil {
		return err
	}
	stores, err := store.Reach(ctx, c, log)
	if err != nil {
		return err
	}
	defer stores.Close()
	return fn(newSystem(p, c, stores, log))
}
