package gateway_test

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/events/rpc"
	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/services/gateway/internal/gatewaytest"
)

// asBrowser is what Chromium and Firefox send when a person follows a link.
const asBrowser = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"

// browse is a request of a person's browser, which has no key.
func browse(s *gatewaytest.System, path string) gatewaytest.Answer {
	return s.Do(gatewaytest.Request{Method: http.MethodGet, Path: path, NoKey: true, Header: map[string]string{"Accept": asBrowser}})
}

// checkPage checks that an answer is a page that loads and runs nothing, and says all of
// what is given.
func checkPage(t *testing.T, name string, a gatewaytest.Answer, status int, says ...string) {
	t.Helper()
	if a.Status != status {
		t.Errorf("%s answered %d, want %d", name, a.Status, status)
	}
	policy := a.Header.Get("Content-Security-Policy")
	for _, part := range []string{"default-src 'none'", "style-src 'sha256-", "form-action 'none'", "frame-ancestors 'none'", "base-uri 'none'"} {
		if !strings.Contains(policy, part) {
			t.Errorf("%s: the policy %q lacks %s", name, policy, part)
		}
	}
	for header, want := range map[string]string{
		"Content-Type": "text/html; charset=utf-8", "X-Content-Type-Options": "nosniff", "Cache-Control": "no-store", "Vary": "Accept-Encoding, Accept", "Referrer-Policy": "no-referrer",
	} {
		if got := strings.Join(a.Header.Values(header), ", "); got != want {
			t.Errorf("%s: %s is %q, want %q", name, header, got, want)
		}
	}
	text := string(a.Body)
	for _, part := range says {
		if !strings.Contains(text, part) {
			t.Errorf("%s: the page does not say %q:\n%s", name, part, text)
		}
	}
	for _, part := range []string{"<script", "://", "src=", "href=", "style=\""} {
		if strings.Contains(text, part) {
			t.Errorf("%s: the page has %s:\n%s", name, part, text)
		}
	}
}

func TestABrowserGetsAPageWhereAProgramGetsAProblem(t *testing.T) {
	s := gatewaytest.New(t)
	const secret = "a-code-or-state-of-somebody"
	answers := map[string]error{
		"used":   &rpc.Error{Code: rpc.CodeInvalidState, Detail: "The state " + secret + " is used."},
		"off":    &rpc.Error{Code: rpc.CodeProviderDisabled, Detail: secret},
		"away":   &rpc.Error{Code: rpc.CodeUnavailable, Detail: secret},
		"broken": errors.New(secret),
	}
	s.Serve("oauth", bus.Method(rpc.OAuthCallback, func(_ context.Context, r rpc.CallbackRequest) (rpc.CallbackResponse, error) {
		return rpc.CallbackResponse{}, answers[strings.TrimPrefix(r.State, secret)]
	}))
	callback := "/api/v1/oauth/fitbit/callback?code=" + secret + "&state=" + secret
	for name, c := range map[string]struct {
		path   string
		status int
		code   string
		says   string
	}{
		"used":    {callback + "used", 400, "invalid_state", "This link cannot be used any more"},
		"off":     {callback + "off", 409, "provider_disabled", "This provider cannot be connected"},
		"away":    {callback + "away", 503, "unavailable", "This does not work right now"},
		"broken":  {callback + "broken", 500, "internal", "Something went wrong"},
		"unknown": {"/api/v1/oauth/" + secret + "/callback?state=s&code=c", 404, "unknown_provider", "This provider cannot be connected"},
		"empty":   {"/api/v1/oauth/fitbit/callback", 400, "invalid_request", "This address is not complete"},
		"long":    {"/connected?status=" + strings.Repeat("x", 65), 400, "invalid_request", "This address is not complete"},
	} {
		a := browse(s, c.path)
		checkPage(t, name, a, c.status, "<title>"+c.says+"</title>", "What to do", "the error "+c.code, "the request is "+a.Header.Get("X-Request-Id"))
		if strings.Contains(string(a.Body), secret) {
			t.Errorf("%s: the page repeats what came in the query:\n%s", name, a.Body)
		}
		if (c.status == 503) != (a.Header.Get("Retry-After") != "") {
			t.Errorf("%s: Retry-After is %q", name, a.Header.Get("Retry-After"))
		}
		for _, accept := range []string{"*/*", "application/json", "application/json, text/html;q=0.5", "application/problem+json,text/html", "text/html;q=0"} {
			p := s.Do(gatewaytest.Request{Method: http.MethodGet, Path: c.path, NoKey: true, Header: map[string]string{"Accept": accept}})
			checkProblem(t, name+" as "+accept, p, c.status, c.code)
		}
	}
	a := s.Do(gatewaytest.Request{Method: http.MethodGet, Path: "/api/v1/users", NoKey: true, Header: map[string]string{"Accept": asBrowser}})
	checkProblem(t, "a route of programs", a, 401, "unauthorized")
}

