package poller

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/platform/bus/bustest"
	"github.com/stridelog/stridelog/platform/natsserver"
	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/services/poller/internal/work"
)

// refused runs a poller that must say that something was restored, and what to do.
func (w *world) refused(c Config) {
	w.t.Helper()
	err := w.died(w.start(c, work.Hooks{}))
	if !errors.Is(err, work.ErrRestored) || !strings.Contains(err.Error(), "stridelog rebuild") {
		w.t.Fatalf("the poller ended with %v", err)
	}
}

func (w *world) reindex(c Config) Reindexed {
	w.t.Helper()
	s, err := New(c)
	if err != nil {
		w.t.Fatal(err)
	}
	s.now = w.clock.now
	done, err := s.Reindex(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	return done
}

// quietly scans everybody and fails when that says anything.
func (w *world) quietly(c Config, people ...person) {
	w.t.Helper()
	before := len(w.facts())
	w.start(c, work.Hooks{})
	for _, p := range people {
		if got := w.look(p, 30); got.Status != events.SyncSuccess || got.Counts.New+got.Counts.Changed+got.Counts.Removed > 0 || got.Counts.Unchanged == 0 {
			w.t.Errorf("the report is %+v", got)
		}
	}
	if n := len(w.facts()); n != before {
		w.t.Errorf("the scan published %d facts", n-before)
	}
}

func (w *world) reopen(b *bus.Bus) Config {
	w.bus = b
	w.serve()
	return w.config()
}

func TestAnOlderLogUnderANewerDatabaseIsRefusedAndMended(t *testing.T) {
	live, backup := t.TempDir(), t.TempDir()+"/backup"
	b, down := bustest.With(t, natsserver.Options{StoreDir: live})
	w := newWorldOn(t, b)
	w.cloud.fill(12, w.clock.now(), day)
	poller := w.start(w.config(), work.Hooks{})
	first, second, third := newPerson(), newPerson(), newPerson()
	w.ended(w.activate(first))
	w.settled()
	if err := poller.stop(); err != nil {
		t.Fatal(err)
	}
	down()
	if err := os.CopyFS(backup, os.DirFS(live)); err != nil {
		t.Fatal(err)
	}
	b, down = bustest.With(t, natsserver.Options{StoreDir: live})
	poller = w.start(w.reopen(b), work.Hooks{})
	w.cloud.edit("r1", "B")
	w.look(first, 30)
	w.ended(w.activate(second))
	w.ended(w.activate(third))
	w.settled()
	if err := poller.stop(); err != nil {
		t.Fatal(err)
	}
	down()

	b, down = bustest.With(t, natsserver.Options{StoreDir: backup})
	defer down()
	c := w.reopen(b)
	w.refused(c)
	if done := w.reindex(c); done.Targets != 3 || done.Activities != 12 || done.Facts != 12 {
		t.Errorf("reindexed %+v", done)
	}
	// What the log has lost comes again, once: an edit and the second person.
	poller = w.start(c, work.Hooks{})
	// News has lower sequences now than what the database had seen.
	w.publish(events.Event{UserID: third.user, Data: &events.ConnectionRevoked{
		ConnectionID: third.connection, UserID: third.user, Provider: cloudName, By: events.RevokedByUser, RevokedAt: w.clock.now(),
	}})
	w.eventually("the third connection ends", func() bool { return w.standing(third) == "ended" })
	if got := w.look(first, 30); got.Counts.Changed != 1 || got.Counts.New != 0 || got.Counts.Unchanged != 11 {
		t.Errorf("the report is %+v", got)
	}
	if got := w.look(second, 30); got.Counts.New != 12 {
		t.Errorf("the report is %+v", got)
	}
	if err := poller.stop(); err != nil {
		t.Fatal(err)
	}
	w.quietly(c, first, second)
	w.exactly(25)
}

func TestAReplacedLogIsRefusedAndMended(t *testing.T) {
	w := newWorld(t)
	w.cloud.fill(12, w.clock.now(), day)
	poller := w.start(w.config(), work.Hooks{})
	p := newPerson()
	w.ended(w.activate(p))
	w.settled()
	if err := poller.stop(); err != nil {
		t.Fatal(err)
	}
	before := read[events.Data](w, events.StreamFacts, ">")
	c := w.reopen(bustest.New(t))
	for _, data := range before { // the same facts in another life of the stream
		w.publish(events.Event{UserID: p.user, Data: data})
	}
	w.refused(c)
	w.reindex(c)
	w.quietly(c, p)
}

// tables of the poller, as a backup of the database holds them.
const tables = "connections targets windows scans activity_index budgets suspects progress outbox"

// backup keeps the database as it is; restore makes it so again.
func (w *world) backup() (restore func()) {
	w.t.Helper()
	each := func(sql string) {
		w.t.Helper()
		for name := range strings.FieldsSeq(tables) {
			if _, err := w.db.Exec(w.t.Context(), fmt.Sprintf(sql, name)); err != nil {
				w.t.Fatal(err)
			}
		}
	}
	each("CREATE TABLE public.%[1]s AS TABLE poller.%[1]s")
	return func() {
		w.t.Helper()
		each("DELETE FROM poller.%[1]s")
		each("INSERT INTO poller.%[1]s OVERRIDING SYSTEM VALUE TABLE public.%[1]s")
	}
}

func TestAnOlderDatabaseUnderANewerLogIsRefusedAndMended(t *testing.T) {
	w := newWorld(t)
	w.cloud.fill(12, w.clock.now(), day)
	c := w.config()
	poller := w.start(c, work.Hooks{})
	first, second, third := newPerson(), newPerson(), newPerson()
	w.ended(w.activate(first))
	w.ended(w.activate(third))
	w.settled()
	if err := poller.stop(); err != nil {
		t.Fatal(err)
	}
	restore := w.backup()
	poller = w.start(c, work.Hooks{})
	w.cloud.edit("r1", "B")
	w.look(first, 30)
	w.ended(w.activate(second))
	w.publish(events.Event{UserID: third.user, Data: &events.ConnectionRevoked{
		ConnectionID: third.connection, UserID: third.user, Provider: cloudName, By: events.RevokedByUser, RevokedAt: w.clock.now(),
	}})
	w.eventually("the third connection ends", func() bool { return w.standing(third) == "ended" })
	w.settled()
	if err := poller.stop(); err != nil {
		t.Fatal(err)
	}
	w.clock.advance(time.Minute)
	restore()
	w.refused(c)
	if done := w.reindex(c); done.Connections != 2 || done.Targets != 3 || done.Facts != 37 {
		t.Errorf("reindexed %+v", done)
	}
	if got := w.standing(third); got != "ended" {
		t.Errorf("the third connection is %s", got)
	}
	w.quietly(c, first, second)
	if done := w.reindex(c); done.Connections != 0 || done.Activities != 36 {
		t.Errorf("a second time: %+v", done)
	}
}

// A request was acknowledged, and the database that knew of it is gone.
func TestASyncThatAnOlderDatabaseLostIsTakenUpAgain(t *testing.T) {
	w := newWorld(t)
	w.cloud.fill(12, w.clock.now(), day)
	c := w.config()
	c.Rescan = nil
	poller := w.start(c, work.Hooks{})
	p := newPerson()
	w.ended(w.activate(p))
	waiting := w.clock.now()
	retry := waiting.Add(time.Hour)
	refused := true // under the cloud's lock
	w.cloud.change(func(cl *cloud) {
		cl.answer = func(int, provider.ListRequest) error {
			if refused {
				return &provider.Error{Provider: cloudName, Op: "list activities", Class: provider.ClassRateLimited, Status: 429, RetryAt: retry}
			}
			return nil
		}
	})
	known := w.request(p, events.TriggerManual, waiting.Add(-5*day), waiting) // waits in the backup
	w.reported(known, events.SyncDeferred)
	w.settled()
	restore := w.backup()
	w.cloud.change(func(*cloud) { refused = false })
	w.advance(61 * time.Minute)
	w.ended(known)
	finished := w.look(p, 10)
	w.cloud.change(func(*cloud) { refused = true })
	retry = w.clock.now().Add(time.Hour)
	lost := w.request(p, events.TriggerManual, w.clock.now().Add(-5*day), w.clock.now())
	w.reported(lost, events.SyncDeferred)
	w.settled()
	if err := poller.stop(); err != nil {
		t.Fatal(err)
	}
	restore()
	w.cloud.change(func(*cloud) { refused = false })
	if done := w.reindex(c); done.Requests != 1 {
		t.Errorf("reindexed %+v, want one request", done)
	}
	w.start(c, work.Hooks{})
	if got := w.ended(lost); got.Status != events.SyncSuccess || got.Report != 2 || got.Trigger != events.TriggerManual {
		t.Errorf("the report is %+v", got)
	}
	w.settled()
	if n := len(w.reports(finished.SyncID)); n != 1 {
		t.Errorf("a finished sync was reported %d times", n)
	}
	// What the database still had waiting ends again, and says so in a later report.
	if of := w.reports(known); len(of) != 3 || of[2].Report != 3 {
		t.Errorf("%d reports of the sync that the backup knew", len(of))
	}
	if done := w.reindex(c); done.Requests != 0 {
		t.Errorf("a second time: %+v", done)
	}
	w.exactly(12)
}

func (w *world) standing(p person) (status string) {
	w.t.Helper()
	if err := w.db.QueryRow(w.t.Context(), "SELECT status FROM poller.targets WHERE user_id = $1", p.user).Scan(&status); err != nil {
		w.t.Fatal(err)
	}
	return status
}

func TestAReindexBesideARunningPollerDisturbsNothing(t *testing.T) {
	w := newWorld(t)
	w.cloud.fill(40, w.clock.now(), day/2)
	c := w.config()
	g := w.gate()
	w.start(c, work.Hooks{})
	p := newPerson()
	id := w.activate(p)
	<-g.reached // a page is on its way
	w.reindex(c)
	g.let()
	if got := w.ended(id); got.Status != events.SyncSuccess {
		t.Errorf("the report is %+v", got)
	}
	w.reindex(c)
	if got := w.look(p, 25); got.Counts.New+got.Counts.Changed > 0 || got.Counts.Unchanged != 40 {
		t.Errorf("the report is %+v", got)
	}
	w.exactly(40)
}
