package googlehealth

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/provider/internal/httpcall"
	"github.com/stridelog/stridelog/provider/providertest"
)

const planted = "9f3c0a-planted-token-2e71"

// reply is one answer of a server that knows no other.
type reply struct {
	status int
	header map[string]string
	body   string
}

// answering is a connector whose every call gets one answer.
func answering(t *testing.T, r reply) *provider.Connector {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for name, value := range r.header {
			w.Header().Set(name, value)
		}
		w.WriteHeader(r.status)
		_, _ = io.WriteString(w, r.body)
	}))
	t.Cleanup(server.Close)
	return New(Config{ClientID: testClientID, ClientSecret: testClientSecret, TokenURL: server.URL, RevokeURL: server.URL, APIBaseURL: server.URL})
}

var (
	asJSON = map[string]string{"Content-Type": "application/json; charset=UTF-8"}
	asHTML = map[string]string{"Content-Type": "text/html; charset=utf-8"}
)

func tokenError(word string) string {
	return fmt.Sprintf(`{"error":%q,"error_description":"Bad Request %s"}`, word, planted)
}

// wantClean checks that nothing of an error shows the planted token, the client's
// secret or an address, and that nothing is wrapped that could.
func wantClean(t *testing.T, err error) *provider.Error {
	t.Helper()
	var e *provider.Error
	if !errors.As(err, &e) {
		t.Fatalf("got %v (%T), want a *provider.Error", err, err)
	}
	if errors.Unwrap(e) != nil {
		t.Errorf("the error wraps %T", errors.Unwrap(e))
	}
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
		text := fmt.Sprintf(format, err)
		for _, secret := range []string{planted, testClientSecret, "127.0.0.1"} {
			if strings.Contains(text, secret) {
				t.Errorf("%s of the error shows a secret or an address: %s", format, text)
			}
		}
	}
	return e
}

// Section 2 for the token endpoint. Only invalid_grant may cost a consent.
func TestRefreshFailures(t *testing.T) {
	for name, test := range map[string]struct {
		reply
		class  provider.Class
		reason string
	}{
		"dead grant":          {reply{400, asJSON, tokenError("invalid_grant")}, provider.ClassInvalidGrant, "invalid_grant"},
		"session control":     {reply{400, asJSON, `{"error":"invalid_grant","error_subtype":"invalid_rapt"}`}, provider.ClassInvalidGrant, "invalid_rapt"},
		"client refused":      {reply{401, asJSON, tokenError("invalid_client")}, provider.ClassInvalidClient, "invalid_client"},
		"client deleted":      {reply{401, asJSON, tokenError("deleted_client")}, provider.ClassInvalidClient, "deleted_client"},
		"client of no kind":   {reply{401, asJSON, tokenError("unauthorized_client")}, provider.ClassInvalidClient, "unauthorized_client"},
		"a word nobody knows": {reply{400, asJSON, tokenError(planted)}, provider.ClassBadRequest, ""},
		"forbidden":           {reply{403, asJSON, tokenError("access_denied")}, provider.ClassBadRequest, "access_denied"},
		"rate limited":        {reply{429, asJSON, tokenError("invalid_grant")}, provider.ClassRateLimited, "invalid_grant"},
		"rate limited, HTML":  {reply{429, asHTML, "<html>" + planted}, provider.ClassRateLimited, ""},
		"server error":        {reply{500, asJSON, tokenError("invalid_grant")}, provider.ClassUnavailable, "invalid_grant"},
		"maintenance":         {reply{503, asHTML, "<html>" + planted}, provider.ClassUnavailable, ""},
		"HTML with 400":       {reply{400, asHTML, "<html>invalid_grant " + planted}, provider.ClassInvalidResponse, httpcall.ReasonNotJSON},
		"HTML with 200":       {reply{200, asHTML, "<html>" + planted}, provider.ClassInvalidResponse, httpcall.ReasonNotJSON},
		"truncated error":     {reply{400, asJSON, `{"error":"invalid_gr`}, provider.ClassInvalidResponse, httpcall.ReasonNotJSON},
		"error with 200":      {reply{200, asJSON, tokenError("invalid_grant")}, provider.ClassInvalidResponse, "invalid_grant"},
		"no access token":     {reply{200, asJSON, `{"refresh_token":"` + planted + `"}`}, provider.ClassInvalidResponse, httpcall.ReasonNotJSON},
		"switched off":        {reply{410, asHTML, "<html>" + planted}, provider.ClassGone, ""},
		"a redirect":          {reply{302, map[string]string{"Location": "https://example.com/?t=" + planted}, ""}, provider.ClassInvalidResponse, httpcall.ReasonRedirect},
	} {
		t.Run(name, func(t *testing.T) {
			c := answering(t, test.reply)
			_, refreshed := c.Authorizer.Refresh(t.Context(), planted)
			_, exchanged := c.Authorizer.Exchange(t.Context(), planted, planted, "http://localhost/callback")
			for op, err := range map[string]error{opRefresh: refreshed, opExchange: exchanged} {
				if e := wantClean(t, err); e.Class != test.class || e.Reason != test.reason || e.Op != op {
					t.Errorf("got %s [%s] for %q, want %s [%s]", e.Class, e.Reason, e.Op, test.class, test.reason)
				}
			}
		})
	}
}

