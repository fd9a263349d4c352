package poller

import (
	"fmt"
	"testing"
	"time"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/provider"
	simulated "github.com/stridelog/stridelog/provider/simulator/fitbit"
	"github.com/stridelog/stridelog/services/poller/internal/work"
)

// byHour counts what the cloud is asked in each hour.
func (w *world) byHour() map[time.Time]int {
	asked := map[time.Time]int{}
	w.cloud.change(func(c *cloud) {
		c.answer = func(int, provider.ListRequest) error {
			asked[w.clock.now().Truncate(time.Hour)]++ // under the cloud's lock
			return nil
		}
	})
	return asked
}

// untilEnded goes from hour to hour until every sync has ended.
func (w *world) untilEnded(ids []string, atRest func()) {
	w.t.Helper()
	for range 60 {
		w.settled()
		atRest()
		open := 0
		if err := w.db.QueryRow(w.t.Context(), "SELECT count(*) FROM poller.view_syncs_v1").Scan(&open); err != nil {
			w.t.Fatal(err)
		}
		if open == 0 {
			for _, id := range ids {
				if got := w.ended(id); got.Status != events.SyncSuccess {
					w.t.Errorf("the report is %+v", got)
				}
			}
			return
		}
		w.advance(w.clock.now().Truncate(time.Hour).Add(time.Hour + time.Second).Sub(w.clock.now()))
	}
	w.t.Fatal("the syncs do not end")
}

func TestTwoPollersKeepTheAppsBudget(t *testing.T) {
	const people, limit = 9, 12
	w := newWorld(t)
	w.cloud.fill(25, w.clock.now(), day) // three pages for everybody
	c := w.config()
	c.Rescan, c.Workers = nil, 4
	c.Connectors[cloudName].Budgets = []provider.Budget{{Whose: provider.OfApp, Requests: limit, Per: time.Hour}}
	asked := w.byHour()
	w.start(c, work.Hooks{})
	w.start(c, work.Hooks{})
	var ids []string
	for range people {
		ids = append(ids, w.activate(newPerson()))
	}
	w.eventually("all syncs are known", func() bool {
		n := 0
		return w.db.QueryRow(t.Context(), "SELECT count(*) FROM poller.windows").Scan(&n) == nil && n == people
	})
	w.untilEnded(ids, func() {})
	total := 0
	w.cloud.change(func(*cloud) {
		for hour, n := range asked {
			if total += n; n > limit {
				t.Errorf("%d requests in the hour of %s; the app may make %d", n, hour, limit)
			}
		}
	})
	if total != 3*people || len(asked) < 3 {
		t.Errorf("%d requests in %d hours", total, len(asked))
	}
	w.exactly(25 * people)
	deferred := 0
	for _, r := range w.reports("") {
		if r.Status == events.SyncDeferred {
			deferred++
			if r.NotBefore == nil || r.NotBefore.Minute() != 0 || !r.NotBefore.After(r.FinishedAt) {
				t.Errorf("deferred until %v at %s", r.NotBefore, r.FinishedAt)
			}
		}
	}
	if deferred == 0 {
		t.Error("nobody was told to wait")
	}
}

// The simulator counts: three users of one account, read by two pollers, never get
// a 429, although each of them alone would use the whole quota.
func TestTwoPollersKeepAnAccountsBudget(t *testing.T) {
	f := newFitness(t, simulated.Options{QuotaPerHour: 7})
	f.upload(420, 90*time.Minute)
	f.config.Workers = 4
	f.start(f.config, work.Hooks{})
	f.start(f.config, work.Hooks{})
	var ids []string
	for range 3 {
		p, id := newPerson(), events.NewID()
		f.publish(events.Event{ID: id, UserID: p.user, Data: &events.ConnectionActivated{
			ConnectionID: p.connection, UserID: p.user, Provider: cloudName, ProviderAccountID: f.account, ActivatedAt: f.clock.now(),
		}})
		ids = append(ids, events.SyncID(id))
	}
	f.eventually("all syncs are known", func() bool {
		n := 0
		return f.db.QueryRow(t.Context(), "SELECT count(*) FROM poller.windows").Scan(&n) == nil && n == 3
	})
	f.untilEnded(ids, func() {
		if n := f.fake.Answers()[429]; n > 0 {
			t.Fatalf("the cloud refused %d requests for the limit", n)
		}
	})
	if n := f.fake.Requests()[simulated.EndpointActivities]; n < 15 {
		t.Errorf("only %d requests: the quota was no matter", n)
	}
	f.exactly(3 * 420)
}

func TestAnUnexpectedRefusalHalvesTheBudget(t *testing.T) {
	for name, app := range map[string]bool{"account": false, "app": true} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.cloud.fill(29, w.clock.now(), day)
			w.cloud.change(func(c *cloud) { c.pageSize = 1 })
			c := w.config()
			c.Rescan = nil
			if app {
				c.Connectors[cloudName].Budgets = []provider.Budget{{Whose: provider.OfApp, Requests: 8, Per: time.Hour}}
			} else {
				c.Connectors[cloudName].Budgets = []provider.Budget{{Requests: 8, Per: time.Hour}}
			}
			start := w.clock.now()
			asked := w.byHour()
			w.cloud.change(func(c *cloud) {
				count := c.answer
				c.answer = func(call int, r provider.ListRequest) error {
					if call == 3 {
						return &provider.Error{Provider: cloudName, Op: "list activities", Class: provider.ClassRateLimited, Status: 429, RetryAt: start.Add(time.Hour)}
					}
					return count(call, r)
				}
			})
			w.start(c, work.Hooks{})
			p := newPerson()
			id := w.activate(p)
			if got := w.reported(id, events.SyncDeferred); !got.NotBefore.Equal(start.Add(time.Hour)) {
				t.Errorf("the report is %+v", got)
			}
			w.untilEnded([]string{id}, func() {})
			w.cloud.change(func(*cloud) {
				for hour, want := range []int{2, 4, 8} { // the refused one is not counted
					if got := asked[start.Add(time.Duration(hour)*time.Hour)]; got != want {
						t.Errorf("%d requests in hour %d, want %d", got, hour, want)
					}
				}
			})
		})
	}
}

func TestAManualSyncIsToldUntilWhenItWaits(t *testing.T) {
	w, p := seasoned(t, 3, day, func(c *Config) {
		c.Rescan = nil
		c.Connectors[cloudName].Budgets = []provider.Budget{{Requests: 1, Per: time.Hour}}
	})
	id := w.request(p, events.TriggerManual, w.clock.now().Add(-2*day), w.clock.now())
	got := w.reported(id, events.SyncDeferred)
	var seen *time.Time
	if err := w.db.QueryRow(t.Context(), "SELECT not_before FROM poller.view_syncs_v1 WHERE sync_id = $1 AND status = 'deferred'", id).Scan(&seen); err != nil {
		t.Fatal(err)
	}
	want := w.clock.now().Add(time.Hour)
	if seen == nil || !seen.Equal(want) || !got.NotBefore.Equal(want) || got.Error.Code != "out_of_budget" {
		t.Errorf("not before %v, the report is %s", seen, fmt.Sprintf("%+v", got))
	}
}
