package poller

import (
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/stridelog/stridelog/events"
	simulated "github.com/stridelog/stridelog/provider/simulator/fitbit"
	"github.com/stridelog/stridelog/services/poller/internal/work"
)

// Fitbit's reset, in seconds, is right where it and Retry-After disagree, and a
// client that comes just after it is refused once more. Both were reported by others
// who read this list.
func TestTheResetCountsAlsoWhereRetryAfterSaysAnHour(t *testing.T) {
	body, err := os.ReadFile("testdata/too_many_requests.json")
	if err != nil {
		t.Fatal(err)
	}
	f := newFitness(t, simulated.Options{})
	f.upload(3, day)
	var asked []time.Time
	f.fake.SetFault(func(c *simulated.Call) *simulated.Fault {
		if c.Endpoint != simulated.EndpointActivities {
			return nil
		}
		f.mu.Lock()
		defer f.mu.Unlock()
		if asked = append(asked, f.clock.now()); len(asked) > 2 {
			return nil
		}
		return &simulated.Fault{Before: true, Status: http.StatusTooManyRequests, Body: body, Header: http.Header{
			"Content-Type": {"application/json"}, "Fitbit-Rate-Limit-Limit": {"150"}, "Fitbit-Rate-Limit-Remaining": {"0"},
			"Fitbit-Rate-Limit-Reset": {"6"}, "Retry-After": {"3600"},
		}}
	})
	f.start(f.config, work.Hooks{})
	id := f.activate(f.person)
	for refusals := 1; refusals <= 2; refusals++ {
		var last *events.SyncFinished
		f.eventually("the sync waits", func() bool {
			all := f.reports(id)
			if len(all) < refusals {
				return false
			}
			last = all[len(all)-1]
			return true
		})
		if last.Status != events.SyncDeferred || last.NotBefore == nil {
			t.Fatalf("after refusal %d the report is %+v", refusals, last)
		}
		wait := last.NotBefore.Sub(f.clock.now())
		if wait < 6*time.Second || wait > 8*time.Second {
			t.Errorf("after refusal %d it waits %v, want the 6 s of the reset and a little", refusals, wait)
		}
		f.advance(wait)
	}
	if got := f.ended(id); got.Status != events.SyncSuccess {
		t.Errorf("the sync ended %+v", got)
	}
	f.settled()
	f.truth()
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(asked) < 3 || asked[2].Sub(asked[0]) > 16*time.Second {
		t.Errorf("the list was asked at %v, want a third time about 14 s after the first", asked)
	}
	for _, report := range f.told {
		if report.Class != "" {
			t.Errorf("oauth was told of %+v; the connection is to stay active", report)
		}
	}
}
