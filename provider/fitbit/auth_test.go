package fitbit

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/provider/internal/httpcall"
)

const planted = "9f3c0a-planted-token-2e71"

// answering is a connector whose every call gets one answer.
func answering(t *testing.T, status int, header map[string]string, body string) *provider.Connector {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for name, value := range header {
			w.Header().Set(name, value)
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}))
	t.Cleanup(server.Close)
	return New(Config{ClientID: testClientID, ClientSecret: testClientSecret, APIBaseURL: server.URL})
}

func fitbitError(errorType string) string {
	return fmt.Sprintf(`{"errors":[{"errorType":%q,"message":"Refresh token invalid: %s. Visit https://dev.fitbit.com for more"}],"success":false}`, errorType, planted)
}

var (
	asJSON = map[string]string{"Content-Type": "application/json"}
	asHTML = map[string]string{"Content-Type": "text/html; charset=utf-8"}
)

// Section 9 for the token endpoint. Only invalid_grant may cost a consent.
func TestRefreshFailures(t *testing.T) {
	for name, test := range map[string]struct {
		status int
		header map[string]string
		body   string
		class  provider.Class
		reason string
	}{
		"spent token":              {400, asJSON, fitbitError("invalid_grant"), provider.ClassInvalidGrant, "invalid_grant"},
		"spent token, RFC 6749":    {400, asJSON, `{"error":"invalid_grant","error_description":"` + planted + `"}`, provider.ClassInvalidGrant, "invalid_grant"},
		"access token refused":     {401, asJSON, fitbitError("invalid_token"), provider.ClassInvalidResponse, "invalid_token"},
		"access token expired":     {401, asJSON, fitbitError("expired_token"), provider.ClassInvalidResponse, "expired_token"},
		"the same with 400":        {400, asJSON, fitbitError("expired_token"), provider.ClassInvalidResponse, "expired_token"},
		"the same, RFC 6749":       {400, asJSON, `{"error":"invalid_token","error_description":"` + planted + `"}`, provider.ClassInvalidResponse, "invalid_token"},
		"client refused":           {401, asJSON, fitbitError("invalid_client"), provider.ClassInvalidClient, "invalid_client"},
		"client refused with 400":  {400, asJSON, fitbitError("invalid_client"), provider.ClassInvalidClient, "invalid_client"},
		"header missing":           {401, asJSON, fitbitError("invalid_request"), provider.ClassInvalidClient, "invalid_request"},
		"bad parameter":            {400, asJSON, fitbitError("validation"), provider.ClassBadRequest, "validation"},
		"a word nobody knows":      {400, asJSON, fitbitError(planted), provider.ClassBadRequest, ""},
		"forbidden":                {403, asJSON, fitbitError("insufficient_permissions"), provider.ClassBadRequest, "insufficient_permissions"},
		"concurrent refresh":       {409, asJSON, fitbitError("request"), provider.ClassConflict, "request"},
		"conflict without a body":  {409, nil, "", provider.ClassConflict, ""},
		"switched off":             {410, asHTML, "<html>" + planted, provider.ClassGone, ""},
		"rate limited":             {429, asJSON, fitbitError("system"), provider.ClassRateLimited, "system"},
		"rate limited as grant":    {429, asJSON, fitbitError("invalid_grant"), provider.ClassRateLimited, "invalid_grant"},
		"server error":             {500, asJSON, fitbitError("invalid_grant"), provider.ClassUnavailable, "invalid_grant"},
		"maintenance":              {503, asHTML, "<html>" + planted, provider.ClassUnavailable, ""},
		"HTML with 400":            {400, asHTML, "<html>invalid_grant " + planted, provider.ClassInvalidResponse, "not_json"},
		"HTML with 401":            {401, asHTML, "<html>" + planted, provider.ClassInvalidResponse, "not_json"},
		"HTML with 200":            {200, asHTML, "<html>" + planted, provider.ClassInvalidResponse, "not_json"},
		"text with 400":            {400, nil, "error " + planted, provider.ClassInvalidResponse, "not_json"},
		"truncated error":          {400, asJSON, `{"errors":[{"errorType":"invalid_gr`, provider.ClassInvalidResponse, "not_json"},
		"truncated tokens":         {200, asJSON, `{"access_token":"` + planted, provider.ClassInvalidResponse, "not_json"},
		"error with 200":           {200, asJSON, `{"error":"invalid_grant","error_description":"` + planted + `"}`, provider.ClassInvalidResponse, "invalid_grant"},
		"no access token":          {200, asJSON, `{"refresh_token":"` + planted + `"}`, provider.ClassInvalidResponse, "not_json"},
		"no refresh token":         {200, asJSON, `{"access_token":"` + planted + `"}`, provider.ClassInvalidResponse, "incomplete_answer"},
		"redirect":                 {307, map[string]string{"Location": "https://example.com/" + planted}, "", provider.ClassInvalidResponse, "redirect"},
		"an empty 401":             {401, nil, "", provider.ClassInvalidClient, ""},
		"tokens as form, no token": {200, map[string]string{"Content-Type": "text/plain"}, planted, provider.ClassInvalidResponse, "not_json"},
	} {
		t.Run(name, func(t *testing.T) {
			auth := answering(t, test.status, test.header, test.body).Authorizer
			_, refreshed := auth.Refresh(t.Context(), planted)
			_, exchanged := auth.Exchange(t.Context(), planted, planted, "http://localhost/callback")
			for op, err := range map[string]error{opRefresh: refreshed, opExchange: exchanged} {
				e := wantClean(t, err)
				if e.Class != test.class || e.Reason != test.reason || e.Op != op {
					t.Errorf("got %s [%s] for %q, want %s [%s]", e.Class, e.Reason, e.Op, test.class, test.reason)
				}
				if e.Status != test.status && test.status >= 300 {
					t.Errorf("status is %d, want %d", e.Status, test.status)
				}
			}
		})
	}
}

