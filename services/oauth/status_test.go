package oauth_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/events/rpc"
	"github.com/stridelog/stridelog/provider"
)

func (h *fixture) report(connection string, class provider.Class, age time.Duration) rpc.ReportResponse {
	h.t.Helper()
	q := rpc.ReportRequest{ConnectionID: connection, Class: string(class)}
	if class != "" {
		q.Since = time.Now().Add(-age)
	}
	return ask[rpc.ReportRequest, rpc.ReportResponse](h, rpc.OAuthReport, q)
}

// changes are the status changes about a user in the log, as from>to.
func (h *fixture) changes() (list []string) {
	h.t.Helper()
	for _, e := range h.facts() {
		if c, ok := e.Data.(*events.ConnectionStatusChanged); ok {
			list = append(list, string(c.Previous)+">"+string(c.Status))
		}
	}
	return list
}

func TestTroubleThatLastsDegradesAndAnAnswerHeals(t *testing.T) {
	h := newFixture(t)
	h.start("one")
	user := events.NewID()
	heard := h.listen(user)
	id := h.connect(user, "ACC1").ConnectionID
	next[*events.ConnectionActivated](heard)
	if got := h.report(id, provider.ClassUnavailable, 59*time.Minute); got.Status != events.StatusActive {
		t.Errorf("a young trouble made it %+v", got)
	}
	if got := h.report(id, provider.ClassRateLimited, 5*time.Hour); got.Status != events.StatusActive {
		t.Errorf("a quota made it %+v", got)
	}
	for range 3 { // the event comes once
		if got := h.report(id, provider.ClassUnavailable, 2*time.Hour); got.Status != events.StatusDegraded || got.NextAction == "" {
			t.Errorf("an old trouble made it %+v", got)
		}
	}
	down := next[*events.ConnectionStatusChanged](heard)
	if down.Status != events.StatusDegraded || down.Previous != events.StatusActive || down.Reason != "unavailable" || time.Since(down.Since) > time.Minute {
		t.Errorf("the event says %+v", down)
	}
	if v := h.view(id); v.Status != "degraded" || v.Reason != "unavailable" || v.NextAction == "" {
		t.Errorf("the view shows %+v", v)
	}
	h.token(id) // a degraded connection is still used
	for range 2 {
		if got := h.report(id, "", 0); got.Status != events.StatusActive || got.Reason != "" || got.NextAction != "" {
			t.Errorf("an answer made it %+v", got)
		}
	}
	if up := next[*events.ConnectionStatusChanged](heard); up.Status != events.StatusActive || up.Previous != events.StatusDegraded {
		t.Errorf("the event says %+v", up)
	}
	if got := strings.Join(h.changes(), " "); got != "active>degraded degraded>active" {
		t.Errorf("the log tells of %s", got)
	}
	refusedWith[rpc.ReportResponse](h, rpc.CodeNotFound, rpc.OAuthReport, rpc.ReportRequest{ConnectionID: events.NewID()})
	refusedWith[rpc.ReportResponse](h, rpc.CodeInvalidArgument, rpc.OAuthReport, rpc.ReportRequest{ConnectionID: "x"})
}

func TestA410ConfirmedLaterRetiresAndAConsentRevives(t *testing.T) {
	h := newFixture(t)
	h.config.RetireConfirm = 30 * time.Minute
	connector := h.config.Connectors["fakecloud"]
	connector.Successor = "google_health"
	h.start("one")
	user := events.NewID()
	heard := h.listen(user)
	id := h.connect(user, "ACC1").ConnectionID
	next[*events.ConnectionActivated](heard)
	earlier := func(by string) {
		h.exec("UPDATE oauth.connections SET poll_gone_at = poll_gone_at - $1::interval, token_gone_at = token_gone_at - $1::interval", by)
	}
	for range 2 { // at once is no confirmation
		if got := h.report(id, provider.ClassGone, 0); got.Status != events.StatusActive {
			t.Fatalf("a first 410 made it %+v", got)
		}
	}
	earlier("29 minutes")
	if got := h.report(id, provider.ClassGone, 0); got.Status != events.StatusActive {
		t.Errorf("a second 410 too soon made it %+v", got)
	}
	h.report(id, "", 0) // it lives, so the first is forgotten
	earlier("1 hour")
	if got := h.report(id, provider.ClassGone, 0); got.Status != events.StatusActive {
		t.Errorf("a 410 after a good answer made it %+v", got)
	}
	earlier("30 minutes")
	if got := h.report(id, provider.ClassGone, 0); got.Status != events.StatusProviderRetired || got.NextAction != "connect google_health" {
		t.Errorf("a confirmed 410 made it %+v", got)
	}
	if got := next[*events.ConnectionStatusChanged](heard); got.Status != events.StatusProviderRetired || got.NextAction != "connect google_health" || got.Reason == "" {
		t.Errorf("the event says %+v", got)
	}
	e := refusedWith[rpc.TokenResponse](h, rpc.CodeActionRequired, rpc.OAuthToken, rpc.TokenRequest{ConnectionID: id})
	if e.NextAction != "connect google_health" {
		t.Errorf("the refusal says %+v", e)
	}
	if again := h.connect(user, "ACC1"); again.ConnectionID != id || again.Status != events.StatusActive {
		t.Errorf("a new consent answered %+v", again)
	}
	next[*events.ConnectionActivated](heard)
	if got := next[*events.ConnectionStatusChanged](heard); got.Status != events.StatusActive || got.Previous != events.StatusProviderRetired {
		t.Errorf("the event says %+v", got)
	}
	h.token(id)
}

