package oauth_test

import (
	"net/http"
	"testing"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/events/rpc"
	"github.com/stridelog/stridelog/services/oauth/internal/cloudtest"
)

func (h *fixture) disconnect(user string) rpc.DisconnectResponse {
	h.t.Helper()
	return ask[rpc.DisconnectRequest, rpc.DisconnectResponse](h, rpc.OAuthDisconnect, rpc.DisconnectRequest{Provider: cloudtest.Name, UserID: user})
}

func TestDisconnectRevokesAtTheProviderAndKeepsTheRow(t *testing.T) {
	h := newFixture(t)
	h.start("one")
	user := events.NewID()
	heard := h.listen(user)
	id := h.connect(user, "ACC1").ConnectionID
	next[*events.ConnectionActivated](heard)
	access := h.token(id).AccessToken
	if got := h.disconnect(user); got.ConnectionID != id || got.Status != events.StatusRevoked {
		t.Errorf("disconnect answered %+v", got)
	}
	if got := next[*events.ConnectionRevoked](heard); got.ConnectionID != id || got.By != events.RevokedByUser {
		t.Errorf("the event says %+v", got)
	}
	if h.cloud.Accepts(access) {
		t.Error("the provider still accepts the token")
	}
	if n := h.number("SELECT count(*) FROM oauth.connections WHERE status = 'revoked' AND tokens IS NULL AND revocation = 'done'"); n != 1 {
		t.Error("the row must stay, revoked, without tokens")
	}
	refusedWith[rpc.DisconnectResponse](h, rpc.CodeNotFound, rpc.OAuthDisconnect, rpc.DisconnectRequest{Provider: cloudtest.Name, UserID: user})
	e := refusedWith[rpc.TokenResponse](h, rpc.CodeActionRequired, rpc.OAuthToken, rpc.TokenRequest{ConnectionID: id})
	if e.Reason != "revoked" {
		t.Errorf("the refusal says %+v", e)
	}
	if again := h.connect(user, "ACC1"); again.ConnectionID != id || again.Status != events.StatusActive {
		t.Errorf("a new consent answered %+v, want connection %s", again, id)
	}
}

func TestTheProviderIsToldWithTheLastConnectionOfTheAccount(t *testing.T) {
	h := newFixture(t)
	h.start("one")
	ann, ben := events.NewID(), events.NewID()
	h.connect(ann, "SHARED")
	second := h.connect(ben, "SHARED").ConnectionID
	h.disconnect(ann)
	if _, _, revocations := h.cloud.Counts(); revocations != 0 {
		t.Error("the provider was told while another connection lives")
	}
	if !h.cloud.Accepts(h.token(second).AccessToken) {
		t.Error("the other connection's token is dead")
	}
	if n := h.number("SELECT count(*) FROM oauth.connections WHERE revocation = 'shared' AND tokens IS NULL"); n != 1 {
		t.Error("the first end is not recorded as shared, without tokens")
	}
	h.disconnect(ben)
	if _, _, revocations := h.cloud.Counts(); revocations != 2 {
		t.Errorf("%d revocations with the last connection, want one of each person's grant", revocations)
	}
}

func TestARevocationThatFailsIsTriedAgain(t *testing.T) {
	h := newFixture(t)
	stop := h.start("one")
	user := events.NewID()
	id := h.connect(user, "ACC1").ConnectionID
	access := h.token(id).AccessToken
	h.cloud.FailRefreshes(http.StatusServiceUnavailable, nil)
	if got := h.disconnect(user); got.Status != events.StatusRevoked {
		t.Errorf("a provider that is away kept the connection %s", got.Status)
	}
	if n := h.number("SELECT count(*) FROM oauth.connections WHERE revocation = 'pending' AND tokens IS NOT NULL"); n != 1 {
		t.Fatal("the revocation is not pending")
	}
	stop()
	h.cloud.FailRefreshes(0, nil)
	h.exec("UPDATE oauth.connections SET revocation_at = now()") // a minute later
	h.start("two")                                               // looks at once
	h.eventually("the revocation is done and the tokens are gone", func() bool {
		return h.number("SELECT count(*) FROM oauth.connections WHERE revocation = 'done' AND tokens IS NULL") == 1
	})
	if h.cloud.Accepts(access) {
		t.Error("the provider still accepts the token")
	}
}

func TestEraseLeavesNothingAndStays(t *testing.T) {
	h := newFixture(t)
	h.start("one")
	user, other := events.NewID(), events.NewID()
	id := h.connect(user, "ACC1").ConnectionID
	kept := h.connect(other, "ACC2").ConnectionID
	access := h.token(id).AccessToken
	pending := h.authorize(user)
	h.exec("INSERT INTO oauth.outbox (subject, header, data) SELECT 'stridelog.connection.activated.fakecloud.' || u, '{}', '' FROM unnest($1::text[]) u", []string{user})
	erase := func() map[string]int64 {
		return ask[rpc.EraseRequest, rpc.EraseResponse](h, rpc.OAuthErase, rpc.EraseRequest{UserID: user, ErasureID: events.NewID()}).Counts
	}
	counts := erase()
	if counts["connections"] != 1 || counts["oauth_states"] != 2 || counts["grants_revoked"] != 1 || counts["grants_not_revoked"] != 0 {
		t.Errorf("the counts are %v", counts)
	}
	if h.cloud.Accepts(access) {
		t.Error("the provider still accepts the token")
	}
	if where := h.search(user); where != "" {
		t.Errorf("the user id is still in oauth.%s", where)
	}
	if h.search(other) == "" {
		t.Error("the search does not find the other user, so it finds nothing at all")
	}
	h.token(kept)
	for kind, n := range erase() {
		if n != 0 {
			t.Errorf("the second time deleted %d %s", n, kind)
		}
	}
	code, state := h.cloud.Consent(t, pending.AuthorizationURL, "ACC1", "activity")
	refusedWith[rpc.CallbackResponse](h, rpc.CodeInvalidState, rpc.OAuthCallback, rpc.CallbackRequest{Provider: cloudtest.Name, Code: code, State: state})
	refusedWith[rpc.AuthorizeResponse](h, rpc.CodeNotFound, rpc.OAuthAuthorize, rpc.AuthorizeRequest{Provider: cloudtest.Name, UserID: user, RedirectURI: app})
}
