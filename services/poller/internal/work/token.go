package work

import (
	"context"
	"errors"
	"time"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/events/rpc"
	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/services/poller/internal/store"
)

// validity is how long a token must still be good when it is used.
const validity = time.Minute

// token is an access token, or why there is none.
type token struct {
	rpc.TokenResponse
	err error
}

// requestToken asks for a token without waiting for the answer.
func (s *session) requestToken(ctx context.Context) <-chan token {
	answer := make(chan token, 1)
	go func() { answer <- s.askToken(ctx) }()
	return answer
}

func (s *session) askToken(ctx context.Context) token {
	resp, err := bus.Call[rpc.TokenRequest, rpc.TokenResponse](ctx, s.Bus, rpc.OAuthToken,
		rpc.TokenRequest{ConnectionID: s.lease.ConnectionID, MinValidity: validity, ReplyKey: s.ReplyKey.Public()})
	if err == nil {
		resp, err = s.ReplyKey.Open(s.lease.ConnectionID, resp)
	}
	return token{TokenResponse: resp, err: err}
}

// accessToken gives a token that is good for the next request.
func (s *session) accessToken(ctx context.Context, first <-chan token) (token, error) {
	if s.token == nil {
		select {
		case t := <-first:
			s.token = &t
		case <-ctx.Done():
			return token{}, ctx.Err()
		}
	} else if !s.token.ExpiresAt.IsZero() && s.Now().Add(validity).After(s.token.ExpiresAt) {
		t := s.askToken(ctx)
		s.token = &t
	}
	return *s.token, s.token.err
}

// reject tells that the provider refused the token, and says where the connection
// stands now.
func (s *session) reject(ctx context.Context, refused token, class provider.Class) (rpc.TokenRejectedResponse, error) {
	return bus.Call[rpc.TokenRejectedRequest, rpc.TokenRejectedResponse](ctx, s.Bus, rpc.OAuthTokenRejected,
		rpc.TokenRejectedRequest{ConnectionID: s.lease.ConnectionID, TokenVersion: refused.TokenVersion, Class: string(class)})
}

// noToken acts on a token that could not be had. Nothing about the provider is
// known then, so no try is counted.
func (s *session) noToken(ctx context.Context, w store.Window, err error) error {
	var answer *rpc.Error
	if !errors.As(err, &answer) {
		return err
	}
	switch answer.Code {
	case rpc.CodeActionRequired:
		return s.suspend(ctx, store.Standing{Status: store.TargetPaused, Reason: answer.Reason, NextAction: answer.NextAction})
	case rpc.CodeNotFound:
		return s.suspend(ctx, store.Standing{Status: store.TargetEnded})
	}
	until := s.Now().Add(backoff(s.lease.Failures + 1))
	if answer.RetryAt != nil && answer.RetryAt.After(s.Now()) {
		until = *answer.RetryAt
	}
	return s.retryLater(ctx, w, until, &events.SyncError{Code: "token_unavailable", Detail: "No access token could be had: " + answer.Detail})
}
