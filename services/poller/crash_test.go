package poller

import (
	"errors"
	"flag"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/platform/waittest"
	"github.com/stridelog/stridelog/services/poller/internal/work"
)

var errKilled = errors.New("killed")

// onCall fails at the n-th call, from 1.
func onCall(n int) func() error {
	var calls atomic.Int64
	return func() error {
		if calls.Add(1) == int64(n) {
			return errKilled
		}
		return nil
	}
}

func TestACrashBetweenLogAndDatabaseLosesAndDoublesNothing(t *testing.T) {
	for name, hooks := range map[string]work.Hooks{
		"before anything is kept": {Fetched: onCall(2)},
		"in the log only":         {Published: onCall(2)},
		"after the commit":        {Committed: onCall(2)},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.cloud.fill(25, w.clock.now(), day)
			first := w.start(w.config(), hooks)
			id := w.activate(newPerson())
			if err := w.died(first); !errors.Is(err, errKilled) {
				t.Fatalf("the poller ended with %v", err)
			}
			w.clock.advance(w.config().Lease + time.Second)
			w.start(w.config(), work.Hooks{})
			if got := w.ended(id); got.Status != events.SyncSuccess || got.Counts.New != 25 || got.Counts.Seen != 25 || got.Counts.Unchanged != 0 {
				t.Errorf("the report is %+v", got)
			}
			w.exactly(25)
		})
	}
}

func TestAWindowGoesOnWhereItStood(t *testing.T) {
	w := newWorld(t)
	w.cloud.fill(40, w.clock.now(), day/2)
	first := w.start(w.config(), work.Hooks{Committed: onCall(2)})
	id := w.activate(newPerson())
	if err := w.died(first); !errors.Is(err, errKilled) {
		t.Fatal(err)
	}
	w.clock.advance(time.Minute)
	before := len(w.cloud.requests())
	second := w.start(w.config(), work.Hooks{Committed: onCall(1)})
	if err := w.died(second); !errors.Is(err, errKilled) {
		t.Fatal(err)
	}
	if r := w.cloud.requests()[before]; r.Cursor != "20" {
		t.Errorf("a fresh cursor is not continued: asked for %q", r.Cursor)
	}
	w.clock.advance(time.Hour)
	before = len(w.cloud.requests())
	w.start(w.config(), work.Hooks{})
	if got := w.ended(id); got.Counts.New != 40 || *got.Covered != got.Window {
		t.Errorf("the report is %+v", got)
	}
	if r := w.cloud.requests()[before]; r.Cursor != "" || !r.Window.To.Before(w.reports(id)[0].Window.To) {
		t.Errorf("an old cursor is trusted, or everything is read again: asked for %+v", r)
	}
	w.exactly(40)
}

func TestTwoPollersShareTheWork(t *testing.T) {
	const people = 12
	w := newWorld(t)
	w.cloud.fill(25, w.clock.now(), day)
	both := w.config()
	w.start(both, work.Hooks{})
	w.start(both, work.Hooks{})
	ids := make([]string, people)
	for i := range ids {
		ids[i] = w.activate(newPerson())
	}
	for _, id := range ids {
		if got := w.ended(id); got.Status != events.SyncSuccess || got.Counts.New != 25 {
			t.Errorf("the report is %+v", got)
		}
	}
	w.exactly(25 * people)
}

// gate holds the first request at the provider until it is opened.
type gate struct {
	first   atomic.Bool // a sync.Once would hold the requests that follow, too
	once    sync.Once
	reached chan struct{}
	open    chan struct{}
}

func (g *gate) let() { g.once.Do(func() { close(g.open) }) }

func (w *world) gate() *gate {
	g := &gate{reached: make(chan struct{}), open: make(chan struct{})}
	w.t.Cleanup(func() { g.let() }) // before the pollers are stopped
	w.cloud.change(func(c *cloud) {
		c.enter = func() {
			if g.first.CompareAndSwap(false, true) {
				close(g.reached)
				<-g.open
			}
		}
	})
	return g
}

func (w *world) wait(what string, c <-chan struct{}) {
	w.t.Helper()
	waittest.Receive(w.t, what, c)
}

