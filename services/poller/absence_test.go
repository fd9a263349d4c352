package poller

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/services/poller/internal/work"
)

func TestTooManyAbsencesAreNotBelievedForADay(t *testing.T) {
	w, p := seasoned(t, 25, day, quiet)
	all := map[string]bool{}
	for i := range 25 {
		all[fmt.Sprintf("r%d", i)] = true
	}
	// An empty list, once.
	w.cloud.change(func(c *cloud) { c.hidden = all })
	if got := w.look(p, 20); got.Status != events.SyncPartial || got.Error == nil || got.Error.Code != "suspicious_absence" {
		t.Fatalf("the report is %+v", got)
	}
	w.cloud.change(func(c *cloud) { c.hidden = nil })
	if got := w.look(p, 20); got.Status != events.SyncSuccess || w.suspects() != 0 {
		t.Fatalf("the report is %+v", got)
	}
	w.later(25 * time.Hour)
	if got := w.removed(); len(got) != 0 {
		t.Fatalf("removed %v", got)
	}
	// Really gone: six of about twenty.
	gone := []string{"r4", "r5", "r6", "r7", "r8", "r9"}
	w.cloud.remove(gone...)
	if got := w.look(p, 20); got.Status != events.SyncPartial {
		t.Fatalf("the report is %+v", got)
	}
	for range 11 {
		w.later(2 * time.Hour)
		if got := w.look(p, 20); got.Status != events.SyncPartial {
			t.Fatalf("the report is %+v", got)
		}
	}
	if got := w.removed(); len(got) != 0 {
		t.Fatalf("removed %v before a day was over", got)
	}
	w.later(3 * time.Hour)
	if got := w.removed(); !slices.Equal(got, gone) {
		t.Errorf("removed %v, want %v", got, gone)
	}
}

// The waiting time is a setting; REMOVAL_CONFIRM still holds beside it.
func TestTheTimeThatManyAbsencesMustLastIsASetting(t *testing.T) {
	w, p := seasoned(t, 25, day, func(c *Config) { c.Rescan, c.AbsenceConfirm = nil, 3*time.Hour })
	gone := []string{"r4", "r5", "r6", "r7", "r8", "r9"}
	w.cloud.remove(gone...)
	if got := w.look(p, 20); got.Status != events.SyncPartial || got.Error.Code != "suspicious_absence" {
		t.Fatalf("the report is %+v", got)
	}
	w.later(2*time.Hour + 59*time.Minute)
	if got := w.removed(); len(got) != 0 {
		t.Fatalf("removed %v too early", got)
	}
	w.later(2 * time.Minute)
	if got := w.removed(); !slices.Equal(got, gone) {
		t.Errorf("removed %v, want %v", got, gone)
	}
}

func TestTheSecondPassMayStopARemoval(t *testing.T) {
	w, p := seasoned(t, 25, day, quiet)
	w.cloud.remove("r5")
	w.look(p, 20)
	w.cloud.change(func(c *cloud) {
		c.hidden = map[string]bool{}
		for _, r := range c.records {
			c.hidden[r.id] = true
		}
	})
	w.later(61 * time.Minute)
	last := w.reports("")[len(w.reports(""))-1]
	if len(w.removed()) != 0 || last.Status != events.SyncPartial || last.Error.Code != "suspicious_absence" {
		t.Fatalf("removed %v, the report is %+v", w.removed(), last)
	}
	w.cloud.change(func(c *cloud) { c.hidden = nil })
	w.later(25 * time.Hour)
	if got := w.removed(); !slices.Equal(got, []string{"r5"}) {
		t.Errorf("removed %v", got)
	}
}

// A list of more pages than a worker reads in one turn, paged by counting, can miss
// a record all the same, also when somebody more urgent is read in between.
func TestALongListThatIsCountedCanMissARecord(t *testing.T) {
	const pages = 70
	w := newWorld(t)
	w.cloud.fill(pages, w.clock.now(), 8*time.Hour)
	w.cloud.change(func(c *cloud) { c.pageSize, c.counted = 1, true })
	c := w.config()
	c.Rescan = nil
	w.start(c, work.Hooks{})
	p := newPerson()
	w.ended(w.activate(p))
	w.settled()
	w.cloud.remove("r40")
	before := len(w.cloud.requests())
	g := w.gate()
	long := w.request(p, events.TriggerBackfill, w.clock.now().AddDate(0, 0, -30), w.clock.now())
	w.wait("the first page of the long list", g.reached)
	urgent := w.request(p, events.TriggerManual, w.clock.now().Add(-9*time.Hour), w.clock.now())
	w.eventually("the urgent sync is queued", func() bool {
		var n int
		return w.db.QueryRow(t.Context(), "SELECT count(*) FROM poller.windows WHERE id = $1", urgent).Scan(&n) == nil && n == 1
	})
	g.let()
	if got := w.ended(long); got.Status != events.SyncSuccess {
		t.Errorf("the report is %+v", got)
	}
	w.settled()
	if n := len(w.cloud.requests()) - before; n != 2*(pages-1)+1 { // the long list is read until two readings agree
		t.Errorf("%d requests", n)
	}
	if n := w.suspects(); n != 1 {
		t.Fatalf("%d suspects, want one", n)
	}
	w.later(61 * time.Minute)
	if got := w.removed(); !slices.Equal(got, []string{"r40"}) {
		t.Errorf("removed %v", got)
	}
}
