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
	"github.com/stridelog/stridelog/services/poller/internal/hook"
	"github.com/stridelog/stridelog/services/poller/internal/intake"
	"github.com/stridelog/stridelog/services/poller/internal/store"
)

type tx = pgx.Tx

// ErrRestored says that the log is not the one that the index was made from.
var ErrRestored = intake.ErrRestored

const (
	// idle bounds a sleep: work that became due without a notification is found by then.
	idle = 30 * time.Second
	// pause follows an error of the database or of NATS.
	pause = time.Second
)

// Config is what a Pool needs. All of it is required but Hooks.
type Config struct {
	Log        *slog.Logger
	Store      *store.Store
	Bus        *bus.Bus
	Connectors provider.Connectors
	// Normalizers tell how long activities last that an export knows under an id of
	// its own, and the provider under another.
	Normalizers provider.Normalizers
	Schedule    store.Schedule
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
	owner string
	wake  chan struct{} // a hint that there may be work

	mu     sync.Mutex
	fenced chan struct{} // closed and replaced when some lease was taken away
}

// NewPool makes a pool; Run starts it.
func NewPool(c Config) *Pool {
	return &Pool{Config: c, owner: events.NewID(), wake: make(chan struct{}, 1), fenced: make(chan struct{})}
}

// Run works until ctx ends; wake and fence are the database's notifications. It
// fails when the log is not the one the index knows.
func (p *Pool) Run(ctx context.Context, wake, fence <-chan struct{}) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	if err := p.checkLog(ctx); err != nil {
		return err
	}
	var all sync.WaitGroup
	all.Go(func() { relay(ctx, wake, p.hint) })
	all.Go(func() { relay(ctx, fence, p.fenceAll) })
	for range p.Workers {
		all.Go(func() {
			if err := p.work(ctx); err != nil {
				cancel(err)
			}
		})
	}
	all.Wait()
	if err := context.Cause(ctx); err != nil && !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return nil
}

func relay(ctx context.Context, from <-chan struct{}, to func()) {
	for {
		select {
		case <-ctx.Done():
			return
		case _, ok := <-from:
			if !ok {
				return
			}
			to()
		}
	}
}

// hint wakes one idle worker, who wakes the next when there is something to do.
func (p *Pool) hint() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

func (p *Pool) fenceAll() {
	p.mu.Lock()
	defer p.mu.Unlock()
	close(p.fenced)
	p.fenced = make(chan struct{})
}

func (p *Pool) fencedSignal() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.fenced
}

// work is one worker. Its error ends the pool.
func (p *Pool) work(ctx context.Context) error {
	for ctx.Err() == nil {
		lease, found, next, err := p.Store.Claim(ctx, p.owner, p.Now(), p.Lease)
		if err == nil && found {
			p.hint()
			err = p.serve(ctx, lease)
			var stopped hook.Crash
			if errors.Is(err, ErrRestored) || errors.As(err, &stopped) {
				return err
			}
			if err == nil {
				continue
			}
		}
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			p.Log.WarnContext(ctx, "a poll was interrupted; trying again", "error", err)
			p.sleep(ctx, pause, nil)
			continue
		}
		wait := idle
		if !next.IsZero() {
			wait = min(max(next.Sub(p.Now()), time.Millisecond), idle)
		}
		p.sleep(ctx, wait, p.wake)
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
