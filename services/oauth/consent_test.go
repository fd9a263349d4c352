package oauth_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/events/rpc"
	"github.com/stridelog/stridelog/services/oauth/internal/cloudtest"
)

func TestAConsentMakesAnActiveConnectionAndSaysSo(t *testing.T) {
	h := newFixture(t)
	h.start("one")
	user := events.NewID()
	heard := h.listen(user)
	back := h.connect(user, "ACC1")
	if back.Status != events.StatusActive || back.RedirectURI != app || back.UserID != user || back.ErrorCode != "" {
		t.Fatalf("the callback answered %+v", back)
	}
	got := next[*events.ConnectionActivated](heard)
	if got.ConnectionID != back.ConnectionID || got.ProviderAccountID != "ACC1" || strings.Join(got.Scopes, " ") != "profile activity" {
		t.Errorf("the event says %+v", got)
	}
	if v := h.view(back.ConnectionID); v != (view{Status: "active", Account: "ACC1", Scope: "profile activity"}) {
		t.Errorf("the view shows %+v", v)
	}
	token := h.token(back.ConnectionID)
	if !h.cloud.Accepts(token.AccessToken) || token.TokenVersion != 1 || token.ExpiresAt.IsZero() {
		t.Error("the token that was handed out is not the provider's current one")
	}
	if refreshes, _, _ := h.cloud.Counts(); refreshes != 0 {
		t.Errorf("a fresh token was refreshed %d times", refreshes)
	}
}

func TestProvidersListsTheCatalog(t *testing.T) {
	h := newFixture(t)
	h.start("one")
	got := ask[rpc.ProvidersRequest, rpc.ProvidersResponse](h, rpc.OAuthProviders, rpc.ProvidersRequest{}).Providers
	if len(got) != 2 || got[0].Name != cloudtest.Name || !got[0].Enabled || got[1].Name != "sleepy" || got[1].Enabled {
		t.Errorf("the providers are %+v", got)
	}
}

func TestAuthorizeRefusesWhatIsWrong(t *testing.T) {
	h := newFixture(t)
	h.start("one")
	user := events.NewID()
	for name, c := range map[string]struct {
		q           rpc.AuthorizeRequest
		code, field string
	}{
		"unknown provider":  {rpc.AuthorizeRequest{Provider: "nope", UserID: user, RedirectURI: app}, rpc.CodeUnknownProvider, "provider"},
		"disabled provider": {rpc.AuthorizeRequest{Provider: "sleepy", UserID: user, RedirectURI: app}, rpc.CodeProviderDisabled, "provider"},
		"user id":           {rpc.AuthorizeRequest{Provider: cloudtest.Name, UserID: "me", RedirectURI: app}, rpc.CodeInvalidArgument, "user_id"},
		"foreign redirect":  {rpc.AuthorizeRequest{Provider: cloudtest.Name, UserID: user, RedirectURI: "https://evil.example.org/"}, rpc.CodeInvalidArgument, "redirect_uri"},
		"user info":         {rpc.AuthorizeRequest{Provider: cloudtest.Name, UserID: user, RedirectURI: "https://app.example.org@evil.org/"}, rpc.CodeInvalidArgument, "redirect_uri"},
		"fragment":          {rpc.AuthorizeRequest{Provider: cloudtest.Name, UserID: user, RedirectURI: app + "#x"}, rpc.CodeInvalidArgument, "redirect_uri"},
	} {
		if e := refusedWith[rpc.AuthorizeResponse](h, c.code, rpc.OAuthAuthorize, c.q); e.Field != c.field {
			t.Errorf("%s: the field is %q, want %q", name, e.Field, c.field)
		}
	}
	if n := h.number("SELECT count(*) FROM oauth.states"); n != 0 {
		t.Errorf("%d states were stored for refused requests", n)
	}
}

// Without an address of the client the callback names none, and the gateway shows a page
// of its own.
func TestAConsentMayBeginWithoutAReturnAddress(t *testing.T) {
	h := newFixture(t)
	h.start("one")
	begun := ask[rpc.AuthorizeRequest, rpc.AuthorizeResponse](h, rpc.OAuthAuthorize, rpc.AuthorizeRequest{Provider: cloudtest.Name, UserID: events.NewID()})
	code, state := h.cloud.Consent(t, begun.AuthorizationURL, "ACC1", "activity")
	if back := h.callback(code, state); back.RedirectURI != "" || back.Status != events.StatusActive || back.ConnectionID == "" {
		t.Errorf("the callback answered %+v", back)
	}
}