func TestRevokeAnswers(t *testing.T) {
	for name, test := range map[string]struct {
		reply
		class provider.Class // empty: the consent is gone, which is what was wanted
	}{
		"done":           {reply{200, asJSON, "{}"}, ""},
		"dead already":   {reply{400, asJSON, tokenError("invalid_token")}, ""},
		"dead grant":     {reply{400, asJSON, tokenError("invalid_grant")}, ""},
		"another fault":  {reply{400, asJSON, tokenError("invalid_request")}, provider.ClassBadRequest},
		"another page":   {reply{404, asHTML, "<html>" + planted}, provider.ClassInvalidResponse},
		"server error":   {reply{502, asHTML, "<html>" + planted}, provider.ClassUnavailable},
		"rate limited":   {reply{429, asJSON, tokenError("rate_limit_exceeded")}, provider.ClassRateLimited},
		"client refused": {reply{401, asJSON, tokenError("invalid_client")}, provider.ClassInvalidClient},
	} {
		err := answering(t, test.reply).Authorizer.Revoke(t.Context(), planted)
		if test.class == "" {
			if err != nil {
				t.Errorf("%s: got %v, want none", name, err)
			}
			continue
		}
		if e := wantClean(t, err); e.Class != test.class || e.Op != opRevoke {
			t.Errorf("%s: got %s, want %s", name, e.Class, test.class)
		}
	}
}

func TestConsentPage(t *testing.T) {
	address, err := url.Parse(New(Config{ClientID: testClientID}).Authorizer.AuthorizeURL(provider.AuthorizeRequest{RedirectURI: "http://localhost/c", State: "s", CodeChallenge: "c"}))
	if err != nil {
		t.Fatal(err)
	}
	q := address.Query()
	if q.Get("access_type") != "offline" || q.Get("prompt") != "consent" || q.Has("include_granted_scopes") {
		t.Errorf("the page is asked for %v", q)
	}
	if address.Host != "accounts.google.com" || q.Get("scope") != strings.Join(DefaultScopes(), " ") {
		t.Errorf("the page is %s", address)
	}
}

func TestScopesOfTheConfiguration(t *testing.T) {
	c := New(Config{DefaultScopes: []string{"activity_and_fitness.readonly", "openid", ScopeLocation}})
	if want := []string{ScopeActivity, "openid", ScopeLocation}; !slices.Equal(c.DefaultScopes, want) {
		t.Errorf("got %v", c.DefaultScopes)
	}
}

// served is a connector at a server of one test's own.
func served(t *testing.T, handler http.HandlerFunc) *provider.Connector {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return New(Config{ClientID: testClientID, ClientSecret: testClientSecret, TokenURL: server.URL + "/token", RevokeURL: server.URL + "/revoke", APIBaseURL: server.URL})
}

