package poller

import (
	"bytes"
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/events/rpc"
	"github.com/stridelog/stridelog/provider"
	simulated "github.com/stridelog/stridelog/provider/simulator/fitbit"
	"github.com/stridelog/stridelog/services/poller/internal/work"
)

func (w *world) reportsToOAuth() []rpc.ReportRequest {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.told)
}

func classes(told []rpc.ReportRequest) string {
	var all []string
	for _, r := range told {
		all = append(all, r.Class)
	}
	return fmt.Sprintf("%q", all)
}

func TestTroubleIsToldWhenItBeginsChangesLastsAndEnds(t *testing.T) {
	w, p := seasoned(t, 3, day, quiet)
	began := w.clock.now()
	w.cloud.failing(provider.ClassUnavailable)
	id := w.request(p, events.TriggerManual, began.Add(-2*day), began)
	w.reported(id, events.SyncDeferred)
	w.settled()
	w.later(time.Minute)
	w.later(time.Minute)
	if got := w.reportsToOAuth(); classes(got) != `["unavailable"]` || !got[0].Since.Equal(began) || got[0].ConnectionID != p.connection {
		t.Fatalf("told %+v", got)
	}
	w.cloud.failing(provider.ClassInvalidResponse)
	w.later(11 * time.Minute)
	w.cloud.failing(provider.ClassRateLimited) // a quota is no trouble
	w.later(11 * time.Minute)
	w.cloud.failing(provider.ClassInvalidResponse)
	w.later(time.Hour)
	w.later(11 * time.Minute)
	got := w.reportsToOAuth()
	if classes(got) != `["unavailable" "invalid_response" "invalid_response"]` || !got[2].Since.Equal(began) {
		t.Fatalf("told %+v", got)
	}
	w.cloud.healthy()
	w.later(11 * time.Minute)
	w.ended(id)
	w.look(p, 2)
	got = w.reportsToOAuth()
	if classes(got) != `["unavailable" "invalid_response" "invalid_response" ""]` || !got[3].Since.IsZero() {
		t.Fatalf("told %+v", got)
	}
}

func TestAProviderThatIsGoneIsAskedUntilOAuthBelievesIt(t *testing.T) {
	w, p := seasoned(t, 3, day, quiet)
	w.cloud.failing(provider.ClassGone)
	id := w.request(p, events.TriggerManual, w.clock.now().Add(-2*day), w.clock.now())
	w.reported(id, events.SyncDeferred)
	w.settled()
	for range 14 { // more than the tries of any other failure
		w.later(10*time.Minute + time.Second)
	}
	told := w.reportsToOAuth()
	if len(told) != 15 || told[14].Class != "gone" {
		t.Fatalf("told %s", classes(told))
	}
	w.set(func(w *world) {
		w.answers = rpc.ReportResponse{Status: events.StatusProviderRetired, NextAction: "connect google_health"}
	})
	w.later(10*time.Minute + time.Second)
	if got := w.ended(id); got.Status != events.SyncFailed || got.Error.Code != "provider_retired" {
		t.Errorf("the report is %+v", got)
	}
	calls := len(w.cloud.requests())
	w.later(2 * day)
	if n := len(w.cloud.requests()); n != calls {
		t.Error("a retired provider is still asked")
	}
	w.set(func(w *world) { w.answers = rpc.ReportResponse{Status: events.StatusActive} })
	w.cloud.healthy()
	if got := w.ended(w.activate(p)); got.Status != events.SyncSuccess {
		t.Errorf("a new consent does not revive it: %+v", got)
	}
}

