package providertest

import (
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/provider"
)

func testAuthorizeURL(t *testing.T, h Harness) {
	address, err := url.Parse(h.authorizeURL())
	if err != nil {
		t.Fatal(err)
	}
	query := address.Query()
	for name, want := range map[string]string{
		"response_type": "code", "state": state, "redirect_uri": redirectURI,
		"code_challenge": challenge(), "code_challenge_method": "S256",
		"scope": strings.Join(h.Connector.DefaultScopes, " "),
	} {
		if got := query[name]; len(got) != 1 || got[0] != want {
			t.Errorf("%s is %q, want %q once", name, got, want)
		}
	}
	if query.Get("client_id") == "" {
		t.Error("client_id is missing")
	}
	for _, secret := range append(h.Secrets(), verifier) {
		if strings.Contains(address.String(), secret) {
			t.Error("the address holds a secret")
		}
	}
}

func testExchange(t *testing.T, h Harness) {
	before := time.Now()
	g := h.connect(t)
	if g.AccountID != h.AccountID {
		t.Errorf("account is %q, want %q", g.AccountID, h.AccountID)
	}
	if g.AccessToken == "" || g.RefreshToken == "" {
		t.Error("a token is missing")
	}
	if !g.ExpiresAt.After(before) {
		t.Errorf("expires at %s, before it was made", g.ExpiresAt)
	}
	if missing := h.Connector.Needs.Missing(g.Scopes); len(missing) > 0 {
		t.Errorf("granted %v, which lacks %v", g.Scopes, missing)
	}
}

func testWrongVerifier(t *testing.T, h Harness) {
	code := h.Consent(t, h.authorizeURL())
	wrong := provider.Secret(strings.ToUpper(verifier))
	_, err := h.Connector.Authorizer.Exchange(t.Context(), provider.Secret(code), wrong, redirectURI)
	_ = h.wantError(t, err, provider.ClassInvalidGrant)
	_, err = h.Connector.Authorizer.Exchange(t.Context(), "a-code-nobody-gave", verifier, redirectURI)
	_ = h.wantError(t, err, provider.ClassInvalidGrant)
}

// testSomeScopes grants one scope that is required, and then one that is not: what
// the person refused must show.
func testSomeScopes(t *testing.T, h Harness) {
	c := h.Connector
	required := c.Needs.Required()
	i := slices.IndexFunc(c.DefaultScopes, func(s string) bool { return !slices.Contains(required, s) })
	if i < 0 {
		t.Fatal("every default scope is required: there is nothing to refuse")
	}
	for _, granted := range [][]string{required, {c.DefaultScopes[i]}} {
		code := h.ConsentTo(t, h.authorizeURL(), granted)
		g, err := c.Authorizer.Exchange(t.Context(), provider.Secret(code), verifier, redirectURI)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range c.DefaultScopes {
			if slices.Contains(g.Scopes, s) != slices.Contains(granted, s) {
				t.Errorf("the grant holds %v, given were %v", g.Scopes, granted)
			}
		}
		if barred := len(c.Needs.Barring(g.Scopes)) > 0; barred != (granted[0] != required[0]) {
			t.Errorf("%v lacks %v", g.Scopes, c.Needs.Barring(g.Scopes))
		}
	}
}

// testNotLinked connects an account that the provider has no records for, now or
// later: the reason says so, and the tokens are there to be revoked.
func testNotLinked(t *testing.T, h Harness) {
	if !h.has(FaultNotLinked) {
		return
	}
	code := h.Consent(t, h.authorizeURL())
	h.Fail(t, IdentityEndpoint, FaultNotLinked)
	g, err := h.Connector.Authorizer.Exchange(t.Context(), provider.Secret(code), verifier, redirectURI)
	if e := h.wantError(t, err, provider.ClassInvalidGrant); e.Reason != events.ReasonAccountNotLinked {
		t.Errorf("the reason is %q", e.Reason)
	}
	if g.RefreshToken == "" {
		t.Fatal("the grant is missing, so nobody can revoke it")
	}
	if err := h.Connector.Authorizer.Revoke(t.Context(), g.RefreshToken); err != nil {
		t.Error(err)
	}
}

func testRefresh(t *testing.T, h Harness) {
	first := h.connect(t)
	second, err := h.Connector.Authorizer.Refresh(t.Context(), first.RefreshToken)
	if err != nil {
		t.Fatal(err)
	}
	if second.AccessToken == "" || second.AccessToken == first.AccessToken {
		t.Error("refreshing gave no new access token")
	}
	if _, err := h.read(t, second, everything()); err != nil {
		t.Errorf("the new access token does not work: %v", err)
	}
	_, err = h.Connector.Authorizer.Refresh(t.Context(), "a-token-nobody-gave")
	_ = h.wantError(t, err, provider.ClassInvalidGrant)
	if second.RefreshToken == "" { // the provider keeps the old one valid
		if _, err := h.Connector.Authorizer.Refresh(t.Context(), first.RefreshToken); err != nil {
			t.Errorf("the old refresh token is the only one, and fails: %v", err)
		}
		return
	}
	_, err = h.Connector.Authorizer.Refresh(t.Context(), first.RefreshToken)
	_ = h.wantError(t, err, provider.ClassInvalidGrant)
}

func testRevoke(t *testing.T, h Harness) {
	g := h.connect(t)
	if err := h.Connector.Authorizer.Revoke(t.Context(), g.RefreshToken); err != nil {
		t.Fatal(err)
	}
	_, err := h.Connector.Authorizer.Refresh(t.Context(), g.RefreshToken)
	_ = h.wantError(t, err, provider.ClassInvalidGrant)
	if err := h.Connector.Authorizer.Revoke(t.Context(), g.RefreshToken); err != nil {
		t.Errorf("a consent that is gone already is no error, got %v", err)
	}
}

func testTokenFaults(t *testing.T, h Harness) {
	g := h.connect(t)
	for fault, class := range map[Fault]provider.Class{
		FaultRateLimited: provider.ClassRateLimited, FaultRateLimitedMute: provider.ClassRateLimited, FaultUnavailable: provider.ClassUnavailable,
		FaultHTML: provider.ClassInvalidResponse, FaultTruncated: provider.ClassInvalidResponse,
		FaultGone: provider.ClassGone, FaultConflict: provider.ClassConflict,
		FaultInvalidClient: provider.ClassInvalidClient, FaultInvalidGrant: provider.ClassInvalidGrant,
		FaultConnectionLost: provider.ClassUnavailable,
	} {
		t.Run(string(fault), func(t *testing.T) {
			h.Fail(t, TokenEndpoint, fault)
			_, err := h.Connector.Authorizer.Refresh(t.Context(), g.RefreshToken)
			e := h.wantError(t, err, class)
			if class == provider.ClassRateLimited && !e.RetryAt.After(time.Now()) {
				t.Errorf("retry at %s is not in the future", e.RetryAt)
			}
		})
	}
	if _, err := h.Connector.Authorizer.Refresh(t.Context(), g.RefreshToken); err != nil {
		t.Errorf("after the faults the token still works, got %v", err)
	}
}
