package poller

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/services/poller/internal/work"
)

// twoSources gives the cloud's connector a second source, with a cloud of its own.
func (w *world) twoSources(c *Config, scopes ...string) *cloud {
	second := &cloud{pageSize: 10}
	connector := c.Connectors[cloudName]
	connector.Sources[0].ProvesAbsence = false
	connector.Sources = append(connector.Sources, provider.Source{
		Name: "swims", Kind: "activity", List: second, HashVersion: 1, Volatile: []string{"link"}, Scopes: scopes,
	})
	return second
}

// swims fills a cloud with records whose ids no other cloud has.
func (c *cloud) swims(n int, end time.Time, step time.Duration) {
	c.fill(n, end, step)
	c.change(func(c *cloud) {
		for i := range c.records {
			c.records[i].id = "s" + c.records[i].id
		}
	})
}

// grant publishes a consent with scopes.
func (w *world) grant(p person, scopes ...string) (syncID string) {
	w.t.Helper()
	id := events.NewID()
	w.publish(events.Event{ID: id, UserID: p.user, Data: &events.ConnectionActivated{
		ConnectionID: p.connection, UserID: p.user, Provider: cloudName, ProviderAccountID: "acc-" + p.user, ActivatedAt: w.clock.now(), Scopes: scopes,
	}})
	return events.SyncID(id)
}

// shownSync is what the gateway reads of a sync that is under way.
func (w *world) shownSync(id string) (status string, counts events.SyncCounts, kinds []events.SyncKind) {
	w.t.Helper()
	var sums, list []byte
	if err := w.db.QueryRow(w.t.Context(), "SELECT status, counts, kinds FROM poller.view_syncs_v1 WHERE sync_id = $1", id).Scan(&status, &sums, &list); err != nil {
		w.t.Fatal(err)
	}
	for text, into := range map[string]any{string(sums): &counts, string(list): &kinds} {
		if err := json.Unmarshal([]byte(text), into); err != nil {
			w.t.Fatalf("%s: %v", text, err)
		}
	}
	return status, counts, kinds
}

func TestASourceThatFailsDoesNotHoldTheOthers(t *testing.T) {
	w := newWorld(t)
	w.cloud.fill(25, w.clock.now(), day)
	c := w.config()
	c.Rescan = nil
	second := w.twoSources(&c)
	second.swims(12, w.clock.now(), day)
	second.failing(provider.ClassUnavailable)
	w.start(c, work.Hooks{})
	p := newPerson()
	id := w.activate(p)
	w.eventually("the other source was read", func() bool { return len(w.facts()) == 25 })
	w.settled()
	status, counts, kinds := w.shownSync(id)
	if status != "deferred" || counts.New != 25 || len(kinds) != 1 || kinds[0].Kind != "activity" || kinds[0].Status != events.SyncDeferred || kinds[0].Counts.New != 25 {
		t.Errorf("shown as %s with %+v, %+v", status, counts, kinds)
	}
	for _, r := range w.reports(id) {
		if r.Status != events.SyncDeferred {
			t.Errorf("the sync has ended: %+v", r)
		}
	}
	if told := w.reportsToOAuth(); len(told) != 0 {
		t.Errorf("the connection counts as failing although a source is read: %+v", told)
	}
	second.healthy()
	w.later(11 * time.Minute)
	got := w.ended(id)
	if got.Status != events.SyncSuccess || got.Counts.New != 37 || got.Counts.Pages != 5 || got.Covered == nil || !got.Covered.From.Equal(got.Window.From) {
		t.Errorf("the report is %+v", got)
	}
	if len(got.Kinds) != 1 || got.Kinds[0].Status != events.SyncSuccess || got.Kinds[0].Counts != got.Counts {
		t.Errorf("by kind: %+v", got.Kinds)
	}
	w.exactly(37)
}

func TestASyncOfWhichASourceFailsIsPartial(t *testing.T) {
	w := newWorld(t)
	w.cloud.fill(3, w.clock.now(), day)
	c := w.config()
	c.Rescan = nil
	w.twoSources(&c).failing(provider.ClassBadRequest)
	w.start(c, work.Hooks{})
	p := newPerson()
	got := w.ended(w.activate(p))
	if got.Status != events.SyncPartial || got.Error == nil || got.Error.Code != string(provider.ClassBadRequest) || got.Counts.New != 3 || got.Covered != nil {
		t.Errorf("the report is %+v (%+v)", got, got.Error)
	}
	again := w.look(p, 2)
	if again.Status != events.SyncPartial || again.Report != 1 || len(w.reports(again.SyncID)) != 1 {
		t.Errorf("the report is %+v", again)
	}
}

