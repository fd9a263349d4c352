package poller

import (
	"flag"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/services/poller/internal/work"
)

func (c *cloud) remove(ids ...string) {
	c.change(func(c *cloud) {
		c.records = slices.DeleteFunc(c.records, func(r record) bool { return slices.Contains(ids, r.id) })
	})
}

func (c *cloud) move(id string, by time.Duration) {
	c.change(func(c *cloud) {
		for i := range c.records {
			if c.records[i].id == id {
				c.records[i].start, c.records[i].version = c.records[i].start.Add(by), "moved"
			}
		}
	})
}

func (w *world) removals() []*events.ActivityRemoved {
	w.t.Helper()
	return read[*events.ActivityRemoved](w, events.StreamFacts, events.TypeSubjects(events.TypeActivityRemoved))
}

func (w *world) removed() []string {
	w.t.Helper()
	var ids []string
	for _, r := range w.removals() {
		ids = append(ids, r.ExternalID)
	}
	slices.Sort(ids)
	return ids
}

func (w *world) suspects() int {
	w.t.Helper()
	var n int
	if err := w.db.QueryRow(w.t.Context(), "SELECT count(*) FROM poller.suspects").Scan(&n); err != nil {
		w.t.Fatal(err)
	}
	return n
}

// seasoned is a world with a person whose n records, one every step, are known.
func seasoned(t testing.TB, n int, step time.Duration, change func(*Config)) (*world, person) {
	t.Helper()
	w := newWorld(t)
	w.cloud.fill(n, w.clock.now(), step)
	w.cloud.change(func(c *cloud) { c.resume = true })
	c := w.config()
	if change != nil {
		change(&c)
	}
	w.start(c, work.Hooks{})
	p := newPerson()
	w.ended(w.activate(p))
	w.settled()
	return w, p
}

// look reads the last days on request; nothing else runs before it has ended.
func (w *world) look(p person, days int) *events.SyncFinished {
	w.t.Helper()
	got := w.ended(w.request(p, events.TriggerManual, w.clock.now().AddDate(0, 0, -days), w.clock.now()))
	w.settled()
	return got
}

// later lets time pass and everything that becomes due end.
func (w *world) later(d time.Duration) {
	w.t.Helper()
	w.advance(d)
	w.settled()
}

func quiet(c *Config) { c.Rescan = nil }

func TestARecordThatTwoPassesMissIsRemoved(t *testing.T) {
	w, p := seasoned(t, 25, day, quiet)
	w.cloud.remove("r5")
	w.look(p, 20)
	if n := w.suspects(); n != 1 || len(w.removed()) != 0 {
		t.Fatalf("after the first pass: %d suspects, removed %v", n, w.removed())
	}
	w.look(p, 20)
	w.later(59 * time.Minute)
	if got := w.removed(); len(got) != 0 {
		t.Fatalf("removed too early: %v", got)
	}
	before := len(w.cloud.requests())
	w.later(2 * time.Minute)
	got := w.removals()
	if len(got) != 1 || got[0].ExternalID != "r5" || got[0].Proof != events.RemovedTwiceGone || got[0].Origin != events.OriginAPI || got[0].UserID != p.user {
		t.Fatalf("removed %+v", got)
	}
	start := w.clock.now().Add(-time.Hour - time.Minute).Add(-6 * day)
	for _, r := range w.cloud.requests()[before:] {
		if r.Window.From.After(start.Add(-35 * day)) {
			t.Errorf("the second pass read only from %s", r.Window.From)
		}
	}
	report := w.reports("")[len(w.reports(""))-1]
	if report.SyncID != got[0].SyncID || report.Counts.Removed != 1 || report.Status != events.SyncSuccess || report.Trigger != events.TriggerScheduled {
		t.Errorf("the report is %+v", report)
	}
	if n := w.suspects(); n != 0 {
		t.Errorf("%d suspects stay", n)
	}
	w.look(p, 20)
	w.later(3 * day)
	if got := w.removed(); len(got) != 1 {
		t.Errorf("a removed record was removed again: %v", got)
	}
	// It comes back, and goes once more.
	w.cloud.change(func(c *cloud) { c.records = append(c.records, record{id: "r5", version: "A", start: start}) })
	w.look(p, 20)
	facts := w.facts()
	if back := facts[len(facts)-1]; back.ExternalID != "r5" || back.ReplacesSequence == 0 || len(facts) != 26 {
		t.Fatalf("after it came back: %d facts, the last %+v", len(facts), back)
	}
	w.cloud.remove("r5")
	w.look(p, 20)
	w.later(61 * time.Minute)
	if got := w.removed(); len(got) != 2 {
		t.Errorf("removed %v", got)
	}
}

