package providertest

import (
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stridelog/stridelog/provider"
)

// Run checks a connector. It calls newHarness for each of its tests.
func Run(t *testing.T, newHarness func(t *testing.T) Harness) {
	for name, test := range map[string]func(*testing.T, Harness){
		"Description":                 testDescription,
		"AuthorizeURL":                testAuthorizeURL,
		"Exchange":                    testExchange,
		"ExchangeOfAWrongVerifier":    testWrongVerifier,
		"Refresh":                     testRefresh,
		"Revoke":                      testRevoke,
		"TokenFaults":                 testTokenFaults,
		"PagesHoldTheWholeWindow":     testPages,
		"EmptyWindow":                 testEmptyWindow,
		"ListFaults":                  testListFaults,
		"ForeignCursor":               testForeignCursor,
		"CanceledContext":             testCanceled,
		"HashIsStable":                testHash,
		"UnknownMembersSurvive":       testUnknownMembers,
		"Normalize":                   testNormalize,
		"NormalizerRefusesWhatIsNone": testNormalizeGarbage,
	} {
		t.Run(name, func(t *testing.T) { test(t, newHarness(t)) })
	}
}

func testDescription(t *testing.T, h Harness) {
	c := h.Connector
	if c.Name == "" || strings.ContainsAny(c.Name, ".*> ") || c.DisplayName == "" {
		t.Errorf("name %q, display name %q: the name is a token of subjects", c.Name, c.DisplayName)
	}
	if missing := c.MissingScopes(c.DefaultScopes); len(missing) > 0 {
		t.Errorf("the default scopes lack %v", missing)
	}
	if c.HashVersion < 1 || c.Budget.Requests < 1 || c.Budget.Per <= 0 {
		t.Errorf("hash version %d and budget %+v must be set", c.HashVersion, c.Budget)
	}
	if !slices.Contains(c.Capabilities, provider.CapabilityActivities) {
		t.Errorf("capabilities are %v", c.Capabilities)
	}
	_, canGet := c.Fetcher.(provider.Getter)
	if says := slices.Contains(c.Capabilities, provider.CapabilityGetByID); says != canGet {
		t.Errorf("says it gets by id: %t; does: %t", says, canGet)
	}
}

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
	if missing := h.Connector.MissingScopes(g.Scopes); len(missing) > 0 {
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
	if second.RefreshToken == "" {
		return // the provider keeps the old one valid
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
		FaultRateLimited: provider.ClassRateLimited, FaultUnavailable: provider.ClassUnavailable,
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
