package oauth_test

import (
	"testing"
	"time"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/events/rpc"
	"github.com/stridelog/stridelog/services/oauth/internal/cloudtest"
)

// What a callback brings is a stranger's, and what a token endpoint answers is the
// provider's. Texts that no database holds are refused, or left out.
func TestWhatNoDatabaseHoldsIsRefusedOrLeftOut(t *testing.T) {
	h := newFixture(t)
	h.start("one")
	user := events.NewID()
	for _, odd := range []string{"\x00", "\xff", "\ufffd"} {
		refusedWith[rpc.CallbackResponse](h, rpc.CodeInvalidState, rpc.OAuthCallback, rpc.CallbackRequest{Provider: cloudtest.Name, State: odd, Code: odd})
		refusedWith[rpc.AuthorizeResponse](h, rpc.CodeUnknownProvider, rpc.OAuthAuthorize, rpc.AuthorizeRequest{Provider: odd, UserID: user, RedirectURI: app})
		refusedWith[rpc.AuthorizeResponse](h, rpc.CodeInvalidArgument, rpc.OAuthAuthorize, rpc.AuthorizeRequest{Provider: cloudtest.Name, UserID: user, RedirectURI: app + odd})
	}
	back := h.connect(user, "ACC1", "activity", "odd\x00scope", "odd\xffscope")
	if back.Status != events.StatusActive {
		t.Fatalf("a grant with odd scopes came back as %+v", back)
	}
	if n := h.number("SELECT count(*) FROM oauth.connections WHERE scopes[1] = 'activity' AND cardinality(scopes) BETWEEN 1 AND 2"); n != 1 {
		t.Error("the scopes that can be stored are not those of the connection")
	}
	code, state := h.cloud.Consent(t, h.authorize(user).AuthorizationURL, "ACC%002", "activity")
	if back := h.callback(code, state); back.ErrorCode != "exchange_failed" || back.Reason != "invalid_response" {
		t.Errorf("an account whose id is no text came back as %+v", back)
	}
	if n := h.number("SELECT count(*) FROM oauth.connections WHERE status = 'active'"); n != 1 {
		t.Errorf("%d connections are active afterwards", n)
	}
}

// A client in a loop begins consents of one person without an end.
func TestConsentsUnderWayAreBoundedPerUser(t *testing.T) {
	h := newFixture(t)
	h.start("one")
	user := events.NewID()
	q := rpc.AuthorizeRequest{Provider: cloudtest.Name, UserID: user, RedirectURI: app}
	for range 30 {
		h.authorize(user)
	}
	e := refusedWith[rpc.AuthorizeResponse](h, rpc.CodeTooMany, rpc.OAuthAuthorize, q)
	if e.RetryAt == nil || time.Until(*e.RetryAt) <= 0 || time.Until(*e.RetryAt) > 11*time.Minute {
		t.Errorf("it may come again at %v", e.RetryAt)
	}
	if n := h.number("SELECT count(*) FROM oauth.states"); n != 30 {
		t.Errorf("%d states are stored", n)
	}
	if back := h.connect(events.NewID(), "ACC1"); back.Status != events.StatusActive {
		t.Errorf("another user's consent came back as %+v", back)
	}
	h.exec("UPDATE oauth.states SET expires_at = now()")
	h.authorize(user)
}
