package work

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stridelog/stridelog/services/poller/internal/store"
)

// hold is a lease of this process.
type hold struct {
	lease   store.Lease  // as it was claimed: the work changes its own copy
	quiet   *store.Quiet // what there is to do, when that may be nothing but scans that find nothing
	bound   time.Duration
	began   time.Time               // a moment before it was claimed
	renewed atomic.Int64            // when it was last proved to be ours, in nanoseconds since began
	lost    context.CancelCauseFunc // ends the work
}

// expired says whether the lease may be somebody else's by now: after a long pause
// of this process, for one.
func (h *hold) expired() bool {
	return time.Since(h.began)-time.Duration(h.renewed.Load()) >= h.bound
}

// holds are the leases of this process. They are renewed together.
type holds struct {
	mu   sync.Mutex
	open map[store.LeaseKey]*hold
}

func (hs *holds) add(h *hold) {
	hs.mu.Lock()
	defer hs.mu.Unlock()
	hs.open[h.lease.Key()] = h
}

func (hs *holds) drop(h *hold) {
	hs.mu.Lock()
	defer hs.mu.Unlock()
	delete(hs.open, h.lease.Key())
}

// any says whether something is being worked on.
func (hs *holds) any() bool {
	hs.mu.Lock()
	defer hs.mu.Unlock()
	return len(hs.open) > 0
}

func (hs *holds) list() []*hold {
	hs.mu.Lock()
	defer hs.mu.Unlock()
	list := make([]*hold, 0, len(hs.open))
	for _, h := range hs.open {
		list = append(list, h)
	}
	return list
}

// heartbeat renews the leases of this process in one statement, in time and when some
// lease was taken away. It ends the work on those that are lost.
func (p *Pool) heartbeat(ctx context.Context, fence <-chan struct{}) {
	for {
		p.sleep(ctx, p.Lease/3, fence)
		if ctx.Err() != nil {
			return
		}
		list := p.holds.list()
		if len(list) == 0 {
			continue
		}
		leases := make([]store.Lease, len(list))
		for i, h := range list {
			leases[i] = h.lease
		}
		at := time.Now()
		held, err := p.Store.Renew(ctx, leases, p.Now().Add(p.Lease))
		for _, h := range list {
			switch {
			case held[h.lease.Key()]:
				h.renewed.Store(int64(at.Sub(h.began)))
			case err == nil, h.expired():
				h.lost(store.ErrFenced)
			}
		}
	}
}
