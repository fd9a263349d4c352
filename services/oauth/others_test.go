package oauth_test

import (
	"testing"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/events/rpc"
	"github.com/stridelog/stridelog/provider"
)

// One revocation may end every grant of an account. Whoever finds that out first
// has the others checked, and those whose grant still works go on.
func TestADeadGrantHasTheOthersOfItsAccountChecked(t *testing.T) {
	h := newFixture(t)
	h.start("one")
	first, second, other := events.NewID(), events.NewID(), events.NewID()
	heard := h.listen(second)
	a, b := h.connect(first, "SHARED").ConnectionID, h.connect(second, "SHARED").ConnectionID
	stranger := h.connect(other, "ANOTHER").ConnectionID
	next[*events.ConnectionActivated](heard)
	h.cloud.Lose("SHARED")
	h.reject(a, h.token(a).TokenVersion, provider.ClassUnauthorized)
	refusedWith[rpc.TokenResponse](h, rpc.CodeActionRequired, rpc.OAuthToken, rpc.TokenRequest{ConnectionID: a})
	told := next[*events.ConnectionStatusChanged](heard)
	if told.ConnectionID != b || told.Status != events.StatusActionRequired || told.Reason != events.ReasonReauthRequired {
		t.Errorf("the other user of the account was told %+v", told)
	}
	if v := h.view(stranger); v.Status != string(events.StatusActive) {
		t.Errorf("a connection of another account is %+v", v)
	}
}

// A grant that is its user's own and works is not touched by the death of another.
func TestAGrantThatWorksSurvivesTheCheck(t *testing.T) {
	h := newFixture(t)
	h.start("one")
	a := h.connect(events.NewID(), "SHARED").ConnectionID
	h.cloud.Lose("SHARED")
	b := h.connect(events.NewID(), "SHARED").ConnectionID
	h.reject(a, h.token(a).TokenVersion, provider.ClassUnauthorized)
	refusedWith[rpc.TokenResponse](h, rpc.CodeActionRequired, rpc.OAuthToken, rpc.TokenRequest{ConnectionID: a})
	h.eventually("the other connection is checked", func() bool { return h.log.contains("works=true") })
	if v := h.view(b); v.Status != string(events.StatusActive) || !h.cloud.Accepts(h.token(b).AccessToken) {
		t.Errorf("the other connection is %+v", v)
	}
}
