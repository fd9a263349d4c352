package poller

import (
	"testing"
	"time"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/services/poller/internal/work"
)

// refuse makes the cloud answer 429 without any header, as long as while says so.
func (c *cloud) refuse(while func(call int) bool) {
	c.change(func(c *cloud) {
		before := c.answer
		c.answer = func(call int, r provider.ListRequest) error {
			switch {
			case while(call):
				return &provider.Error{Provider: cloudName, Op: "list activities", Class: provider.ClassRateLimited, Status: 429}
			case before != nil:
				return before(call, r)
			default:
				return nil
			}
		}
	})
}

// askedIn fails unless so many requests were answered in each hour since a start.
func (w *world) askedIn(asked map[time.Time]int, since time.Time, want ...int) {
	w.t.Helper()
	w.cloud.change(func(*cloud) {
		for hour, n := range want {
			if got := asked[since.Add(time.Duration(hour)*time.Hour)]; got != n {
				w.t.Errorf("%d requests in hour %d, want %d", got, hour, n)
			}
		}
	})
}

func TestARefusalThatSaysNothingHalvesAndWaitsHalfAMinute(t *testing.T) {
	for name, give := range map[string]func(*provider.Connector){
		"account": func(c *provider.Connector) { c.Budgets = []provider.Budget{{Requests: 8, Per: time.Hour}} },
		"app": func(c *provider.Connector) {
			c.Budgets = []provider.Budget{{Whose: provider.OfApp, Requests: 8, Per: time.Hour}}
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.cloud.fill(29, w.clock.now(), day)
			w.cloud.change(func(c *cloud) { c.pageSize = 1 })
			c := w.config()
			c.Rescan = nil
			give(c.Connectors[cloudName])
			start, asked := w.clock.now(), w.byHour()
			w.cloud.refuse(func(call int) bool { return call == 3 })
			w.start(c, work.Hooks{})
			id := w.activate(newPerson())
			wait := w.reported(id, events.SyncDeferred).NotBefore.Sub(start)
			if wait < 15*time.Second || wait > time.Minute {
				t.Errorf("asked again after %v", wait)
			}
			w.later(wait)
			w.untilEnded([]string{id}, func() {})
			w.askedIn(asked, start, 2+4, 8, 8) // halved for what was left of the hour
			w.exactly(29)
		})
	}
}

func TestAProviderThatGoesOnRefusingIsAskedEverMoreSeldom(t *testing.T) {
	for name, budget := range map[string]provider.Budget{"budget": {Requests: 64, Per: time.Hour}, "none known": {}} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.cloud.fill(25, w.clock.now(), day)
			c := w.config()
			c.Rescan = nil
			c.Connectors[cloudName].Budgets = []provider.Budget{budget}
			refusing := true // under the cloud's lock
			w.cloud.refuse(func(int) bool { return refusing })
			w.start(c, work.Hooks{})
			id := w.activate(newPerson())
			w.reported(id, events.SyncDeferred)
			const refusals = 9
			var wait time.Duration
			for n := 1; n <= refusals; n++ {
				w.settled()
				told := w.reports(id)
				if len(told) != n || len(w.cloud.requests()) != n {
					t.Fatalf("%d reports of %d requests, want %d", len(told), len(w.cloud.requests()), n)
				}
				wait = told[n-1].NotBefore.Sub(w.clock.now())
				if wait < 15*time.Second || wait > 10*time.Minute {
					t.Errorf("asked again after %v", wait)
				}
				if n < refusals {
					w.later(wait)
				}
			}
			if wait < 5*time.Minute {
				t.Errorf("after %d refusals it is asked again in %v", refusals, wait)
			}
			w.cloud.change(func(*cloud) { refusing = false })
			w.advance(wait)
			w.untilEnded([]string{id}, func() {})
			w.exactly(25)
		})
	}
}

func TestAConfiguredBudgetThatChangesCountsFromTheNextHour(t *testing.T) {
	w := newWorld(t)
	w.cloud.fill(29, w.clock.now(), day)
	w.cloud.change(func(c *cloud) { c.pageSize = 1 })
	start, asked := w.clock.now(), w.byHour()
	c := w.config()
	c.Rescan = nil
	var id string
	for hour, requests := range []int{2, 8, 3} {
		c.Connectors[cloudName].Budgets = []provider.Budget{{Requests: requests, Per: time.Hour}}
		poller := w.start(c, work.Hooks{})
		if hour == 0 {
			id = w.activate(newPerson())
			w.reported(id, events.SyncDeferred)
		} else {
			w.advance(time.Hour + time.Second)
		}
		w.settled()
		if err := poller.stop(); err != nil {
			t.Fatal(err)
		}
	}
	w.askedIn(asked, start, 2, 8, 3)
}

func TestALowerLimitThatAnAnswerToldStays(t *testing.T) {
	w := newWorld(t)
	w.cloud.fill(29, w.clock.now(), day)
	start, asked := w.clock.now(), w.byHour()
	w.cloud.change(func(c *cloud) {
		c.pageSize = 1
		c.quota = func() []provider.Quota {
			c.quota = nil // it tells once
			return []provider.Quota{{Limit: 4, Remaining: 3, ResetAt: start.Add(time.Hour)}}
		}
	})
	c := w.config()
	c.Rescan = nil
	c.Connectors[cloudName].Budgets = []provider.Budget{{Requests: 8, Per: time.Hour}}
	w.start(c, work.Hooks{})
	w.reported(w.activate(newPerson()), events.SyncDeferred)
	for range 2 {
		w.settled()
		w.advance(time.Hour + time.Second)
	}
	w.settled()
	w.askedIn(asked, start, 4, 4, 4)
}
