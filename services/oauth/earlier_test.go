package oauth_test

import (
	"net/http"
	"testing"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/events/rpc"
)

// open checks how many grants of an account the provider still honours, and how many
// tokens wait for its last connection.
func (h *fixture) open(when string, grants int, waiting int64) {
	h.t.Helper()
	if n := h.cloud.Live("ACC1"); n != grants {
		h.t.Errorf("%s: %d grants are open, want %d", when, n, grants)
	}
	if n := h.number("SELECT count(*) FROM oauth.earlier_tokens"); n != waiting {
		h.t.Errorf("%s: %d tokens wait, want %d", when, n, waiting)
	}
}

// Each consent is a grant of its own at the provider. All of an account end with its
// last connection: those that a later consent replaced, those that a user left while
// another one used the account, and those of an erased user.
func TestEarlierTokensOfAnAccountAreRevokedWithTheLast(t *testing.T) {
	h := newFixture(t)
	h.start("one")
	first, second, third := events.NewID(), events.NewID(), events.NewID()
	h.connect(first, "ACC1")
	id := h.connect(first, "ACC1").ConnectionID
	h.open("the same account again", 2, 1)
	h.connect(second, "ACC1")
	h.connect(third, "ACC1")
	h.disconnect(second)
	h.open("one of three is gone", 4, 2)
	ask[rpc.EraseRequest, rpc.EraseResponse](h, rpc.OAuthErase, rpc.EraseRequest{UserID: third, ErasureID: events.NewID()})
	if where := h.search(third); where != "" {
		t.Errorf("the erased user is still in oauth.%s", where)
	}
	h.open("another one is erased", 4, 3)
	h.token(id)
	h.disconnect(first)
	h.open("the last is gone", 0, 0)
}

// The provider is away while the last connection ends.
func TestEarlierTokensAreRevokedOnceTheProviderAnswers(t *testing.T) {
	h := newFixture(t)
	stop := h.start("one")
	user := events.NewID()
	h.connect(user, "ACC1")
	h.connect(user, "ACC1")
	h.cloud.FailRefreshes(http.StatusServiceUnavailable, nil)
	h.disconnect(user)
	h.open("the provider is away", 2, 1)
	stop()
	h.cloud.FailRefreshes(0, nil)
	h.exec("UPDATE oauth.connections SET revocation_at = now()") // a minute later
	h.start("two")                                               // looks at once
	h.eventually("the provider was told of both", func() bool {
		return h.number("SELECT (SELECT count(*) FROM oauth.earlier_tokens) + (SELECT count(*) FROM oauth.connections WHERE revocation <> 'done')") == 0
	})
	h.open("the provider is back", 0, 0)
}

// A change to another account ends every grant of the old one.
func TestAChangeOfAccountsEndsEveryGrantOfTheOldOne(t *testing.T) {
	h := newFixture(t)
	h.start("one")
	user := events.NewID()
	h.connect(user, "ACC1")
	h.connect(user, "ACC1")
	if back := h.connect(user, "ACC2"); back.Status != events.StatusActive {
		t.Fatalf("the other account came back as %+v", back)
	}
	h.eventually("the old account is free", func() bool { return h.cloud.Live("ACC1") == 0 })
	if h.cloud.Live("ACC2") != 1 {
		t.Error("the new account's grant ended, too")
	}
}
