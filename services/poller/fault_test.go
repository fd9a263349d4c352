package poller

import (
	"errors"
	"testing"
	"time"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/events/rpc"
	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/services/poller/internal/work"
)

func (c *cloud) failing(class provider.Class) {
	c.change(func(c *cloud) {
		c.answer = func(int, provider.ListRequest) error {
			return &provider.Error{Provider: cloudName, Op: "list activities", Class: class}
		}
	})
}

func (c *cloud) healthy() { c.change(func(c *cloud) { c.answer = nil }) }

func TestASyncOutOfBudgetWaitsForTheReset(t *testing.T) {
	w := newWorld(t)
	w.cloud.fill(25, w.clock.now(), day)
	reset := w.clock.now().Add(40 * time.Minute)
	left := 2
	w.cloud.change(func(c *cloud) {
		c.quota = func() []provider.Quota {
			left--
			return []provider.Quota{{Limit: 150, Remaining: max(left, 0), ResetAt: reset}}
		}
	})
	w.start(w.config(), work.Hooks{})
	id := w.activate(newPerson())
	got := w.reported(id, events.SyncDeferred)
	if got.NotBefore == nil || !got.NotBefore.Equal(reset) || got.Error == nil || got.Error.Code != "out_of_budget" || got.Counts.Pages != 2 {
		t.Fatalf("the report is %+v", got)
	}
	w.settled()
	calls := len(w.cloud.requests())
	w.advance(39 * time.Minute)
	w.settled()
	if n := len(w.cloud.requests()); n != calls {
		t.Errorf("the provider was asked %d times before the reset", n-calls)
	}
	w.cloud.change(func(c *cloud) { c.quota = nil })
	w.advance(2 * time.Minute)
	if got := w.ended(id); got.Status != events.SyncSuccess || got.Report != 2 || got.Counts.New != 25 {
		t.Errorf("the report is %+v", got)
	}
	w.exactly(25)
}

func TestARefusalForTheLimitIsWaitedOut(t *testing.T) {
	w := newWorld(t)
	w.cloud.fill(3, w.clock.now(), day)
	retry := w.clock.now().Add(10 * time.Minute)
	w.cloud.change(func(c *cloud) {
		c.answer = func(int, provider.ListRequest) error {
			return &provider.Error{Provider: cloudName, Op: "list activities", Class: provider.ClassRateLimited, Status: 429, RetryAt: retry}
		}
	})
	w.start(w.config(), work.Hooks{})
	id := w.activate(newPerson())
	if got := w.reported(id, events.SyncDeferred); got.NotBefore == nil || !got.NotBefore.Equal(retry) {
		t.Fatalf("the report is %+v", got)
	}
	w.cloud.healthy()
	w.advance(11 * time.Minute)
	if got := w.ended(id); got.Status != events.SyncSuccess {
		t.Errorf("the report is %+v", got)
	}
}

func TestAProviderWithoutHeadersIsCounted(t *testing.T) {
	w := newWorld(t)
	w.cloud.fill(25, w.clock.now(), day)
	c := w.config()
	c.Connectors[cloudName].Budgets = []provider.Budget{{Requests: 2, Per: time.Hour}}
	w.start(c, work.Hooks{})
	id := w.activate(newPerson())
	if got := w.reported(id, events.SyncDeferred); got.Counts.Pages != 2 || !got.NotBefore.Equal(w.clock.now().Add(time.Hour)) {
		t.Fatalf("the report is %+v", got)
	}
	w.advance(time.Hour + time.Second)
	if got := w.ended(id); got.Status != events.SyncSuccess || got.Counts.New != 25 {
		t.Errorf("the report is %+v", got)
	}
}

func TestAProviderThatIsDownIsTriedAgain(t *testing.T) {
	for _, class := range []provider.Class{provider.ClassUnavailable, provider.ClassInvalidResponse} {
		t.Run(string(class), func(t *testing.T) {
			w := newWorld(t)
			w.cloud.fill(3, w.clock.now(), day)
			w.cloud.failing(class)
			w.start(w.config(), work.Hooks{})
			id := w.activate(newPerson())
			if got := w.reported(id, events.SyncDeferred); got.Error == nil || got.Error.Code != string(class) || got.Covered != nil {
				t.Fatalf("the report is %+v", got)
			}
			w.cloud.healthy()
			w.advance(time.Hour)
			if got := w.ended(id); got.Status != events.SyncSuccess || got.Counts.New != 3 {
				t.Errorf("the report is %+v", got)
			}
		})
	}
}

func TestAPanicInAConnectorIsAFailedPage(t *testing.T) {
	w := newWorld(t)
	w.cloud.fill(3, w.clock.now(), day)
	w.cloud.change(func(c *cloud) {
		c.answer = func(call int, _ provider.ListRequest) error {
			if call == 1 {
				panic("out of range")
			}
			return nil
		}
	})
	w.start(w.config(), work.Hooks{})
	id := w.activate(newPerson())
	w.reported(id, events.SyncDeferred)
	w.advance(time.Hour)
	if got := w.ended(id); got.Status != events.SyncSuccess || got.Counts.New != 3 {
		t.Errorf("the report is %+v", got)
	}
}

