package oauth_test

import (
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/events/rpc"
	"github.com/stridelog/stridelog/provider"
)

func TestTwentyCallersOfTwoInstancesRefreshOnce(t *testing.T) {
	h := newFixture(t)
	h.start("one")
	h.start("two")
	back := h.connect(events.NewID(), "ACC1")
	h.reject(back.ConnectionID, 1, provider.ClassUnauthorized)
	// The refresh takes as long as it takes until every caller has asked.
	asked := make(chan struct{})
	h.cloud.AfterRotation(func() { <-asked })
	tokens := make([]rpc.TokenResponse, 20)
	var group, started sync.WaitGroup
	for i := range tokens {
		started.Add(1)
		group.Go(func() {
			started.Done()
			tokens[i] = h.token(back.ConnectionID)
		})
	}
	started.Wait()
	close(asked)
	group.Wait()
	for _, got := range tokens {
		if got.TokenVersion != 2 || !h.cloud.Accepts(got.AccessToken) {
			t.Fatalf("a caller got version %d, want 2 and the provider's current token", got.TokenVersion)
		}
	}
	if refreshes, rotations, _ := h.cloud.Counts(); refreshes != 1 || rotations != 1 {
		t.Errorf("%d refreshes, %d granted; want 1 and 1", refreshes, rotations)
	}
}

func TestOnlyTheCurrentVersionCanBeRejected(t *testing.T) {
	h := newFixture(t)
	h.start("one")
	id := h.connect(events.NewID(), "ACC1").ConnectionID
	h.reject(id, 1, provider.ClassUnauthorized)
	if got := h.token(id); got.TokenVersion != 2 {
		t.Fatalf("after a rejection the version is %d, want 2", got.TokenVersion)
	}
	h.reject(id, 1, provider.ClassUnauthorized) // late
	h.reject(id, 1, provider.ClassInsufficientScope)
	if got := h.token(id); got.TokenVersion != 2 {
		t.Errorf("a late refusal refreshed again: version %d", got.TokenVersion)
	}
	if got := h.reject(id, 2, provider.ClassGone); got.Status != events.StatusActive {
		t.Errorf("one 410 made the connection %s", got.Status)
	}
	got := h.reject(id, 2, provider.ClassInsufficientScope)
	if got.Status != events.StatusActionRequired || got.Reason != events.ReasonScopeMissing || got.NextAction == "" {
		t.Errorf("a missing scope answered %+v", got)
	}
}

func TestATokenThatExpiresSoonerThanAskedIsRefreshed(t *testing.T) {
	h := newFixture(t)
	h.start("one")
	id := h.connect(events.NewID(), "ACC1").ConnectionID
	h.exec("UPDATE oauth.connections SET access_expires_at = now() + interval '10 minutes', tokens_at = now() - interval '7 hours'")
	ask := func(validity time.Duration) int64 {
		return ask[rpc.TokenRequest, rpc.TokenResponse](h, rpc.OAuthToken, rpc.TokenRequest{ConnectionID: id, MinValidity: validity}).TokenVersion
	}
	if v := ask(5 * time.Minute); v != 1 {
		t.Errorf("a token good for longer was refreshed: version %d", v)
	}
	if v := ask(15 * time.Minute); v != 2 {
		t.Errorf("the version is %d, want 2", v)
	}
}