func TestAPersonWithoutAReturnAddressIsToldTheOutcome(t *testing.T) {
	s := gatewaytest.New(t)
	user, connection := s.User(), uuid.NewString()
	s.Serve("oauth",
		bus.Method(rpc.OAuthAuthorize, func(_ context.Context, r rpc.AuthorizeRequest) (rpc.AuthorizeResponse, error) {
			if r.RedirectURI != "" {
				t.Errorf("the consent begins with the address %q", r.RedirectURI)
			}
			return rpc.AuthorizeResponse{AuthorizationURL: "https://consent.example/", State: "s"}, nil
		}),
		bus.Method(rpc.OAuthCallback, func(_ context.Context, r rpc.CallbackRequest) (rpc.CallbackResponse, error) {
			if r.ProviderError != "" {
				return rpc.CallbackResponse{Provider: r.Provider, ErrorCode: r.ProviderError, Reason: "refused_by_provider"}, nil
			}
			return rpc.CallbackResponse{Provider: r.Provider, Status: events.StatusActive, ConnectionID: connection}, nil
		}))
	s.Call(http.MethodGet, "/api/v1/oauth/fitbit/authorize?user_id="+user.String(), "", 200, nil)
	const callback = "/api/v1/oauth/fitbit/callback"
	for query, says := range map[string]string{
		"?state=s&code=c":              "Your Fitbit account is connected",
		"?state=s&error=access_denied": "Your Fitbit account is not connected",
	} {
		a := browse(s, callback+query)
		at, err := url.Parse(callback)
		if err == nil {
			at, err = at.Parse(a.Header.Get("Location"))
		}
		if err != nil || a.Status != 303 || at.Path != "/connected" || at.Query().Get("provider") != "fitbit" {
			t.Fatalf("%s answered %d to %q: %v", query, a.Status, a.Header.Get("Location"), err)
		}
		checkPage(t, query, browse(s, at.RequestURI()), 200, "<title>"+says+"</title>")
		below, err := url.Parse("https://example.org/stridelog" + callback)
		if err == nil {
			below, err = below.Parse(a.Header.Get("Location"))
		}
		if err != nil || below.Path != "/stridelog/connected" {
			t.Errorf("behind a proxy that serves us below /stridelog the page is at %s: %v", below, err)
		}
	}
}

func TestThePageOfAnOutcomeSaysOnlyWordsOfOurs(t *testing.T) {
	s := gatewaytest.New(t)
	for query, says := range map[string]string{
		"?provider=fitbit&status=active":                      "Your Fitbit account is connected",
		"?provider=fitbit&error=access_denied":                "You did not allow access",
		"?provider=fitbit&error=scope_missing&reason=x":       "leave everything ticked",
		"?provider=fitbit&error=account_not_linked":           "no health data behind your Fitbit account",
		"?provider=fitbit&error=exchange_failed":              "Wait a few minutes",
		"?provider=fitbit&error=temporarily_unavailable":      "Wait a few minutes",
		"?provider=fitbit&error=invalid_scope":                "Tell the people who run your app",
		"?provider=fitbit&error=provider_error":               "connect again",
		"?error=Call+0900-PLANTED&reason=planted":             "Your account is not connected",
		"?provider=Call+0900-PLANTED&status=active":           "Your account is connected",
		"?provider=fitbit&status=planted":                     "Nothing to show here",
		"?provider=%3Cscript%3Eplanted&status=%3Cb%3EPLANTED": "Nothing to show here",
		"":                                  "Nothing to show here",
		"?status=active&utm_source=planted": "Your account is connected",
	} {
		a := browse(s, "/connected"+query)
		checkPage(t, query, a, 200, says)
		if strings.Contains(strings.ToLower(string(a.Body)), "planted") {
			t.Errorf("%s: the page repeats it:\n%s", query, a.Body)
		}
	}
}