func TestAStateIsGoodOnceInTimeAndForItsProvider(t *testing.T) {
	h := newFixture(t)
	h.start("one")
	user := events.NewID()
	refuse := func(why string, q rpc.CallbackRequest) {
		t.Helper()
		refusedWith[rpc.CallbackResponse](h, rpc.CodeInvalidState, rpc.OAuthCallback, q)
		if n := h.number("SELECT count(*) FROM oauth.connections"); n != 0 {
			t.Errorf("%s: a connection was made", why)
		}
	}
	code, state := h.cloud.Consent(t, h.authorize(user).AuthorizationURL, "ACC1", "activity")
	refuse("unknown", rpc.CallbackRequest{Provider: cloudtest.Name, Code: code, State: state + "x"})
	h.exec("UPDATE oauth.states SET provider = 'sleepy'")
	refuse("foreign", rpc.CallbackRequest{Provider: cloudtest.Name, Code: code, State: state})
	h.exec("UPDATE oauth.states SET provider = $1, expires_at = now()", cloudtest.Name)
	refuse("expired", rpc.CallbackRequest{Provider: cloudtest.Name, Code: code, State: state})
	h.exec("UPDATE oauth.states SET expires_at = now() + interval '1 minute'")
	if back := h.callback(code, state); back.Status != events.StatusActive {
		t.Fatalf("the state does not work at all: %+v", back)
	}
	version := h.number("SELECT token_version FROM oauth.connections")
	refusedWith[rpc.CallbackResponse](h, rpc.CodeInvalidState, rpc.OAuthCallback, rpc.CallbackRequest{Provider: cloudtest.Name, Code: code, State: state})
	if n := h.number("SELECT token_version FROM oauth.connections"); n != version {
		t.Error("a replayed state changed the connection")
	}
}

func TestTheStateItselfIsNotStored(t *testing.T) {
	h := newFixture(t)
	h.start("one")
	a := h.authorize(events.NewID())
	if len(a.State) != 43 || !strings.Contains(a.AuthorizationURL, "state="+url.QueryEscape(a.State)) {
		t.Fatalf("the state %q is not 256 bits, or not in the URL", a.State)
	}
	if n := h.number("SELECT count(*) FROM oauth.states WHERE hash = sha256($1)", []byte(a.State)); n != 1 {
		t.Errorf("%d rows have the hash of the state, want 1", n)
	}
	if where := h.search(a.State); where != "" {
		t.Errorf("the state is in clear in %s", where)
	}
}

func TestAnotherVerifierFailsTheExchange(t *testing.T) {
	h := newFixture(t)
	h.start("one")
	// The code of one consent comes with the state of another: an injected code.
	code, _ := h.cloud.Consent(t, h.authorize(events.NewID()).AuthorizationURL, "VICTIM", "activity")
	_, state := h.cloud.Consent(t, h.authorize(events.NewID()).AuthorizationURL, "ACC1", "activity")
	back := h.callback(code, state)
	if back.ErrorCode != "exchange_failed" || back.Reason != "invalid_grant" || back.ConnectionID != "" || back.RedirectURI != app {
		t.Errorf("the callback answered %+v", back)
	}
	if n := h.number("SELECT count(*) FROM oauth.connections"); n != 0 {
		t.Error("an injected code made a connection")
	}
}

func TestARefusedConsentGoesBackWithItsCode(t *testing.T) {
	h := newFixture(t)
	h.start("one")
	for sent, want := range map[string]string{"access_denied": "access_denied", "<script>": "provider_error"} {
		back := ask[rpc.CallbackRequest, rpc.CallbackResponse](h, rpc.OAuthCallback,
			rpc.CallbackRequest{Provider: cloudtest.Name, State: h.authorize(events.NewID()).State, ProviderError: sent})
		if back.ErrorCode != want || back.RedirectURI != app || back.ConnectionID != "" {
			t.Errorf("%s: the callback answered %+v", sent, back)
		}
	}
	refusedWith[rpc.CallbackResponse](h, rpc.CodeInvalidArgument, rpc.OAuthCallback,
		rpc.CallbackRequest{Provider: cloudtest.Name, State: h.authorize(events.NewID()).State})
}