func TestTheEdgesOfAWindowAreNoEvidence(t *testing.T) {
	w, p := seasoned(t, 50, day/2, quiet)
	w.cloud.remove("r0", "r38") // twelve hours from an end of what is read
	w.look(p, 20)
	if n := w.suspects(); n != 0 {
		t.Errorf("%d records near an edge are suspects", n)
	}
	w.cloud.remove("r1")
	w.look(p, 20)
	if n := w.suspects(); n != 1 {
		t.Errorf("%d suspects, want the record a day from the end", n)
	}
}

func TestASecondPassTooSoonRemovesNothing(t *testing.T) {
	w, p := seasoned(t, 25, day, quiet)
	w.cloud.remove("r5")
	w.look(p, 20)
	w.later(50 * time.Minute)
	w.cloud.remove("r6")
	w.look(p, 20)
	w.later(11 * time.Minute) // the second pass for the one is too soon for the other
	if got := w.removed(); !slices.Equal(got, []string{"r5"}) {
		t.Errorf("removed %v", got)
	}
	w.later(time.Hour)
	if got := w.removed(); !slices.Equal(got, []string{"r5", "r6"}) {
		t.Errorf("removed %v", got)
	}
}

func TestASightingAnywhereClearsASuspicion(t *testing.T) {
	w, p := seasoned(t, 25, day, quiet)
	w.cloud.change(func(c *cloud) { c.hidden = map[string]bool{"r5": true} })
	w.look(p, 20)
	if w.suspects() != 1 {
		t.Fatal("no suspect")
	}
	w.cloud.change(func(c *cloud) { c.hidden = nil })
	w.look(p, 7)
	if w.suspects() != 0 {
		t.Error("the suspicion stays after a sighting")
	}
	w.cloud.remove("r5")
	w.later(2 * time.Hour) // the second look misses it for the first time
	if got := w.removed(); len(got) != 0 {
		t.Errorf("one pass was enough to remove %v", got)
	}
	w.later(2 * time.Hour)
	if got := w.removed(); len(got) != 1 {
		t.Errorf("removed %v", got)
	}
}

func TestAMovedStartIsAnEdit(t *testing.T) {
	for _, by := range []time.Duration{-60 * day, -40 * day, -day, 5 * day} {
		t.Run(by.String(), func(t *testing.T) {
			w, p := seasoned(t, 25, day, quiet)
			w.cloud.move("r9", by)
			w.look(p, 25)
			w.later(61 * time.Minute)
			w.later(day)
			if got := w.removed(); len(got) != 0 {
				t.Errorf("removed %v", got)
			}
			facts := w.facts()
			if last := facts[len(facts)-1]; len(facts) != 26 || last.ExternalID != "r9" {
				t.Errorf("%d facts, the last about %s", len(facts), last.ExternalID)
			}
		})
	}
}

func TestAPassThatWasInterruptedMissesNothing(t *testing.T) {
	w := newWorld(t)
	w.cloud.fill(25, w.clock.now(), day)
	w.cloud.change(func(c *cloud) { c.resume = true })
	c := w.config()
	c.Rescan = nil
	first := w.start(c, work.Hooks{Committed: onCall(5)}) // three pages of the consent, then two
	p := newPerson()
	w.ended(w.activate(p))
	w.cloud.remove("r5")
	id := w.request(p, events.TriggerManual, w.clock.now().AddDate(0, 0, -25), w.clock.now())
	_ = w.died(first)
	w.clock.advance(c.Lease + time.Second)
	w.start(c, work.Hooks{})
	w.ended(id)
	w.settled()
	if n := w.suspects(); n != 0 {
		t.Errorf("a resumed pass made %d suspects", n)
	}
	w.look(p, 20)
	if n := w.suspects(); n != 1 {
		t.Errorf("a whole pass made %d suspects", n)
	}
}

func TestASecondLookThatACrashInterruptsBeginsAgain(t *testing.T) {
	w := newWorld(t)
	w.cloud.fill(25, w.clock.now(), day)
	w.cloud.change(func(c *cloud) { c.resume = true })
	c := w.config()
	c.Rescan = nil
	first := w.start(c, work.Hooks{Committed: onCall(7)})
	p := newPerson()
	w.ended(w.activate(p))
	w.cloud.remove("r5")
	w.look(p, 20)
	w.advance(61 * time.Minute)
	_ = w.died(first)
	var midway bool
	if err := w.db.QueryRow(t.Context(), "SELECT covered_from > window_from FROM poller.windows WHERE confirms AND status = 'running'").Scan(&midway); err != nil || !midway {
		t.Fatalf("the crash did not come in the middle of the second look: %v", err)
	}
	w.clock.advance(c.Lease + time.Second)
	w.start(c, work.Hooks{})
	w.eventually("the record is removed", func() bool { return len(w.removed()) == 1 })
	w.settled()
	if got := w.removed(); !slices.Equal(got, []string{"r5"}) {
		t.Errorf("removed %v", got)
	}
}