func TestA410AtTheTokenEndpointCountsToo(t *testing.T) {
	h := newFixture(t)
	h.start("one")
	id := h.connect(events.NewID(), "ACC1").ConnectionID
	refresh := func(code string) {
		t.Helper()
		h.exec("UPDATE oauth.connections SET access_expires_at = 'epoch'")
		refusedWith[rpc.TokenResponse](h, code, rpc.OAuthToken, rpc.TokenRequest{ConnectionID: id})
	}
	h.cloud.FailRefreshes(http.StatusGone, nil)
	refresh(rpc.CodeUnavailable)
	refresh(rpc.CodeUnavailable)
	h.exec("UPDATE oauth.connections SET token_gone_at = token_gone_at - interval '1 hour'")
	h.cloud.FailRefreshes(0, nil)
	h.token(id) // answers again: forgotten
	h.cloud.FailRefreshes(http.StatusGone, nil)
	refresh(rpc.CodeUnavailable)
	h.exec("UPDATE oauth.connections SET token_gone_at = token_gone_at - interval '1 hour'")
	refresh(rpc.CodeActionRequired)
	if v := h.view(id); v.Status != "provider_retired" {
		t.Errorf("the view shows %+v", v)
	}
}

func TestAConsentThatEndsByItselfIsToldInTime(t *testing.T) {
	h := newFixture(t)
	stop := h.start("one")
	user := events.NewID()
	id := h.connect(user, "ACC1").ConnectionID
	stop()
	h.exec("UPDATE oauth.connections SET refresh_expires_at = now() + interval '23 hours'")
	h.start("two") // looks at once
	h.eventually("the end is announced", func() bool {
		v := h.view(id)
		return v.Status == "action_required" && v.Reason == events.ReasonConsentExpiring && v.NextAction != ""
	})
	h.eventually("the log tells of it", func() bool { return len(h.changes()) == 1 })
	h.token(id) // it works to its end
	h.exec("UPDATE oauth.connections SET access_expires_at = 'epoch'")
	if got := h.token(id); got.TokenVersion != 2 {
		t.Errorf("the version is %d, want 2", got.TokenVersion)
	}
	if again := h.connect(user, "ACC1"); again.Status != events.StatusActive {
		t.Errorf("a new consent answered %+v", again)
	}
}

// While the token endpoint is away nothing is polled, so only refreshes can tell.
func TestRefreshesThatFailForAnHourDegradeAndAGoodOneHeals(t *testing.T) {
	h := newFixture(t)
	h.start("one")
	user := events.NewID()
	heard := h.listen(user)
	id := h.connect(user, "ACC1").ConnectionID
	next[*events.ConnectionActivated](heard)
	refresh := func() {
		t.Helper()
		refusedWith[rpc.TokenResponse](h, rpc.CodeUnavailable, rpc.OAuthToken, rpc.TokenRequest{ConnectionID: id})
	}
	later := func(by string) {
		h.exec("UPDATE oauth.connections SET token_trouble_at = token_trouble_at - $1::interval", by)
	}
	h.exec("UPDATE oauth.connections SET access_expires_at = 'epoch'")
	h.cloud.FailRefreshes(http.StatusServiceUnavailable, nil)
	refresh()
	later("59 minutes")
	refresh()
	if v := h.view(id); v.Status != "active" {
		t.Errorf("within the hour the view shows %+v", v)
	}
	later("1 minute")
	for range 3 { // the event comes once
		refresh()
	}
	down := next[*events.ConnectionStatusChanged](heard)
	if down.Status != events.StatusDegraded || down.Previous != events.StatusActive || down.Reason != "unavailable" || down.NextAction == "" {
		t.Errorf("the event says %+v", down)
	}
	h.cloud.FailRefreshes(0, nil)
	if got := h.token(id); got.TokenVersion != 2 {
		t.Errorf("the version is %d, want 2", got.TokenVersion)
	}
	if up := next[*events.ConnectionStatusChanged](heard); up.Status != events.StatusActive || up.Previous != events.StatusDegraded {
		t.Errorf("the event says %+v", up)
	}
	// Forgotten: the next failure begins a new hour.
	h.exec("UPDATE oauth.connections SET access_expires_at = 'epoch'")
	h.cloud.FailRefreshes(http.StatusServiceUnavailable, nil)
	later("2 hours")
	refresh()
	if got := strings.Join(h.changes(), " "); got != "active>degraded degraded>active" {
		t.Errorf("the log tells of %s", got)
	}
}