func TestAMissingScopeNeedsThePersonAndANewConsentHeals(t *testing.T) {
	h := newFixture(t)
	h.start("one")
	user := events.NewID()
	heard := h.listen(user)
	back := h.connect(user, "ACC1", "profile")
	if back.Status != events.StatusActionRequired || back.ErrorCode != events.ReasonScopeMissing || back.Reason != "activity" || back.ConnectionID == "" {
		t.Fatalf("the callback answered %+v", back)
	}
	if got := next[*events.ConnectionStatusChanged](heard); got.Reason != events.ReasonScopeMissing || !strings.Contains(got.NextAction, "activity") {
		t.Errorf("the event says %+v", got)
	}
	refused := refusedWith[rpc.TokenResponse](h, rpc.CodeActionRequired, rpc.OAuthToken, rpc.TokenRequest{ConnectionID: back.ConnectionID})
	if refused.Reason != events.ReasonScopeMissing || refused.NextAction == "" {
		t.Errorf("the refusal says %+v", refused)
	}
	again := h.connect(user, "ACC1")
	if again.ConnectionID != back.ConnectionID || again.Status != events.StatusActive {
		t.Errorf("the new consent answered %+v, want connection %s", again, back.ConnectionID)
	}
	next[*events.ConnectionActivated](heard)
	h.token(back.ConnectionID)
}

func TestAnotherAccountReplacesTheConnection(t *testing.T) {
	h := newFixture(t)
	h.start("one")
	user := events.NewID()
	heard := h.listen(user)
	first := h.connect(user, "ACC1")
	next[*events.ConnectionActivated](heard)
	old := h.token(first.ConnectionID).AccessToken
	second := h.connect(user, "ACC2")
	if second.ConnectionID == first.ConnectionID {
		t.Fatal("two accounts share a connection")
	}
	if got := next[*events.ConnectionRevoked](heard); got.ConnectionID != first.ConnectionID || got.By != events.RevokedByReplaced {
		t.Errorf("the event says %+v", got)
	}
	next[*events.ConnectionActivated](heard)
	h.eventually("the old grant is revoked", func() bool { return !h.cloud.Accepts(old) })
	if !h.cloud.Accepts(h.token(second.ConnectionID).AccessToken) {
		t.Error("the new grant must be alive")
	}
	if v := h.view(first.ConnectionID); v.Status != "revoked" {
		t.Errorf("the old connection is %s", v.Status)
	}
	// Back to the first account: the connection of that account comes back.
	third := h.connect(user, "ACC1")
	if third.ConnectionID != first.ConnectionID || third.Status != events.StatusActive {
		t.Errorf("the consent after that answered %+v, want connection %s", third, first.ConnectionID)
	}
	if n := h.number("SELECT count(*) FROM oauth.connections WHERE status <> 'revoked'"); n != 1 {
		t.Errorf("%d live connections, want 1", n)
	}
}

// Nobody knows whose consent it is that opens nothing: there is no connection to say
// so, and one that the person has stays as it is.
func TestAConsentThatOpensNothingNamesTheScopes(t *testing.T) {
	h := newFixture(t)
	h.start("one")
	user := events.NewID()
	before := h.connect(user, "ACC1")
	code, state := h.cloud.Consent(t, h.authorize(user).AuthorizationURL, "ACC1", "profile")
	h.cloud.FailExchanges(http.StatusForbidden)
	back := h.callback(code, state)
	if back.ErrorCode != events.ReasonScopeMissing || back.Reason != "activity" || back.ConnectionID != "" || back.RedirectURI != app {
		t.Errorf("the callback answered %+v", back)
	}
	h.cloud.FailExchanges(0)
	if v := h.view(before.ConnectionID); v.Status != "active" || !h.cloud.Accepts(h.token(before.ConnectionID).AccessToken) {
		t.Errorf("the connection before is %s", v.Status)
	}
}

func TestAnExchangeThatFailsSaysOnlyItsClass(t *testing.T) {
	h := newFixture(t)
	h.start("one")
	code, state := h.cloud.Consent(t, h.authorize(events.NewID()).AuthorizationURL, "ACC1", "activity")
	h.cloud.FailExchanges(http.StatusServiceUnavailable)
	if back := h.callback(code, state); back.ErrorCode != "exchange_failed" || back.Reason != "unavailable" {
		t.Errorf("the callback answered %+v", back)
	}
	if h.log.contains(code) || h.log.contains(state) {
		t.Error("the code or the state is in the log")
	}
}
