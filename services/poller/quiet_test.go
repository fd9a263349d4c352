package poller

import (
	"errors"
	"testing"
	"time"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/services/poller/internal/work"
)

// polled is a world with people who were read once and are read by timetable.
func polled(t *testing.T, people int) (*world, []person) {
	t.Helper()
	w := newWorld(t)
	w.cloud.fill(3, w.clock.now(), day)
	list := make([]person, people)
	first := w.start(w.config(), work.Hooks{})
	for i := range list {
		list[i] = newPerson()
		w.ended(w.activate(list[i]))
	}
	w.settled()
	if err := first.stop(); err != nil {
		t.Fatal(err)
	}
	return w, list
}

// scheduled counts the windows of the timetable that were ever stored.
func (w *world) scheduled() (n int) {
	w.t.Helper()
	if err := w.db.QueryRow(w.t.Context(), "SELECT count(*) FROM poller.windows WHERE trigger = 'scheduled'").Scan(&n); err != nil {
		w.t.Fatal(err)
	}
	return n
}

// synced counts the people whose latest sync was now.
func (w *world) synced() (n int) {
	w.t.Helper()
	err := w.db.QueryRow(w.t.Context(), `SELECT count(*) FROM poller.targets t JOIN poller.coverage c USING (user_id, provider)
		WHERE t.last_synced_at = $1 AND c.covered_to = $1 AND t.due_at > $1 AND t.lease_until IS NULL`, w.clock.now()).Scan(&n)
	if err != nil {
		w.t.Fatal(err)
	}
	return n
}

func TestAScanThatFindsNothingStoresNoWindow(t *testing.T) {
	w, people := polled(t, 12)
	reset := w.clock.now().Add(24 * time.Hour)
	left := 100
	w.cloud.change(func(c *cloud) {
		c.quota = func() []provider.Quota {
			left--
			return []provider.Quota{{Limit: 100, Remaining: left, ResetAt: reset}}
		}
	})
	asked := len(w.cloud.requests())
	w.start(w.config(), work.Hooks{})
	for round := range 3 {
		w.advance(16 * time.Minute)
		w.settled()
		if n := len(w.cloud.requests()) - asked; n != (round+1)*len(people) {
			t.Errorf("round %d: the provider was asked %d times", round, n)
		}
		if n := w.synced(); n != len(people) {
			t.Errorf("round %d: %d people were synced", round, n)
		}
	}
	// The first round makes the rows of the budgets, which nothing was known of.
	if n := w.scheduled(); n != 0 {
		t.Errorf("%d windows were stored", n)
	}
	var told int
	if err := w.db.QueryRow(t.Context(), "SELECT count(*) FROM poller.budgets WHERE told AND quota = 100 AND remaining < 100").Scan(&told); err != nil || told != len(people) {
		t.Errorf("%d budgets know what answers told (%v)", told, err)
	}
	if n := len(w.reports("")); n != len(people) {
		t.Errorf("%d reports", n)
	}
	w.exactly(3 * len(people))
}

func TestAScanThatFindsSomethingGoesTheUsualWay(t *testing.T) {
	for name, test := range map[string]struct {
		change func(w *world)
		news   func(r *events.SyncFinished) bool
	}{
		"an edit":      {func(w *world) { w.cloud.edit("r0", "B") }, func(r *events.SyncFinished) bool { return r.Counts.Changed == 1 && r.Counts.New == 0 }},
		"a new record": {func(w *world) { w.cloud.fill(4, w.clock.now(), day/2) }, func(r *events.SyncFinished) bool { return r.Counts.New+r.Counts.Changed > 0 }},
	} {
		t.Run(name, func(t *testing.T) {
			w, _ := polled(t, 1)
			test.change(w)
			asked := len(w.cloud.requests())
			w.start(w.config(), work.Hooks{})
			w.advance(16 * time.Minute)
			w.settled()
			reports := w.reports("")
			last := reports[len(reports)-1]
			if len(reports) != 2 || last.Trigger != events.TriggerScheduled || last.Status != events.SyncSuccess || !test.news(last) {
				t.Errorf("%d reports, the last is %+v", len(reports), last)
			}
			if n := len(w.cloud.requests()) - asked; n != 1 {
				t.Errorf("the provider was asked %d times: what was read is read again", n)
			}
		})
	}
}

func TestAScanThatFailsGoesTheUsualWay(t *testing.T) {
	w, _ := polled(t, 1)
	asked := len(w.cloud.requests())
	w.cloud.failing(provider.ClassUnavailable)
	w.start(w.config(), work.Hooks{})
	w.advance(16 * time.Minute)
	w.settled()
	if n := len(w.cloud.requests()) - asked; n != 1 {
		t.Errorf("the provider was asked %d times", n)
	}
	if n := w.scheduled(); n != 1 {
		t.Errorf("%d windows wait for the next try", n)
	}
	w.cloud.healthy()
	w.advance(time.Hour)
	w.settled()
	var again int
	if err := w.db.QueryRow(t.Context(), "SELECT count(*) FROM poller.targets WHERE last_synced_at = $1", w.clock.now()).Scan(&again); err != nil || again != 1 {
		t.Errorf("the next try did not end (%v)", err)
	}
}

func TestAManualSyncOvertakesAScan(t *testing.T) {
	w, people := polled(t, 1)
	w.start(w.config(), work.Hooks{})
	g := w.gate()
	w.settled()
	w.advance(16 * time.Minute)
	w.wait("the scan asks the provider", g.reached)
	manual := w.request(people[0], events.TriggerManual, w.clock.now().Add(-5*day), w.clock.now())
	w.eventually("the manual sync is queued", func() bool {
		var n int
		return w.db.QueryRow(t.Context(), "SELECT count(*) FROM poller.view_syncs_v1 WHERE trigger = 'manual'").Scan(&n) == nil && n == 1
	})
	g.let()
	if got := w.ended(manual); got.Status != events.SyncSuccess || got.Counts.Unchanged != 3 {
		t.Errorf("the report is %+v", got)
	}
	if n := w.scheduled(); n != 0 {
		t.Errorf("%d windows were stored", n)
	}
}

func TestACrashAmidManyScansCostsThemOnce(t *testing.T) {
	const people = 12
	for _, at := range []int{1, 3} {
		w, _ := polled(t, people)
		w.cloud.edit("r0", "B")
		w.clock.advance(16 * time.Minute)
		c := w.config()
		c.Workers = 6
		if err := w.died(w.start(c, work.Hooks{Fetched: onCall(at)})); !errors.Is(err, errKilled) {
			t.Fatalf("the poller ended with %v", err)
		}
		w.clock.advance(c.Lease + time.Second)
		w.start(c, work.Hooks{})
		w.settled()
		w.exactly(4 * people)
		w.eventually("everybody is synced", func() bool {
			var late int
			err := w.db.QueryRow(t.Context(), "SELECT count(*) FROM poller.targets WHERE last_synced_at < $1", w.clock.now().Add(-time.Minute)).Scan(&late)
			return err == nil && late == 0
		})
	}
}
