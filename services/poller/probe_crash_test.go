package poller

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/services/poller/internal/work"
)

// TestACrashLosesAndDoublesNothingOfAnyShape kills the poller at every page of the first
// reading, at each of the three places.
func TestACrashLosesAndDoublesNothingOfAnyShape(t *testing.T) {
	for name, hooks := range map[string]func(n int) work.Hooks{
		"before anything is kept": func(n int) work.Hooks { return work.Hooks{Fetched: onCall(n)} },
		"in the log only":         func(n int) work.Hooks { return work.Hooks{Published: onCall(n)} },
		"after the commit":        func(n int) work.Hooks { return work.Hooks{Committed: onCall(n)} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			kills := 0
			for n := 1; ; n++ {
				p := newProbed(t)
				first := p.start(p.settings, hooks(n))
				id := p.consent(scopeItems, scopeDays, scopeSeries)
				series := p.ask(events.TriggerManual, probeChunk)
				if !p.diedOrEnded(first, id, series) {
					break
				}
				kills++
				if err := first.stop(); !errors.Is(err, errKilled) {
					t.Fatalf("kill %d: the poller ended with %v", n, err)
				}
				p.clock.advance(p.settings.Lease + time.Second)
				p.start(p.settings, work.Hooks{})
				for _, id := range []string{id, series} {
					if got := p.ended(id); got.Status != events.SyncSuccess || got.Counts.Unchanged+got.Counts.Changed != 0 || got.Counts.New != got.Counts.Seen {
						t.Errorf("kill %d: the report is %+v", n, got)
					}
				}
				p.settled()
				p.want(fmt.Sprintf("kill %d", n), p.log(), p.all()...)
				p.sound(fmt.Sprintf("kill %d", n), p.settings)
			}
			if kills < 4 {
				t.Errorf("only %d places were struck", kills)
			}
		})
	}
}

// diedOrEnded waits until the poller died, or until both syncs have ended and nothing is
// left to do; then it was not struck.
func (p *probed) diedOrEnded(r *running, ids ...string) (died bool) {
	p.t.Helper()
	p.eventually("the poller dies or has nothing left", func() bool {
		select {
		case <-r.done:
			died = true
			return true
		default:
		}
		for _, id := range ids {
			if len(p.reports(id)) == 0 {
				return false
			}
		}
		return len(p.log()) == len(p.all())
	})
	if !died { // a hook may be called after the last fact
		p.eventually("the poller dies after all, or has nothing left to do", func() bool {
			select {
			case <-r.done:
				died = true
				return true
			default:
				return !p.busy()
			}
		})
	}
	return died
}
