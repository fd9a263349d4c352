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
	given chan<- given
}

// given says when the target has work again, zero for no time in sight; or one of those
// that were given back with it.
type given struct {
	next time.Time
	err  error
}

// giveBack gives a lease back, together with others that end at about the same time.
func (p *Pool) giveBack(l store.Lease) (time.Time, error) {
	answer := make(chan given, 1)
	p.giving <- giving{l, answer}
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
		leases := make([]store.Lease, len(batch))
		for i, g := range batch {
			leases[i] = g.lease
		}
		tidy, done := context.WithTimeout(context.WithoutCancel(ctx), tidyTime)
		next, err := p.Store.Release(tidy, leases, p.Now())
		done()
		for _, g := range batch {
			g.given <- given{next, err}
		}
	}
}