func TestACrashAfterARemovalRepeatsNothing(t *testing.T) {
	w := newWorld(t)
	w.cloud.fill(9, w.clock.now(), day)
	c := w.config()
	c.Rescan = nil
	first := w.start(c, work.Hooks{Published: onCall(2)})
	p := newPerson()
	w.ended(w.activate(p))
	w.cloud.remove("r5")
	w.look(p, 9)
	w.advance(61 * time.Minute)
	_ = w.died(first)
	w.clock.advance(c.Lease + time.Second)
	w.start(c, work.Hooks{})
	w.settled()
	w.look(p, 9)
	w.later(2 * day)
	if got := w.removals(); len(got) != 1 {
		t.Errorf("removed %d times", len(got))
	}
	if r := w.reports(w.removals()[0].SyncID); len(r) != 1 || r[0].Counts.Removed != 1 {
		t.Errorf("the reports are %+v", r)
	}
}

func TestOnlyThePresentAccountsRecordsCanBeMissed(t *testing.T) {
	w, p := seasoned(t, 9, day, quiet)
	w.cloud.remove("r1", "r2", "r3", "r4")
	w.publish(events.Event{UserID: p.user, Data: &events.ConnectionActivated{
		ConnectionID: events.NewID(), UserID: p.user, Provider: cloudName, ProviderAccountID: "another", ActivatedAt: w.clock.now(),
	}})
	w.eventually("the new account is read", func() bool { return len(w.reports("")) == 2 })
	w.settled()
	w.look(p, 9)
	if n := w.suspects(); n != 0 {
		t.Errorf("%d records of another account are suspects", n)
	}
}

func TestARequestMayNameSuspects(t *testing.T) {
	w, p := seasoned(t, 25, day, quiet)
	w.cloud.remove("r20")
	name := func() {
		id := events.NewID()
		w.publish(events.Event{UserID: p.user, Data: &events.SyncRequested{
			SyncID: id, UserID: p.user, Provider: cloudName, Trigger: events.TriggerNotification, RequestedAt: w.clock.now(),
			Window: events.Window{From: w.clock.now().Add(-2 * day), To: w.clock.now()}, Suspects: []string{"r20", "r19", "unknown"},
		}})
		w.ended(id)
		w.settled()
	}
	name() // one complete pass over its neighbourhood follows at once
	if got := w.removed(); len(got) != 0 {
		t.Fatalf("a notice and one pass removed %v", got)
	}
	w.later(61 * time.Minute)
	if got := w.removed(); !slices.Equal(got, []string{"r20"}) || w.suspects() != 0 {
		t.Errorf("removed %v, %d suspects stay", got, w.suspects())
	}
}

// Whatever is edited, moved, hidden for once or deleted: what exists is never
// removed, and what was deleted is removed in the end, once.
func TestRemovalsFollowTheTruth(t *testing.T) {
	if f := flag.Lookup("rapid.checks"); f.Value.String() == f.DefValue {
		_ = f.Value.Set("8") // each starts a database and a NATS server
	}
	rapid.Check(t, func(r *rapid.T) {
		w, p := seasoned(check{t, r}, 30, day*5/6, quiet)
		gone := map[string]bool{}
		for range rapid.IntRange(3, 8).Draw(r, "steps") {
			id := fmt.Sprintf("r%d", rapid.IntRange(2, 24).Draw(r, "record"))
			switch rapid.SampledFrom([]string{"edit", "move", "delete", "hide"}).Draw(r, "change") {
			case "edit":
				w.cloud.edit(id, rapid.StringMatching("[a-z]{3}").Draw(r, "version"))
			case "move":
				if !gone[id] {
					w.cloud.move(id, time.Duration(rapid.IntRange(-30, 2).Draw(r, "days"))*day)
				}
			case "delete":
				if len(gone) < 5 {
					w.cloud.remove(id)
					gone[id] = true
				}
			case "hide":
				w.cloud.change(func(c *cloud) { c.hidden = map[string]bool{id: true} })
			}
			w.look(p, 29)
			w.cloud.change(func(c *cloud) { c.hidden = nil })
			w.later(time.Duration(rapid.IntRange(5, 200).Draw(r, "minutes")) * time.Minute)
		}
		for range 3 {
			w.look(p, 29)
			w.later(26 * time.Hour)
		}
		var want []string
		for id := range gone {
			want = append(want, id)
		}
		slices.Sort(want)
		if got := w.removed(); !slices.Equal(got, want) {
			r.Fatalf("removed %v, want %v", got, want)
		}
	})
}
