package imports

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stridelog/stridelog/platform/postgres"
	"github.com/stridelog/stridelog/services/poller/internal/store"
)

// tidyTime is for what must be written when the context has ended already.
const tidyTime = 10 * time.Second

// lease is an import that is ours until it expires.
type lease struct {
	store.ImportLease
	runner  *Runner
	began   time.Time
	renewed atomic.Int64 // when it was last proved to be ours, in nanoseconds since began
}

func (r *Runner) hold(l store.ImportLease) *lease {
	at := l.StartedAt.UTC()
	l.StartedAt = &at
	return &lease{ImportLease: l, runner: r, began: time.Now()}
}

// expired says whether the lease may be somebody else's by now: after a long pause
// of this process, for one.
func (l *lease) expired() bool {
	return time.Since(l.began)-time.Duration(l.renewed.Load()) >= l.runner.Lease
}

func (l *lease) renew(ctx context.Context) error {
	asked := time.Since(l.began)
	if err := l.runner.Store.RenewImport(ctx, l.ImportLease, l.runner.Now().Add(l.runner.Lease)); err != nil {
		return err
	}
	l.renewed.Store(int64(asked))
	return nil
}

func (l *lease) save(ctx context.Context, r Report) error {
	text, err := postgres.JSON(r)
	if err != nil {
		return fmt.Errorf("store the progress of import %s: %w", l.ID, err)
	}
	return l.runner.Store.SaveImport(ctx, l.ImportLease, text)
}

func (l *lease) finish(ctx context.Context, status string, r Report, failure *store.ImportError) error {
	text, err := postgres.JSON(r)
	if err != nil {
		return fmt.Errorf("store the report of import %s: %w", l.ID, err)
	}
	return l.runner.Store.FinishImport(ctx, l.ImportLease, status, text, failure, l.runner.Now())
}

// keep renews the lease while work runs, and ends the work's context with
// ErrFenced when the lease is lost.
func (l *lease) keep(ctx context.Context, fenced <-chan struct{}, work func(ctx context.Context) error) error {
	held, lost := context.WithCancelCause(ctx)
	var beat sync.WaitGroup
	beat.Go(func() {
		ticker := time.NewTicker(l.runner.Lease / 3)
		defer ticker.Stop()
		for {
			select {
			case <-held.Done():
				return
			case <-ticker.C:
			case _, open := <-fenced:
				if !open {
					fenced = nil
				}
			}
			if err := l.renew(held); errors.Is(err, store.ErrFenced) || err != nil && l.expired() {
				lost(store.ErrFenced)
				return
			}
		}
	})
	err := work(held)
	if errors.Is(context.Cause(held), store.ErrFenced) {
		err = store.ErrFenced
	}
	lost(nil)
	beat.Wait()
	return err
}
