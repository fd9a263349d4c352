package poller

import (
	"slices"
	"testing"
	"time"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/services/poller/internal/work"
)

// deep is a configuration with a deep scan.
func deep(w *world) Config {
	c := w.config()
	c.Deep = Scan{Span: 400 * day, Every: 30 * day}
	return c
}

func (w *world) deepDue() []time.Time {
	w.t.Helper()
	rows, err := w.db.Query(w.t.Context(), "SELECT deep_due FROM poller.targets ORDER BY 1")
	if err != nil {
		w.t.Fatal(err)
	}
	defer rows.Close()
	var list []time.Time
	for rows.Next() {
		var at time.Time
		if err := rows.Scan(&at); err != nil {
			w.t.Fatal(err)
		}
		list = append(list, at)
	}
	return list
}

// What somebody writes back by 100 days while all is well is read within 30 days,
// and connections of one moment are not read at one moment.
func TestTheDeepScanFindsWhatWasWrittenBack(t *testing.T) {
	const people = 8
	w := newWorld(t)
	c := deep(w)
	c.Rescan = nil
	w.start(c, work.Hooks{})
	for range people {
		w.ended(w.activate(newPerson()))
	}
	w.settled()
	turns, end := w.deepDue(), w.clock.now().Add(30*day)
	if len(slices.Compact(slices.Clone(turns))) != people || turns[len(turns)-1].Sub(turns[0]) < day || turns[people-1].After(end) {
		t.Errorf("the turns of one moment's connections are %v", turns)
	}
	w.cloud.change(func(c *cloud) {
		c.records = append(c.records, record{id: "late", version: "A", start: w.clock.now().Add(-100 * day)})
	})
	w.advance(30 * day)
	w.settled()
	w.exactly(people)
	before := len(w.cloud.requests())
	w.advance(29 * day)
	w.settled()
	if n := len(w.cloud.requests()) - before; n != 0 {
		t.Errorf("%d requests before the next turn", n)
	}
	// A program without a deep scan takes the turns away, one with it gives them back.
	for _, with := range []bool{false, true} {
		c.Deep = Scan{}
		if with {
			c.Deep = deep(w).Deep
		}
		w.start(c, work.Hooks{})
		var has bool
		if err := w.db.QueryRow(t.Context(), "SELECT bool_and(deep_due IS NOT NULL) FROM poller.targets").Scan(&has); err != nil || has != with {
			t.Errorf("with a deep scan: %t; there are turns: %t (%v)", with, has, err)
		}
	}
}

// A deep scan takes a tenth of the account's budget at most, waits behind everything
// else, and holds up no other scan.
func TestTheDeepScanLeavesTheBudgetToOthers(t *testing.T) {
	const limit, history = 40, 20
	w := newWorld(t)
	c := deep(w)
	c.Connectors[cloudName].Budgets = []provider.Budget{{Requests: limit, Per: time.Hour}}
	w.start(c, work.Hooks{})
	p := newPerson()
	w.consent(&p, "account")
	w.settled()
	w.cloud.fill(history, w.clock.now().Add(-40*day), 15*day)
	w.cloud.change(func(c *cloud) { c.pageSize = 1 })
	w.advance(time.Hour)
	w.settled()
	deeps, others := map[time.Time]int{}, map[time.Time]int{}
	w.cloud.change(func(c *cloud) {
		c.answer = func(_ int, r provider.ListRequest) error {
			hour := w.clock.now().Truncate(time.Hour)
			if r.Window.To.Sub(r.Window.From) > 8*day {
				deeps[hour]++
			} else {
				others[hour]++
			}
			return nil
		}
	})
	if _, err := w.db.Exec(t.Context(), `UPDATE poller.targets SET deep_due = $1`, w.clock.now().Add(time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := w.db.Exec(t.Context(), `SELECT poller.refresh_due(user_id, provider) FROM poller.targets`); err != nil {
		t.Fatal(err)
	}
	var wide int
	for range 40 {
		w.advance(16 * time.Minute)
		w.settled()
		if err := w.db.QueryRow(t.Context(), "SELECT count(*) FROM poller.windows WHERE deep AND status = 'done'").Scan(&wide); err != nil {
			t.Fatal(err)
		}
		if wide > 0 {
			break
		}
	}
	if wide == 0 {
		t.Fatal("the deep scan does not end")
	}
	w.cloud.change(func(*cloud) {
		for hour, n := range deeps {
			if n > limit/10 {
				t.Errorf("%d requests of the deep scan in the hour of %s", n, hour)
			}
			if over := hour.Before(w.clock.now().Truncate(time.Hour)); over && others[hour] < 3 {
				t.Errorf("only %d other scans in the hour of %s", others[hour], hour)
			}
		}
		if len(deeps) < 5 {
			t.Errorf("the deep scan took %d hours: the budget was no matter", len(deeps))
		}
	})
	w.exactly(history)
	for _, r := range w.reports("") {
		if r.Status == events.SyncDeferred {
			t.Errorf("the deep scan says that it waits: %+v", r)
		}
	}
}

// After a time without a consent what was written back to days that were read before
// is looked for at once.
func TestAReconnectReadsDeep(t *testing.T) {
	w := newWorld(t)
	c := deep(w)
	w.start(c, work.Hooks{})
	p := newPerson()
	w.consent(&p, "account")
	w.settled()
	w.cloud.fill(10, w.clock.now().Add(-50*day), 5*day)
	w.refuse(p)
	w.consent(&p, "account")
	w.settled()
	w.exactly(10)
}
