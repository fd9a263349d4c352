package poller

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/services/poller/internal/work"
)

// Ids, cursors and numbers of a provider that no database holds neither stop a sync
// nor make one record of two.
func TestWhatNoDatabaseHoldsStopsNoSync(t *testing.T) {
	w := newWorld(t)
	w.cloud.change(func(c *cloud) {
		for i, id := range []string{"plain", "nul\x00a", "nul\x00b", "\xff", "\xfe", strings.Repeat("long", 5000), ""} {
			c.records = append(c.records, record{id: id, version: string(rune('a' + i)), start: w.clock.now().Add(-time.Duration(i+1) * time.Hour)})
		}
		c.quota = func() []provider.Quota {
			return []provider.Quota{{Limit: math.MaxInt64, Remaining: math.MaxInt64, ResetAt: time.Unix(1<<55, 0)}}
		}
	})
	w.start(w.config(), work.Hooks{})
	p := newPerson()
	got := w.ended(w.activate(p))
	if got.Status != events.SyncPartial || got.Counts.New != 7 || got.Counts.Rejected != 6 {
		t.Fatalf("the first sync reports %+v", got)
	}
	ids := map[string]bool{}
	for _, f := range w.facts() {
		ids[f.ExternalID] = true
	}
	if len(ids) != 7 || !ids["plain"] {
		t.Errorf("the log knows %d records: %v", len(ids), ids)
	}
	w.settled()
	if again := w.look(p, 30); again.Status != events.SyncPartial || again.Counts.New+again.Counts.Changed+again.Counts.Removed != 0 {
		t.Errorf("the second sync reports %+v", again)
	}
	w.cloud.change(func(c *cloud) {
		c.answer = func(call int, _ provider.ListRequest) error {
			c.answer = nil
			return &provider.Error{
				Provider: cloudName, Op: "list activities", Class: provider.ClassRateLimited, RetryAt: time.Unix(1<<55, 0),
				Quotas: []provider.Quota{{Limit: -1, Remaining: math.MinInt64, ResetAt: time.Unix(-1<<55, 0)}},
			}
		}
	})
	id := w.request(p, events.TriggerManual, w.clock.now().AddDate(0, 0, -30), w.clock.now())
	w.reported(id, events.SyncDeferred)
	w.advance(2 * time.Hour)
	if last := w.ended(id); last.Status != events.SyncPartial {
		t.Errorf("after a refusal until a time that is none: %+v", last)
	}
}