func TestGrantOfATokenAnswer(t *testing.T) {
	for name, test := range map[string]struct {
		answer   string
		lifetime time.Duration
		ends     time.Duration // of the grant; zero: never
		refresh  string
	}{
		"as documented":        {`{"access_token":"a","refresh_token":"r","expires_in":3599,"scope":"openid x","token_type":"Bearer"}`, 3599 * time.Second, 0, "r"},
		"in testing":           {`{"access_token":"a","refresh_token":"r","expires_in":3599,"scope":"openid x","refresh_token_expires_in":604799}`, 3599 * time.Second, 604799 * time.Second, "r"},
		"in text":              {`{"access_token":"a","refresh_token":"r","expires_in":"3599","scope":"openid x","refresh_token_expires_in":"604799"}`, 3599 * time.Second, 604799 * time.Second, "r"},
		"without a lifetime":   {`{"access_token":"a","refresh_token":"r","scope":"openid x"}`, time.Hour, 0, "r"},
		"an end of no sense":   {`{"access_token":"a","refresh_token":"r","expires_in":3599,"scope":"openid x","refresh_token_expires_in":-1}`, 3599 * time.Second, 0, "r"},
		"no rotation":          {`{"access_token":"a","expires_in":3599,"scope":"openid x"}`, 3599 * time.Second, 0, ""},
		"rotation all at once": {`{"access_token":"a","expires_in":3599,"scope":"openid x","refresh_token":"r2"}`, 3599 * time.Second, 0, "r2"},
	} {
		t.Run(name, func(t *testing.T) {
			before := time.Now()
			g, err := answering(t, reply{200, asJSON, test.answer}).Authorizer.Refresh(t.Context(), "old")
			if err != nil {
				t.Fatal(err)
			}
			if g.AccessToken.Reveal() != "a" || g.RefreshToken.Reveal() != test.refresh || !slices.Equal(g.Scopes, []string{"openid", "x"}) || g.AccountID != "" {
				t.Errorf("got scopes %v, or other tokens", g.Scopes)
			}
			near := func(at time.Time, after time.Duration) bool {
				off := at.Sub(before.Add(after))
				return off > -time.Second && off < time.Minute
			}
			if !near(g.ExpiresAt, test.lifetime) || test.ends == 0 != g.RefreshExpiresAt.IsZero() || test.ends > 0 && !near(g.RefreshExpiresAt, test.ends) {
				t.Errorf("expires at %s, the grant at %s", g.ExpiresAt, g.RefreshExpiresAt)
			}
		})
	}
}

// The answers of the identity right after a consent (sections 2 and 7), and whether
// the grant comes along to be revoked.
func TestIdentityAfterConsent(t *testing.T) {
	const google = `{"error":{"code":403,"message":%q,"status":"PERMISSION_DENIED"}}`
	rpc := func(reason string) string {
		return `{"error":{"code":400,"message":"see ` + planted + `","status":"X","details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"` + reason + `","metadata":{"redirect_uri":"https://fitbit.google.com/auth/signup"}}]}}`
	}
	for name, test := range map[string]struct {
		reply
		class  provider.Class
		reason string
	}{
		"not linked":      {reply{400, asJSON, rpc("ACCOUNT_NOT_LINKED")}, provider.ClassInvalidGrant, events.ReasonAccountNotLinked},
		"no profile":      {reply{412, asJSON, `{"error":{"code":412,"message":"Precondition check failed."}}`}, provider.ClassInvalidGrant, events.ReasonAccountNotLinked},
		"an old account":  {reply{403, asJSON, fmt.Sprintf(google, "The caller does not have permission")}, provider.ClassInvalidGrant, events.ReasonAccountNotLinked},
		"an older one":    {reply{403, asJSON, fmt.Sprintf(google, "Could not mint UberMint from GaiaMint")}, provider.ClassInvalidGrant, events.ReasonAccountNotLinked},
		"no scope at all": {reply{403, asJSON, rpc("MISSING_OAUTH_SCOPE")}, provider.ClassInsufficientScope, "MISSING_OAUTH_SCOPE"},
		"refused at all":  {reply{403, asJSON, rpc("RESOURCE_PERMISSION_DENIED")}, provider.ClassInsufficientScope, "RESOURCE_PERMISSION_DENIED"},
		"front end":       {reply{403, asJSON, rpc("ACCESS_TOKEN_SCOPE_INSUFFICIENT")}, provider.ClassInsufficientScope, "ACCESS_TOKEN_SCOPE_INSUFFICIENT"},
		"preview":         {reply{403, asJSON, rpc("API_PRIVATE_PREVIEW_ACCESS_DENIED")}, provider.ClassNotAdmitted, "API_PRIVATE_PREVIEW_ACCESS_DENIED"},
		"API not enabled": {reply{403, asJSON, rpc("SERVICE_DISABLED")}, provider.ClassNotAdmitted, "SERVICE_DISABLED"},
		"server error":    {reply{503, asHTML, "<html>"}, provider.ClassUnavailable, ""},
		"HTML":            {reply{200, asHTML, "<html>"}, provider.ClassInvalidResponse, httpcall.ReasonNotJSON},
		"nobody":          {reply{200, asJSON, `{"name":"users/me/identity","legacyUserId":"7XQ2LM"}`}, provider.ClassInvalidResponse, httpcall.ReasonIncomplete},
		"an odd id":       {reply{200, asJSON, `{"healthUserId":"../../x"}`}, provider.ClassInvalidResponse, httpcall.ReasonIncomplete},
	} {
		t.Run(name, func(t *testing.T) {
			c := served(t, func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/token" {
					writeJSON(w, 200, map[string]any{"access_token": "a", "refresh_token": planted, "expires_in": 3599, "scope": "openid"})
					return
				}
				for header, value := range test.header {
					w.Header().Set(header, value)
				}
				w.WriteHeader(test.status)
				_, _ = io.WriteString(w, test.body)
			})
			g, err := c.Authorizer.Exchange(t.Context(), "code", "v", "http://localhost/callback")
			if e := wantClean(t, err); e.Class != test.class || e.Reason != test.reason || e.Op != opIdentity {
				t.Errorf("got %s [%s], want %s [%s]", e.Class, e.Reason, test.class, test.reason)
			}
			if said := len(g.Scopes) > 0; said != (test.class == provider.ClassInsufficientScope || test.reason == events.ReasonAccountNotLinked) {
				t.Errorf("what was granted comes along: %t", said)
			}
			if given := g.RefreshToken != ""; given != (test.reason == events.ReasonAccountNotLinked) {
				t.Errorf("the grant comes along: %t", given)
			}
		})
	}
}

