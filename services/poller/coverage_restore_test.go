package poller

import (
	"os"
	"testing"
	"time"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/platform/bus/bustest"
	"github.com/stridelog/stridelog/platform/natsserver"
	"github.com/stridelog/stridelog/platform/postgres/postgrestest"
	"github.com/stridelog/stridelog/services/poller/internal/work"
)

// A new database beside an old log: what nobody knows to have been read is read again
// from the latest record that the log holds.
func TestANewDatabaseKnowsFromTheLogWhatWasRead(t *testing.T) {
	w := newWorld(t)
	w.cloud.fill(3, w.clock.now(), day)
	first := w.start(w.config(), work.Hooks{})
	p, began := newPerson(), w.clock.now()
	w.ended(w.activate(p))
	w.settled()
	if err := first.stop(); err != nil {
		t.Fatal(err)
	}
	w.clock.advance(100 * day)
	w.cloud.change(func(c *cloud) {
		c.records = append(c.records, record{id: "since", version: "A", start: began.Add(20 * day)})
	})
	w.db = postgrestest.New(t)
	c := w.config()
	w.reindex(c)
	w.start(c, work.Hooks{})
	w.advance(20 * time.Minute)
	w.settled()
	w.advance(20 * time.Minute)
	w.eventually("the gap is closed", func() bool {
		got := w.covered(p, "acc-"+p.user)
		return len(got) == 1 && got[0].from.Equal(began.Add(-8*day)) && !got[0].to.Before(began.Add(100*day))
	})
	w.settled()
	w.exactly(4)
}

// An older log has lost records of days that the database says were read: they are
// read again, however long ago they are.
func TestAnOlderLogTakesBackWhatWasRead(t *testing.T) {
	live, backup := t.TempDir(), t.TempDir()+"/backup"
	b, down := bustest.With(t, natsserver.Options{StoreDir: live})
	w := newWorldOn(t, b)
	w.cloud.fill(2, w.clock.now(), day)
	poller := w.start(w.config(), work.Hooks{})
	p, began := newPerson(), w.clock.now()
	w.ended(w.activate(p))
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
	w.clock.advance(day)
	w.cloud.change(func(c *cloud) {
		c.records = append(c.records, record{id: "lost", version: "A", start: began.Add(time.Hour)})
	})
	if got := w.look(p, 3); got.Counts.New != 1 {
		t.Fatalf("the report is %+v", got)
	}
	w.settled()
	if err := poller.stop(); err != nil {
		t.Fatal(err)
	}
	down()
	// The backup comes back long after.
	w.clock.advance(90 * day)
	b, down = bustest.With(t, natsserver.Options{StoreDir: backup})
	defer down()
	c := w.reopen(b)
	w.refused(c)
	w.reindex(c)
	if got := w.covered(p, "acc-"+p.user); len(got) != 1 || got[0].to.After(began) {
		t.Errorf("the older log shows that %v was read", got)
	}
	w.start(c, work.Hooks{})
	w.eventually("the lost record is there", func() bool { return len(w.facts()) == 3 })
	w.settled()
	for _, r := range w.reports("") {
		if r.Status != events.SyncSuccess {
			t.Errorf("a report is %+v", r)
		}
	}
	w.exactly(3)
}