func TestAPollerThatLostItsLeaseWritesNothing(t *testing.T) {
	w := newWorld(t)
	w.cloud.fill(25, w.clock.now(), day)
	g := w.gate()
	c := w.config()
	c.Lease, c.Workers = time.Hour, 1 // its own heartbeat must not notice
	w.start(c, work.Hooks{})
	id := w.activate(newPerson())
	w.wait("the first poller asks the provider", g.reached)
	w.clock.advance(2 * time.Hour)
	w.start(c, work.Hooks{}) // takes the lease that has expired
	if got := w.ended(id); got.Status != events.SyncSuccess || got.Counts.New != 25 {
		t.Errorf("the report is %+v", got)
	}
	w.settled()
	calls := len(w.cloud.requests())
	g.let()
	w.eventually("the late answer arrives", func() bool { return len(w.cloud.requests()) > calls })
	// The control: the first poller works again, after it dropped the old lease.
	second := newPerson()
	w.ended(w.activate(second))
	w.settled()
	w.exactly(50)
	if n := len(w.reports(id)); n != 1 {
		t.Errorf("the sync has %d reports", n)
	}
}

func TestAnUrgentWindowGoesBetweenThePagesOfABackfill(t *testing.T) {
	w := newWorld(t)
	w.start(w.config(), work.Hooks{})
	p := newPerson()
	w.ended(w.activate(p))
	w.settled()
	w.cloud.fill(300, w.clock.now(), day)
	g := w.gate()
	now := w.clock.now()
	backfill := w.request(p, events.TriggerBackfill, now.Add(-300*day), now.Add(-30*day))
	w.wait("the backfill asks the provider", g.reached)
	manual := w.request(p, events.TriggerManual, now.Add(-5*day), now)
	w.eventually("the manual sync is queued", func() bool {
		var n int
		return w.db.QueryRow(t.Context(), "SELECT count(*) FROM poller.view_syncs_v1 WHERE trigger = 'manual'").Scan(&n) == nil && n == 1
	})
	g.let()
	w.ended(backfill)
	w.ended(manual)
	all := w.reports("")
	if at := len(all) - 2; all[at].SyncID != manual || all[at+1].SyncID != backfill {
		t.Error("the manual sync waited for the whole backfill")
	}
}

func TestAnyCrashesEndWithEveryVersionOnce(t *testing.T) {
	if f := flag.Lookup("rapid.checks"); f.Value.String() == f.DefValue {
		_ = f.Value.Set("8") // each starts a database and a NATS server
	}
	rapid.Check(t, func(r *rapid.T) {
		w := newWorld(check{t, r})
		n := rapid.IntRange(0, 45).Draw(r, "records")
		w.cloud.fill(n, w.clock.now(), day/2)
		w.cloud.change(func(c *cloud) {
			c.pageSize = rapid.IntRange(1, 12).Draw(r, "page size")
			c.repeat = c.pageSize > 1 && rapid.Bool().Draw(r, "repeat")
		})
		p := newPerson()
		var id string
		versions := n
		rounds := rapid.IntRange(1, 3).Draw(r, "rounds")
		for round := range rounds {
			if round == 0 {
				id = w.activate(p)
			} else {
				if n > 0 {
					w.cloud.edit("r0", string(rune('A'+round)))
					versions++
				}
				id = w.request(p, events.TriggerManual, w.clock.now().Add(-30*day), w.clock.now())
			}
			for range rapid.IntRange(0, 3).Draw(r, "crashes") {
				w.crashOnce(r)
			}
			last := w.start(w.config(), work.Hooks{})
			if got := w.ended(id); got.Status != events.SyncSuccess {
				r.Fatalf("the report is %+v", got)
			}
			w.settled()
			if err := last.stop(); err != nil {
				r.Fatal(err)
			}
			w.exactly(versions)
		}
	})
}

// crashOnce runs a poller that dies at some step, if it ever gets there.
func (w *world) crashOnce(r *rapid.T) {
	at := onCall(rapid.IntRange(1, 4).Draw(r, "call"))
	var hooks work.Hooks
	switch rapid.IntRange(0, 2).Draw(r, "step") {
	case 0:
		hooks.Fetched = at
	case 1:
		hooks.Published = at
	case 2:
		hooks.Committed = at
	}
	run := w.start(w.config(), hooks)
	w.eventually("the poller crashes or finishes", func() bool {
		select {
		case <-run.done:
			return true
		default:
		}
		var open int
		err := w.db.QueryRow(w.t.Context(), "SELECT (SELECT count(*) FROM poller.view_syncs_v1) + (SELECT count(*) FROM poller.outbox)").Scan(&open)
		known := len(w.reports("")) > 0
		return err == nil && open == 0 && known
	})
	_ = run.stop()
	w.clock.advance(w.config().Lease + time.Duration(rapid.IntRange(0, 1200).Draw(r, "pause"))*time.Second)
}