// wantClean checks that nothing of an error shows the planted token or the
// client's secret, and that nothing is wrapped that could.
func wantClean(t *testing.T, err error) *provider.Error {
	t.Helper()
	var e *provider.Error
	if !errors.As(err, &e) {
		t.Fatalf("got %v (%T), want a *provider.Error", err, err)
	}
	if errors.Unwrap(e) != nil {
		t.Errorf("the error wraps %T", errors.Unwrap(e))
	}
	for at := err; at != nil; at = errors.Unwrap(at) {
		for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
			text := fmt.Sprintf(format, at)
			if strings.Contains(text, planted) || strings.Contains(text, testClientSecret) || strings.Contains(text, "127.0.0.1") {
				t.Errorf("%s of the error shows a secret or an address: %s", format, text)
			}
		}
	}
	return e
}

func TestRevokeAnswers(t *testing.T) {
	for name, test := range map[string]struct {
		status int
		header map[string]string
		body   string
		class  provider.Class // empty: the consent is gone, which is what was wanted
	}{
		"done":            {200, nil, "", ""},
		"unknown token":   {404, nil, "", ""},
		"not found":       {404, asJSON, fitbitError("not_found"), ""},
		"spent":           {400, asJSON, fitbitError("invalid_token"), ""},
		"expired":         {401, asJSON, fitbitError("expired_token"), ""},
		"spent grant":     {400, asJSON, fitbitError("invalid_grant"), ""},
		"client refused":  {401, asJSON, fitbitError("invalid_client"), provider.ClassInvalidClient},
		"header refused":  {401, asJSON, fitbitError("authorization"), provider.ClassInvalidClient},
		"another page":    {404, asHTML, "<html>" + planted, provider.ClassInvalidResponse},
		"server error":    {502, asHTML, "<html>" + planted, provider.ClassUnavailable},
		"rate limited":    {429, asJSON, fitbitError("system"), provider.ClassRateLimited},
		"switched off":    {410, nil, "", provider.ClassGone},
		"missing content": {411, asJSON, fitbitError("request"), provider.ClassBadRequest},
	} {
		t.Run(name, func(t *testing.T) {
			err := answering(t, test.status, test.header, test.body).Authorizer.Revoke(t.Context(), planted)
			if test.class == "" {
				if err != nil {
					t.Errorf("got %v, want none", err)
				}
				return
			}
			if e := wantClean(t, err); e.Class != test.class || e.Op != opRevoke {
				t.Errorf("got %s, want %s", e.Class, test.class)
			}
		})
	}
}

