package work

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/stridelog/stridelog/services/poller/internal/hook"
)

const (
	// idle bounds a sleep: work that became due without a notification is found by then.
	idle = 30 * time.Second
	// pause follows an error of the database or of NATS.
	pause = time.Second
	// gather is how far apart two looks for what the timetable or a retry made due are:
	// one look then finds what became due meanwhile. Whoever waits is announced by a
	// notification and looked for at once.
	gather = 50 * time.Millisecond
	// refill is how long the first free worker waits for others when more was due than
	// all of them could take.
	refill = 10 * time.Millisecond
)

// looking is what the one who looks for work in a process knows. Workers do not look:
// all of them would, whenever something becomes due.
type looking struct {
	*Pool
	free   int       // workers
	ends   chan end  // of sessions
	next   time.Time // when something is due; zero: nothing is in sight
	more   bool      // the latest look left something behind, perhaps
	looked time.Time // when the latest look was
	begin  func(func())
}

// end is what came of a session.
type end struct {
	next time.Time // when its target has work again
	err  error
}

// look finds work, leases as much of it as workers are free, and gives it to them. Its
// error ends the pool.
func (p *Pool) look(ctx context.Context, wake <-chan struct{}, sessions *sync.WaitGroup) error {
	l := &looking{Pool: p, free: p.Workers, ends: make(chan end, p.Workers), next: p.Now(), begin: sessions.Go}
	for ctx.Err() == nil {
		var hint <-chan struct{}
		var due <-chan time.Time
		if l.free > 0 {
			timer := time.NewTimer(l.wait())
			hint, due = wake, timer.C
		}
		select {
		case <-ctx.Done():
			return nil
		case e := <-l.ends:
			if fatal(e.err) {
				return e.err
			}
			l.free++
			l.next = earliest(l.next, e.next)
			continue
		case <-hint:
		case <-due:
		}
		if err := l.once(ctx); err != nil && ctx.Err() == nil {
			p.Log.WarnContext(ctx, "could not look for work; trying again", "error", err)
			p.sleep(ctx, pause, nil)
		}
	}
	return nil
}

// wait is how long to wait until the next look, if nothing else happens.
func (l *looking) wait() time.Duration {
	switch {
	case l.more && l.free == l.Workers:
		return 0
	case l.more:
		return refill
	case l.next.IsZero():
		return idle
	}
	return min(max(l.next.Sub(l.Now()), gather-time.Since(l.looked)), idle)
}

// once leases what is due for the workers that are free.
func (l *looking) once(ctx context.Context) error {
	began := time.Now()
	l.looked = began
	leases, err := l.Store.Claim(ctx, l.owner, l.Now(), l.Lease, l.free)
	if err != nil {
		return err
	}
	l.more = len(leases) == l.free
	l.free -= len(leases)
	quiet := l.quiet(ctx, leases)
	for _, lease := range leases {
		h := &hold{lease: lease, quiet: quiet[lease.Key()], bound: l.Lease, began: began}
		l.begin(func() {
			next, err := l.serve(ctx, h)
			if err != nil && ctx.Err() == nil && !fatal(err) {
				l.Log.WarnContext(ctx, "a poll was interrupted; trying again", "error", err)
				l.sleep(ctx, pause, nil)
			}
			l.ends <- end{next, err}
		})
	}
	if l.more {
		return nil
	}
	l.next, err = l.Store.NextDue(ctx, l.Now())
	return err
}

// fatal says whether an error ends the pool.
func fatal(err error) bool {
	var stopped hook.Crash
	return errors.Is(err, ErrRestored) || errors.As(err, &stopped)
}

func earliest(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
