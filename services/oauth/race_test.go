package oauth_test

import (
	"context"
	"sync"
	"testing"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/events/rpc"
	"github.com/stridelog/stridelog/services/oauth/internal/cloudtest"
)

// Two people swap their accounts at the same time: each consent takes the lock
// of the account that the other one leaves. Neither may break the other off: a
// code is spent at once, so that consent would be lost.
func TestTwoUsersCanSwapTheirAccounts(t *testing.T) {
	h := newFixture(t)
	h.start("one")
	users, accounts := [2]string{events.NewID(), events.NewID()}, [2]string{"ACC1", "ACC2"}
	for i, user := range users {
		h.connect(user, accounts[i])
	}
	// Both consents stop at their old connection until both are under way.
	hold, err := h.pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer hold.Rollback(context.Background())
	if _, err := hold.Exec(t.Context(), "SELECT FROM oauth.connections FOR UPDATE"); err != nil {
		t.Fatal(err)
	}
	var answers [2]rpc.CallbackResponse
	var faults [2]error
	var both sync.WaitGroup
	for i, user := range users {
		code, state := h.cloud.Consent(t, h.authorize(user).AuthorizationURL, accounts[1-i], "activity")
		both.Go(func() {
			answers[i], faults[i] = call[rpc.CallbackRequest, rpc.CallbackResponse](h, rpc.OAuthCallback,
				rpc.CallbackRequest{Provider: cloudtest.Name, Code: code, State: state})
		})
	}
	h.eventually("both consents wait", func() bool {
		return h.number("SELECT count(DISTINCT pid) FROM pg_locks WHERE NOT granted AND pid IN (SELECT pid FROM pg_stat_activity WHERE datname = current_database())") == 2
	})
	if err := hold.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	both.Wait()
	for i := range users {
		if faults[i] != nil || answers[i].Status != events.StatusActive || answers[i].ErrorCode != "" {
			t.Errorf("the consent answered %+v, %v", answers[i], faults[i])
		}
	}
	if n := h.number("SELECT count(*) FROM oauth.connections WHERE status = 'active'"); n != 2 {
		t.Errorf("%d live connections, want 2", n)
	}
}

// A person is erased while the consent page is open. The grant that comes all
// the same is given back, unless somebody else lives on the same account: at
// some providers one revocation ends every grant of it.
func TestAGrantForAnErasedUserIsGivenBackUnlessItIsShared(t *testing.T) {
	h := newFixture(t)
	h.start("one")
	for name, c := range map[string]struct {
		shared      bool
		revocations int
	}{"alone": {false, 1}, "shared": {true, 0}} {
		account := "ACC-" + name
		if c.shared {
			h.connect(events.NewID(), account)
		}
		user := events.NewID()
		code, state := h.cloud.Consent(t, h.authorize(user).AuthorizationURL, account, "activity")
		// What the callback sees when the erasure comes while it exchanges the code.
		h.exec("INSERT INTO oauth.erased_users (user_hash) VALUES (sha256($1))", []byte(user))
		before, looked := h.revocations(), h.log.count("was given back")
		refusedWith[rpc.CallbackResponse](h, rpc.CodeInvalidState, rpc.OAuthCallback, rpc.CallbackRequest{Provider: cloudtest.Name, Code: code, State: state})
		h.eventually("the grant was looked at", func() bool { return h.log.count("was given back") == looked+1 })
		if after := h.revocations(); after-before != c.revocations {
			t.Errorf("%s: %d revocations, want %d", name, after-before, c.revocations)
		}
	}
}