func TestTroubleNeverChangesTheStatus(t *testing.T) {
	h := newFixture(t)
	h.start("one")
	id := h.connect(events.NewID(), "ACC1").ConnectionID
	for _, status := range []int{202, 401, 409, 410, 429, 500, 503} {
		h.reject(id, 1, provider.ClassUnauthorized)
		h.cloud.FailRefreshes(status, nil)
		refusedWith[rpc.TokenResponse](h, rpc.CodeUnavailable, rpc.OAuthToken, rpc.TokenRequest{ConnectionID: id})
		if v := h.view(id); v.Status != "active" || v.Reason != "" {
			t.Errorf("after HTTP %d the connection is %+v", status, v)
		}
	}
	before, _, _ := h.cloud.Counts()
	h.cloud.FailRefreshes(http.StatusTooManyRequests, http.Header{"Retry-After": {"600"}})
	for range 2 { // the second is answered without asking the provider
		e := refusedWith[rpc.TokenResponse](h, rpc.CodeUnavailable, rpc.OAuthToken, rpc.TokenRequest{ConnectionID: id})
		if e.RetryAt == nil || time.Until(*e.RetryAt) < 9*time.Minute {
			t.Errorf("the refusal says to retry at %v", e.RetryAt)
		}
	}
	if after, _, _ := h.cloud.Counts(); after != before+1 {
		t.Errorf("a limited provider was asked %d times, want once", after-before)
	}
	h.cloud.FailRefreshes(0, nil)
	h.exec("UPDATE oauth.connections SET refresh_not_before = now()")
	if got := h.token(id); got.TokenVersion != 2 {
		t.Errorf("afterwards the version is %d, want 2", got.TokenVersion)
	}
}

func TestALostGrantNeedsThePerson(t *testing.T) {
	h := newFixture(t)
	h.start("one")
	user := events.NewID()
	heard := h.listen(user)
	id := h.connect(user, "ACC1").ConnectionID
	next[*events.ConnectionActivated](heard)
	h.cloud.Lose("ACC1")
	h.reject(id, 1, provider.ClassUnauthorized)
	for range 2 {
		e := refusedWith[rpc.TokenResponse](h, rpc.CodeActionRequired, rpc.OAuthToken, rpc.TokenRequest{ConnectionID: id})
		if e.Reason != events.ReasonReauthRequired || e.NextAction == "" {
			t.Errorf("the refusal says %+v", e)
		}
	}
	if got := next[*events.ConnectionStatusChanged](heard); got.Status != events.StatusActionRequired || got.Previous != events.StatusActive {
		t.Errorf("the event says %+v", got)
	}
	if refreshes, _, _ := h.cloud.Counts(); refreshes != 1 {
		t.Errorf("a dead grant was refreshed %d times, want once", refreshes)
	}
	if again := h.connect(user, "ACC1"); again.ConnectionID != id {
		t.Errorf("a new consent made connection %s, want %s", again.ConnectionID, id)
	}
	h.token(id)
}

func TestTokenRefusesWhatItDoesNotKnow(t *testing.T) {
	h := newFixture(t)
	h.start("one")
	refusedWith[rpc.TokenResponse](h, rpc.CodeNotFound, rpc.OAuthToken, rpc.TokenRequest{ConnectionID: events.NewID()})
	refusedWith[rpc.TokenResponse](h, rpc.CodeInvalidArgument, rpc.OAuthToken, rpc.TokenRequest{ConnectionID: "x"})
	refusedWith[rpc.TokenRejectedResponse](h, rpc.CodeInvalidArgument, rpc.OAuthTokenRejected,
		rpc.TokenRejectedRequest{ConnectionID: events.NewID(), Class: "bored"})
}

// A service that stops lets a rotation land: its tokens are the only ones.
func TestStoppingWaitsForARotation(t *testing.T) {
	h := newFixture(t)
	stop := h.start("one")
	id := h.connect(events.NewID(), "ACC1").ConnectionID
	h.reject(id, 1, provider.ClassUnauthorized)
	rotated, answer := make(chan struct{}), make(chan struct{})
	h.cloud.AfterRotation(func() { close(rotated); <-answer })
	asked := make(chan struct{})
	go func() {
		defer close(asked)
		_, _ = call[rpc.TokenRequest, rpc.TokenResponse](h, rpc.OAuthToken, rpc.TokenRequest{ConnectionID: id})
	}()
	<-rotated
	stopped := make(chan struct{})
	go func() { stop(); close(stopped) }()
	close(answer)
	<-stopped
	<-asked
	if v := h.number("SELECT token_version FROM oauth.connections"); v != 2 {
		t.Errorf("the stored version is %d, want 2", v)
	}
	h.cloud.AfterRotation(nil)
	h.start("two")
	if !h.cloud.Accepts(h.token(id).AccessToken) {
		t.Error("the stored token is not the provider's current one")
	}
}