func TestASourceWithoutItsScopeIsSkippedUntilItIsGranted(t *testing.T) {
	w := newWorld(t)
	w.cloud.fill(3, w.clock.now(), day)
	c := w.config()
	second := w.twoSources(&c, "swimming")
	second.swims(2, w.clock.now(), day)
	w.start(c, work.Hooks{})
	p := newPerson()
	first := w.ended(w.grant(p, "running"))
	if first.Status != events.SyncSuccess || first.Counts.New != 3 {
		t.Errorf("the report is %+v", first)
	}
	w.later(time.Hour)
	w.look(p, 2)
	if n := len(second.requests()); n != 0 {
		t.Errorf("a source that was not granted cost %d requests", n)
	}
	granted := w.ended(w.grant(p, "running", "swimming"))
	if granted.Status != events.SyncSuccess || granted.Counts.New != 2 {
		t.Errorf("the report is %+v", granted)
	}
	w.settled()
	w.exactly(5)
}

func TestAConsentThatAllowsNothingSaysSo(t *testing.T) {
	w := newWorld(t)
	c := w.config()
	c.Connectors[cloudName].Sources[0].Scopes = []string{"running"}
	w.start(c, work.Hooks{})
	p := newPerson()
	id := w.grant(p, "profile")
	if got := w.ended(id); got.Status != events.SyncFailed || got.Error.Code != "insufficient_scope" || got.SyncID != id {
		t.Errorf("the report is %+v", got)
	}
	if got := w.look(p, 2); got.Status != events.SyncFailed || got.Error.Code != "insufficient_scope" {
		t.Errorf("the report is %+v", got)
	}
	w.later(time.Hour)
	if n := len(w.cloud.requests()); n != 0 {
		t.Errorf("%d requests were made", n)
	}
}

func TestASourceThatTheProviderRefusesRestsUntilTheNextConsent(t *testing.T) {
	w := newWorld(t)
	w.cloud.fill(3, w.clock.now(), day)
	c := w.config()
	second := w.twoSources(&c)
	second.swims(2, w.clock.now(), day)
	second.failing(provider.ClassInsufficientScope)
	w.start(c, work.Hooks{})
	p := newPerson()
	got := w.ended(w.activate(p))
	if got.Status != events.SyncSuccess || got.Counts.New != 3 {
		t.Errorf("the report is %+v", got)
	}
	w.settled()
	asked := len(second.requests())
	w.later(time.Hour)
	w.later(7 * time.Hour)
	if n := len(second.requests()); n != asked {
		t.Errorf("the source was asked %d times more", n-asked)
	}
	w.set(func(w *world) {
		if len(w.rejected) != 0 {
			t.Errorf("the whole connection was reported: %+v", w.rejected)
		}
	})
	second.healthy()
	w.ended(w.activate(p))
	w.settled()
	w.exactly(5)
}

func TestANewSourceOfAnOldConnectionIsReadBehindEverythingElse(t *testing.T) {
	w := newWorld(t)
	w.cloud.fill(3, w.clock.now(), day)
	old := w.start(w.config(), work.Hooks{})
	p := newPerson()
	w.ended(w.activate(p))
	from := w.clock.now().AddDate(0, 0, -100)
	w.ended(w.request(p, events.TriggerBackfill, from, w.clock.now()))
	w.settled()
	if err := old.stop(); err != nil {
		t.Fatal(err)
	}
	c := w.config()
	second := w.twoSources(&c)
	second.swims(40, w.clock.now(), 2*day)
	w.start(c, work.Hooks{})
	w.eventually("the new source was read", func() bool {
		for _, r := range w.reports("") {
			if r.Trigger == events.TriggerKindAdded && r.Status == events.SyncSuccess {
				if !r.Window.From.Equal(from) || r.Counts.New != 40 || len(r.Kinds) != 1 {
					t.Fatalf("the report is %+v", r)
				}
				return true
			}
		}
		return false
	})
	w.exactly(43)
	var priority int
	if err := w.db.QueryRow(t.Context(), "SELECT priority FROM poller.windows WHERE trigger = 'kind_added'").Scan(&priority); err != nil || priority != 50 {
		t.Errorf("its priority is %d (%v)", priority, err)
	}
}

func TestASyncReadsTheKindsThatItNames(t *testing.T) {
	w, p := seasoned(t, 3, day, quiet)
	ask := func(kinds ...string) *events.SyncFinished {
		t.Helper()
		id := events.NewID()
		w.publish(events.Event{UserID: p.user, Data: &events.SyncRequested{
			SyncID: id, UserID: p.user, Provider: cloudName, Window: events.Window{From: w.clock.now().Add(-2 * day), To: w.clock.now()},
			Trigger: events.TriggerManual, Kinds: kinds, RequestedAt: w.clock.now(),
		}})
		return w.ended(id)
	}
	if got := ask("activity"); got.Status != events.SyncSuccess || len(got.Kinds) != 1 {
		t.Errorf("the report is %+v", got)
	}
	if got := ask("sleep"); got.Status != events.SyncFailed || got.Error.Code != "unknown_kind" {
		t.Errorf("the report is %+v", fmt.Sprint(got.Error))
	}
}
