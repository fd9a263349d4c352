package poller

import (
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/platform/bus/bustest"
	"github.com/stridelog/stridelog/platform/natsserver"
	"github.com/stridelog/stridelog/services/poller/internal/work"
)

// resize changes by how much a record is larger than others.
func (c *cloud) resize(id string, bulk int) {
	c.change(func(c *cloud) {
		for i := range c.records {
			if c.records[i].id == id {
				c.records[i].bulk = bulk
			}
		}
	})
}

// lines is a log that a test can read.
type lines struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lines) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(line)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func TestARecordThatIsTooLargeForTheLogBlocksNothing(t *testing.T) {
	const tooMuch = 100 << 10
	b, _ := bustest.With(t, natsserver.Options{StoreDir: t.TempDir(), MaxPayload: 64 << 10})
	w := newWorldOn(t, b)
	w.cloud.fill(25, w.clock.now(), day)
	w.cloud.resize("r3", tooMuch)
	w.cloud.change(func(c *cloud) { c.records[3].problem = "not understood either" })
	w.cloud.resize("r12", tooMuch)
	var said lines
	c := w.config()
	c.Rescan, c.Log = nil, slog.New(slog.NewTextHandler(&said, nil))
	w.start(c, work.Hooks{})
	p := newPerson()
	rejected := func(got *events.SyncFinished, n, unchanged int) {
		t.Helper()
		if got.Status != events.SyncPartial || got.Error == nil || got.Error.Code != "records_rejected" || got.Counts.Rejected != n ||
			got.Counts.Unchanged != unchanged || got.Covered == nil || *got.Covered != got.Window {
			t.Errorf("the report is %+v, covered %v, error %v", got, got.Covered, got.Error)
		}
	}
	got := w.ended(w.activate(p))
	if rejected(got, 2, 0); got.Counts.New != 23 || got.Counts.Seen != 25 {
		t.Errorf("the counts are %+v", got.Counts)
	}
	w.exactly(23)
	if log := said.String(); strings.Count(log, "larger than the log takes") != 2 || !strings.Contains(log, "external_id=r12 bytes=") || strings.Contains(log, "xxxx") {
		t.Errorf("the log says %.3000s", log)
	}
	// A known one that grows keeps its last version, and is no suspect.
	w.cloud.resize("r5", tooMuch)
	rejected(w.look(p, 30), 3, 22)
	if n := w.suspects(); n != 0 {
		t.Errorf("%d suspects", n)
	}
	// As soon as one fits it is taken.
	w.cloud.resize("r12", 1<<10)
	if got := w.look(p, 30); got.Counts.New != 1 {
		t.Errorf("the counts are %+v", got.Counts)
	}
	w.exactly(24)
}

func TestAServerThatTakesShortPagesGetsThem(t *testing.T) {
	b, _ := bustest.With(t, natsserver.Options{StoreDir: t.TempDir(), MaxPage: 3})
	w := newWorldOn(t, b)
	w.cloud.fill(25, w.clock.now(), day)
	w.start(w.config(), work.Hooks{})
	if got := w.ended(w.activate(newPerson())); got.Status != events.SyncSuccess || got.Counts.New != 25 || got.Counts.Seen != 25 || got.Counts.Pages != 3 {
		t.Errorf("the report is %+v", got)
	}
	w.exactly(25)
}