func TestATokenThatIsAlwaysRefusedEndsTheLoop(t *testing.T) {
	w, p := seasoned(t, 3, day, quiet)
	w.cloud.failing(provider.ClassUnauthorized)
	calls := len(w.cloud.requests())
	id := w.request(p, events.TriggerManual, w.clock.now().Add(-2*day), w.clock.now())
	w.reported(id, events.SyncDeferred)
	for range 12 {
		w.later(11 * time.Minute)
	}
	if got := w.ended(id); got.Status != events.SyncFailed || got.Error.Code != "unauthorized" {
		t.Errorf("the report is %+v", got)
	}
	if n := len(w.cloud.requests()) - calls; n > 2*11 {
		t.Errorf("%d requests", n)
	}
	w.later(day)
	if n := len(w.cloud.requests()) - calls; n > 2*11 {
		t.Errorf("%d requests after the sync has failed", n)
	}
	// The oauth service may know better.
	w.set(func(w *world) {
		w.stands = rpc.TokenRejectedResponse{Status: events.StatusActionRequired, Reason: events.ReasonReauthRequired, NextAction: "Connect again."}
	})
	id = w.request(p, events.TriggerManual, w.clock.now().Add(-2*day), w.clock.now())
	if got := w.ended(id); got.Status != events.SyncFailed || got.Error.Code != events.ReasonReauthRequired {
		t.Errorf("the report is %+v", got)
	}
}

// Whatever comes instead of a page: it is no empty page, makes no suspects, takes
// no consent away, and the next answer ends all of it.
func TestWhatIsNoPageIsNeverAnEmptyOne(t *testing.T) {
	html := http.Header{"Content-Type": {"text/html; charset=utf-8"}}
	for name, fault := range map[string]simulated.Fault{
		"HTML with status 200":  {Status: 200, Header: html, Body: []byte("<html><body>Back soon</body></html>")},
		"HTML as JSON":          {Status: 200, Body: []byte("<html><body>Back soon</body></html>")},
		"HTML with status 502":  {Status: 502, Header: html, Body: []byte("<html>Bad gateway</html>")},
		"JSON as HTML":          {Status: 200, Header: html, Body: []byte(`{"activities":[],"pagination":{"next":""}}`)},
		"truncated JSON":        {Rewrite: func(b []byte) []byte { return b[:len(b)/2] }},
		"a body cut off":        {Cut: 100},
		"a reset connection":    {Drop: true},
		"a slow answer":         {Delay: time.Minute},
		"a huge body":           {Status: 200, Body: append([]byte(`{"activities":[`), bytes.Repeat([]byte("1,"), 9<<20)...)},
		"an empty body":         {Status: 200, Body: []byte{}},
		"null":                  {Status: 200, Body: []byte("null")},
		"another object":        {Status: 200, Body: []byte(`{"success":true}`)},
		"an unavailable server": {Status: 503, Body: []byte(`{"errors":[{"errorType":"system"}],"success":false}`)},
		"a conflict":            {Status: 409, Body: []byte(`{"errors":[{"errorType":"request"}],"success":false}`)},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFitness(t, simulated.Options{})
			f.upload(9, day)
			f.start(f.config, work.Hooks{})
			f.ended(f.activate(f.person))
			f.settled()
			f.fake.SetFault(func(*simulated.Call) *simulated.Fault { return &fault })
			id := f.request(f.person, events.TriggerManual, f.clock.now().AddDate(0, 0, -12), f.clock.now())
			if got := f.reported(id, events.SyncDeferred); got.Covered != nil || got.Counts != (events.SyncCounts{}) || got.NotBefore == nil {
				t.Errorf("the report is %+v", got)
			}
			f.settled()
			f.fake.SetFault(nil)
			var status string
			if err := f.db.QueryRow(t.Context(), "SELECT status FROM poller.targets").Scan(&status); err != nil || status != "active" {
				t.Errorf("the target is %s: %v", status, err)
			}
			f.advance(time.Minute)
			if got := f.ended(id); got.Status != events.SyncSuccess || got.Counts.Unchanged != 9 {
				t.Errorf("the report is %+v", got)
			}
			f.settled()
			if n := f.suspects(); n != 0 {
				t.Errorf("%d suspects", n)
			}
			f.later(2 * day)
			f.truth()
		})
	}
}
