// Package work leases targets and reads their windows: the part of the poller that
// calls providers and writes the log.
package work

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"go.opentelemetry.io/otel/trace"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/services/poller/internal/call"
	"github.com/stridelog/stridelog/services/poller/internal/intake"
	"github.com/stridelog/stridelog/services/poller/internal/store"
)

type tx = pgx.Tx

// ErrRestored says that the log is not the one that the index was made from.
var ErrRestored = intake.ErrRestored

// Config is what a Pool needs. All of it is required but Hooks.
type Config struct {
	Log        *slog.Logger
	Store      *store.Store
	Bus        *bus.Bus
	Connectors provider.Connectors
	Kinds      events.KindTable
	// Normalizers tell how long activities last that an export knows under an id of
	// its own, and the provider under another.
	Normalizers provider.Normalizers
	Schedule    store.Schedule
	Catalog     store.Catalog
	Lease       time.Duration
	// RemovalConfirm is how far apart the two passes are that prove a removal.
	RemovalConfirm time.Duration
	// AbsenceConfirm is how long too many absences must last before they count.
	AbsenceConfirm time.Duration
	// DegradeAfter is when trouble is told of once more: the oauth service then
	// calls the connection degraded.
	DegradeAfter time.Duration
	Workers      int
	Callers      *call.Callers
	Metrics      *Metrics
	Tracer       trace.Tracer
	Now          func() time.Time
	Hooks        Hooks
}

// Pool is a number of workers that share what is due with every other poller.
type Pool struct {
	Config
	owner  string
	holds  *holds
	giving chan giving
}

// NewPool makes a pool; Run starts it, once.
func NewPool(c Config) *Pool {
	return &Pool{Config: c, owner: events.NewID(), holds: &holds{open: map[store.LeaseKey]*hold{}}, giving: make(chan giving)}
}

// Run works until ctx ends; wake and fence are the database's notifications. It
// fails when the log is not the one the index knows.
func (p *Pool) Run(ctx context.Context, wake, fence <-chan struct{}) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	if err := p.checkLog(ctx); err != nil {
		return err
	}
	var all, sessions sync.WaitGroup
	all.Go(func() { p.heartbeat(ctx, fence) })
	all.Go(func() { p.release(ctx) })
	if err := p.look(ctx, wake, &sessions); err != nil {
		cancel(err)
	}
	sessions.Wait()
	close(p.giving)
	cancel(nil)
	all.Wait()
	if err := context.Cause(ctx); err != nil && !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return nil
}

func (p *Pool) sleep(ctx context.Context, d time.Duration, wake <-chan struct{}) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	case <-wake:
	}
}

// checkLog refuses to start on a log that the index was not made from.
func (p *Pool) checkLog(ctx context.Context) error {
	positions, err := p.Store.Positions(ctx)
	if err != nil || len(positions) == 0 {
		return err
	}
	epoch, err := p.Bus.Epoch(ctx, events.StreamFacts)
	if err != nil {
		return err
	}
	stream, err := p.Bus.JetStream().Stream(ctx, events.StreamFacts)
	if err != nil {
		return err
	}
	for _, at := range positions {
		if at.Epoch != epoch || at.Sequence > stream.CachedInfo().State.LastSeq {
			return ErrRestored
		}
	}
	return nil
}
