package work

import (
	"context"
	"time"

	"github.com/stridelog/stridelog/services/poller/internal/store"
)

const (
	// together is how long a lease that ends waits for others of this process, so that
	// one statement gives all of them back.
	together = 5 * time.Millisecond
	// tidyTime is for what must be written when the context has ended already.
	tidyTime = 5 * time.Second
)

// giving is a lease that is to be given back.
type giving struct {
	lease store.Lease
	end   *store.QuietEnd // of scans that found nothing; nil: everything is stored
	given chan<- given
}

// given says when the target has work again, zero for no time in sight; or one of those
// that were given back with it.
type given struct {
	next time.Time
	err  error
}

// giveBack gives a lease back, together with others that end at about the same time.
func (p *Pool) giveBack(l store.Lease, quiet *store.QuietEnd) (time.Time, error) {
	answer := make(chan given, 1)
	p.giving <- giving{l, quiet, answer}
	g := <-answer
	return g.next, g.err
}

// release gives leases back until no more can come. It works on when ctx has ended.
func (p *Pool) release(ctx context.Context) {
	for first := range p.giving {
		batch := []giving{first}
		timer := time.NewTimer(together)
	gather:
		for p.holds.any() { // otherwise nobody can follow
			select {
			case g, ok := <-p.giving:
				if !ok {
					break gather
				}
				batch = append(batch, g)
			case <-timer.C:
				break gather
			}
		}
		timer.Stop()
		p.give(ctx, batch)
	}
}

// give gives leases back: in one statement those whose scans found nothing, in another the
// rest.
func (p *Pool) give(ctx context.Context, batch []giving) {
	ctx, done := context.WithTimeout(context.WithoutCancel(ctx), tidyTime)
	defer done()
	var leases []store.Lease
	var ends []store.QuietEnd
	for _, g := range batch {
		if g.end != nil {
			ends = append(ends, *g.end)
		} else {
			leases = append(leases, g.lease)
		}
	}
	var quiet, rest given
	if len(ends) > 0 {
		quiet.next, quiet.err = p.endQuiet(ctx, ends)
	}
	if len(leases) > 0 {
		rest.next, rest.err = p.Store.Release(ctx, leases, p.Now())
	}
	for _, g := range batch {
		if g.end != nil {
			g.given <- quiet
		} else {
			g.given <- rest
		}
	}
}