// A failure of the identity that passes must not cost the consent: the code is spent.
func TestIdentityIsAskedForAgain(t *testing.T) {
	for _, fault := range []providertest.Fault{providertest.FaultUnavailable, providertest.FaultTruncated, providertest.FaultConnectionLost} {
		cloud := newCloud(t)
		cloud.faults[providertest.IdentityEndpoint] = fault
		_, grant := cloud.connected(t)
		if grant.AccountID != testAccount || grant.LinkedAccounts["fitbit"] != testLegacy || len(grant.LinkedAccounts) != 1 {
			t.Errorf("%s: connected %s, linked to %v", fault, grant.AccountID, grant.LinkedAccounts)
		}
	}
}

func TestAConsentWithoutARefreshToken(t *testing.T) {
	_, err := answering(t, reply{200, asJSON, `{"access_token":"` + planted + `","expires_in":3599}`}).Authorizer.Exchange(t.Context(), "c", "v", "http://localhost/callback")
	if e := wantClean(t, err); e.Class != provider.ClassInvalidResponse || e.Reason != httpcall.ReasonIncomplete || e.Op != opExchange {
		t.Errorf("got %v", err)
	}
}

func TestTheSecretTravelsInTheBodyOnly(t *testing.T) {
	var seen *http.Request
	c := served(t, func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		seen = r
		refuseToken(w, http.StatusUnauthorized, "invalid_client", "no")
	})
	if _, err := c.Authorizer.Refresh(t.Context(), "r"); provider.ClassOf(err) != provider.ClassInvalidClient {
		t.Fatal(err)
	}
	if seen.PostForm.Get("client_secret") != testClientSecret || seen.PostForm.Get("client_id") != testClientID || seen.PostForm.Get("refresh_token") != "r" ||
		seen.Header.Get("Authorization") != "" || seen.URL.RawQuery != "" {
		t.Errorf("sent %v, header %v", seen.PostForm, seen.Header)
	}
	if err := c.Authorizer.Revoke(t.Context(), "r"); provider.ClassOf(err) != provider.ClassInvalidClient || seen.PostForm.Get("token") != "r" || seen.URL.RawQuery != "" {
		t.Errorf("revoking sent %v: %v", seen.PostForm, err)
	}
}