func TestATokenThatIsRefusedIsReplacedOnce(t *testing.T) {
	w := newWorld(t)
	w.cloud.fill(3, w.clock.now(), day)
	w.cloud.change(func(c *cloud) {
		c.answer = func(_ int, r provider.ListRequest) error {
			if r.Token.Reveal() == "token-1" {
				return &provider.Error{Provider: cloudName, Op: "list activities", Class: provider.ClassUnauthorized, Status: 401}
			}
			return nil
		}
	})
	w.start(w.config(), work.Hooks{})
	p := newPerson()
	if got := w.ended(w.activate(p)); got.Status != events.SyncSuccess || got.Report != 1 {
		t.Errorf("the report is %+v", got)
	}
	w.set(func(w *world) {
		want := rpc.TokenRejectedRequest{ConnectionID: p.connection, TokenVersion: 1, Class: "unauthorized"}
		if len(w.rejected) != 1 || w.rejected[0] != want {
			t.Errorf("rejected %+v", w.rejected)
		}
	})
}

func TestAMissingScopeFailsTheSyncAndPausesTheTarget(t *testing.T) {
	w := newWorld(t)
	w.cloud.failing(provider.ClassInsufficientScope)
	w.stands = rpc.TokenRejectedResponse{Status: events.StatusActionRequired, Reason: events.ReasonScopeMissing, NextAction: "Connect again."}
	w.start(w.config(), work.Hooks{})
	p := newPerson()
	if got := w.ended(w.activate(p)); got.Status != events.SyncFailed || got.Error.Code != "insufficient_scope" {
		t.Errorf("the report is %+v", got)
	}
	w.settled()
	w.clock.advance(time.Minute)
	id := events.NewID()
	w.publish(events.Event{UserID: p.user, Data: &events.SyncRequested{
		SyncID: id, UserID: p.user, Provider: cloudName, Trigger: events.TriggerManual, RequestedAt: w.clock.now().Add(-time.Minute),
		Window: events.Window{From: w.clock.now().Add(-day), To: w.clock.now()},
	}})
	if got := w.ended(id); got.Status != events.SyncFailed || got.Error.Code != events.ReasonScopeMissing {
		t.Errorf("the report is %+v", got)
	}
	// A new consent revives it.
	w.cloud.healthy()
	if got := w.ended(w.activate(p)); got.Status != events.SyncSuccess {
		t.Errorf("the report is %+v", got)
	}
}

func TestWithoutATokenNobodyIsAsked(t *testing.T) {
	w := newWorld(t)
	w.cloud.fill(3, w.clock.now(), day)
	w.tokenErr = &rpc.Error{Code: rpc.CodeUnavailable, Detail: "The provider does not answer."}
	w.start(w.config(), work.Hooks{})
	p := newPerson()
	id := w.activate(p)
	w.reported(id, events.SyncDeferred)
	w.set(func(w *world) { w.tokenErr = nil })
	w.advance(time.Hour)
	if got := w.ended(id); got.Status != events.SyncSuccess || got.Counts.New != 3 {
		t.Errorf("the report is %+v", got)
	}
	w.settled()
	w.set(func(w *world) {
		w.tokenErr = &rpc.Error{Code: rpc.CodeActionRequired, Detail: "The grant is gone.", Reason: events.ReasonReauthRequired, NextAction: "Connect again."}
	})
	w.clock.advance(time.Hour) // so long a token is kept
	calls := len(w.cloud.requests())
	id = w.request(p, events.TriggerManual, w.clock.now().Add(-day), w.clock.now())
	if got := w.ended(id); got.Status != events.SyncFailed || got.Error.Code != events.ReasonReauthRequired {
		t.Errorf("the report is %+v", got)
	}
	if n := len(w.cloud.requests()); n != calls {
		t.Error("the provider was asked without a token")
	}
}

func TestAPollerRefusesALogThatWasReplaced(t *testing.T) {
	w := newWorld(t)
	w.cloud.fill(3, w.clock.now(), day)
	first := w.start(w.config(), work.Hooks{})
	p := newPerson()
	w.ended(w.activate(p))
	if err := first.stop(); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]string{
		"a different life of the stream": "UPDATE poller.targets SET stream_epoch = 'another'",
		"a log that ends earlier":        "UPDATE poller.targets SET stream_epoch = (SELECT stream_epoch FROM kept), index_sequence = 1000000",
	} {
		if _, err := w.db.Exec(t.Context(), "CREATE TABLE IF NOT EXISTS kept AS SELECT stream_epoch FROM poller.targets"); err != nil {
			t.Fatal(err)
		}
		if _, err := w.db.Exec(t.Context(), change); err != nil {
			t.Fatal(err)
		}
		if err := w.died(w.start(w.config(), work.Hooks{})); !errors.Is(err, work.ErrRestored) {
			t.Errorf("%s: the poller ended with %v", name, err)
		}
	}
}
