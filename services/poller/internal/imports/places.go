package imports

import (
	"context"
	"errors"
	"os"
	"sync"
	"time"

	"github.com/stridelog/stridelog/services/poller/internal/hook"
	"github.com/stridelog/stridelog/services/poller/internal/store"
)

// small is the size of uploads, in bytes, up to which an import may use the place that is
// kept free for such: years of one person's exercises without heart rates.
const small = 64 << 20

// places are the imports at work: each has a goroutine, so that the processors and the
// log are shared between them. One place is for small ones alone: whatever giants are
// under way, somebody with a small archive waits for other small ones only.
type places struct {
	all         int
	busy, large int
}

// largest is how large the next import may be; zero is any size. ok is false when all
// places are taken.
func (p *places) largest() (bytes int64, ok bool) {
	if p.all > 1 && p.large >= p.all-1 {
		bytes = small
	}
	return bytes, p.busy < p.all
}

func (p *places) take(l store.ImportLease) {
	p.busy++
	if l.Bytes() > small {
		p.large++
	}
}

func (p *places) free(l store.ImportLease) {
	p.busy--
	if l.Bytes() > small {
		p.large--
	}
}

// ending says how the work on an import ended.
type ending struct {
	lease store.ImportLease
	err   error
}

// Work takes imports until ctx ends; wake says that there may be one.
func (w *Worker) Work(ctx context.Context, wake <-chan struct{}) error {
	if err := w.sweep(ctx); err != nil {
		return err
	}
	// The folder goes when it is empty: another worker's files stay in it.
	defer func() { _ = os.Remove(w.dir) }()
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var relays sync.WaitGroup
	defer relays.Wait()
	defer stop()
	relays.Go(func() { w.fences.relay(ctx, w.Fenced) })
	ended := make(chan ending)
	at := places{all: w.Places}
	var crash error
	for rest := time.Duration(0); ctx.Err() == nil; {
		wait := rest
		if rest == 0 {
			wait = w.fill(ctx, &at, ended)
		}
		rest = 0
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
		case <-wake:
		case <-timer.C:
		case e := <-ended:
			at.free(e.lease)
			if rest = w.after(ctx, e); errors.As(e.err, new(hook.Crash)) {
				crash = e.err
				stop()
			}
		}
		timer.Stop()
	}
	for at.busy > 0 {
		e := <-ended
		at.free(e.lease)
		if errors.As(e.err, new(hook.Crash)) {
			crash = errors.Join(crash, e.err)
		}
	}
	return crash
}

// after tells what came of an import, and how long to rest before the next is taken.
func (w *Worker) after(ctx context.Context, e ending) (rest time.Duration) {
	if e.err == nil || ctx.Err() != nil {
		return 0
	}
	w.Log.WarnContext(ctx, "an import was interrupted; trying again", "import_id", e.lease.ID, "error", e.err)
	return pause
}

// fill begins as many imports as there are places for, and says how long it is at most
// until there may be another one.
func (w *Worker) fill(ctx context.Context, at *places, ended chan<- ending) (wait time.Duration) {
	for {
		largest, ok := at.largest()
		if !ok || ctx.Err() != nil {
			return idle
		}
		l, found, next, err := w.claim(ctx, largest)
		switch {
		case err != nil:
			if ctx.Err() == nil {
				w.Log.WarnContext(ctx, "imports wait; trying again", "error", err)
			}
			return pause
		case !found && next.IsZero():
			return idle
		case !found: // it may wait for another import of the same person
			return min(max(next.Sub(w.Now()), pause), idle)
		}
		at.take(l)
		go func() { ended <- ending{l, w.alone(ctx, l)} }()
	}
}

func (w *Worker) claim(ctx context.Context, largest int64) (l store.ImportLease, found bool, next time.Time, err error) {
	if err := w.Store.FailAbandoned(ctx, w.Now(), interrupted()); err != nil {
		return l, false, next, err
	}
	return w.Store.ClaimImport(ctx, w.owner, w.Now(), w.Lease, largest)
}

// alone works on one import, which is notified of fences by itself.
func (w *Worker) alone(ctx context.Context, l store.ImportLease) error {
	fenced, leave := w.fences.join()
	defer leave()
	runner := *w.Runner
	runner.Fenced = fenced
	one := &Worker{Runner: &runner, dir: w.dir, owner: w.owner}
	return one.serve(ctx, runner.hold(l))
}

// fences notify everybody who has a lease that some lease may have been taken away.
type fences struct {
	mu  sync.Mutex
	all map[chan struct{}]bool
}

func (f *fences) join() (notified <-chan struct{}, leave func()) {
	waiter := make(chan struct{}, 1)
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.all == nil {
		f.all = map[chan struct{}]bool{}
	}
	f.all[waiter] = true
	return waiter, func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		delete(f.all, waiter)
	}
}

func (f *fences) relay(ctx context.Context, from <-chan struct{}) {
	for {
		select {
		case <-ctx.Done():
			return
		case _, open := <-from:
			if !open {
				return
			}
			f.notify()
		}
	}
}

func (f *fences) notify() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for waiter := range f.all {
		select {
		case waiter <- struct{}{}:
		default: // it has not looked since the last time
		}
	}
}