func TestUnreachableServer(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	c := New(Config{ClientID: testClientID, ClientSecret: testClientSecret, APIBaseURL: server.URL})
	_, refreshed := c.Authorizer.Refresh(t.Context(), planted)
	_, listed := c.Sources[0].List.List(t.Context(), provider.ListRequest{Token: planted, Window: testWindow()})
	for _, err := range []error{refreshed, listed, c.Authorizer.Revoke(t.Context(), planted)} {
		if e := wantClean(t, err); e.Class != provider.ClassUnavailable || e.Status != 0 || e.Reason != httpcall.ReasonConnection {
			t.Errorf("got %s [%s], status %d", e.Class, e.Reason, e.Status)
		}
	}
}

// A server that takes the call and never answers is left at the client's limit.
func TestTimeout(t *testing.T) {
	release := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	defer server.Close()
	defer close(release)
	c := New(Config{
		ClientID: testClientID, ClientSecret: testClientSecret, APIBaseURL: server.URL,
		HTTPClient: &http.Client{Timeout: 50 * time.Millisecond},
	})
	_, refreshed := c.Authorizer.Refresh(t.Context(), planted)
	_, listed := c.Sources[0].List.List(t.Context(), provider.ListRequest{Token: planted, Window: testWindow()})
	for _, err := range []error{refreshed, listed, c.Authorizer.Revoke(t.Context(), planted)} {
		if e := wantClean(t, err); e.Class != provider.ClassUnavailable || e.Reason != httpcall.ReasonTimeout {
			t.Errorf("got %s [%s], want a timeout", e.Class, e.Reason)
		}
	}
}

func TestGrantOfATokenAnswer(t *testing.T) {
	const answer = `{"access_token":"a","refresh_token":"r","scope":"sleep activity","token_type":"Bearer","user_id":"7XQ2LM"%s}`
	for name, test := range map[string]struct {
		members  string
		lifetime time.Duration
	}{
		"as documented":      {`,"expires_in":28800`, 8 * time.Hour},
		"shorter":            {`,"expires_in":3600`, time.Hour},
		"without a lifetime": {``, 8 * time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			before := time.Now()
			g, err := answering(t, 200, asJSON, fmt.Sprintf(answer, test.members)).Authorizer.Exchange(t.Context(), "c", "v", "http://localhost/callback")
			if err != nil {
				t.Fatal(err)
			}
			if g.AccessToken.Reveal() != "a" || g.RefreshToken.Reveal() != "r" || g.AccountID != "7XQ2LM" || !slices.Equal(g.Scopes, []string{"sleep", "activity"}) {
				t.Errorf("got account %q, scopes %v, or other tokens", g.AccountID, g.Scopes)
			}
			if off := g.ExpiresAt.Sub(before.Add(test.lifetime)); off < -time.Second || off > time.Minute {
				t.Errorf("expires at %s, %s off", g.ExpiresAt, off)
			}
		})
	}
	auth := answering(t, 200, asJSON, `{"access_token":"a","refresh_token":"r"}`).Authorizer
	if _, err := auth.Exchange(t.Context(), "c", "v", "http://localhost/callback"); provider.ClassOf(err) != provider.ClassInvalidResponse {
		t.Errorf("an exchange that names no account gave %v", err)
	}
	if g, err := auth.Refresh(t.Context(), "r0"); err != nil || g.AccountID != "" || g.Scopes != nil {
		t.Errorf("a refresh need not name account and scopes: %v, %v", g.Scopes, err)
	}
}

func TestTheSecretTravelsInTheHeaderOnly(t *testing.T) {
	var basic, form string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, basic, _ = r.BasicAuth()
		_ = r.ParseForm()
		form = r.PostForm.Encode()
		refuse(w, http.StatusUnauthorized, "invalid_client", "no")
	}))
	defer server.Close()
	auth := New(Config{ClientID: testClientID, ClientSecret: testClientSecret, APIBaseURL: server.URL}).Authorizer
	for name, call := range map[string]func() error{
		"refresh": func() error { _, err := auth.Refresh(t.Context(), "r"); return err },
		"revoke":  func() error { return auth.Revoke(t.Context(), "r") },
	} {
		basic, form = "", ""
		if err := call(); provider.ClassOf(err) != provider.ClassInvalidClient {
			t.Errorf("%s: %v", name, err)
		}
		if basic != testClientSecret || strings.Contains(form, "client_secret") || !strings.Contains(form, "token=r") {
			t.Errorf("%s: the form is %s", name, form)
		}
	}
}
