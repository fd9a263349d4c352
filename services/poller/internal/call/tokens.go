package call

import (
	"context"
	"errors"
	"time"

	"github.com/stridelog/stridelog/events/rpc"
	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/services/poller/internal/store"
)

// Validity is how long a token must still be good when it is used.
const Validity = time.Minute

// Token is an access token of a connection.
type Token struct {
	Access    provider.Secret
	Version   int64     // rises with each refresh
	ExpiresAt time.Time // zero when the provider does not say
}

// Good says whether a token is good for a request that is made now.
func (t Token) Good(now time.Time) bool {
	return t.Access != "" && (t.ExpiresAt.IsZero() || !now.Add(Validity).After(t.ExpiresAt))
}

// Tokens gives access tokens. It is used by many callers at once. An implementation may
// keep tokens, until they are refused or no longer Good.
type Tokens interface {
	// Access gives a token that is good for the next request. It fails with a
	// *TokenError where the connection has none to give, and with any other error where
	// nobody answered.
	Access(ctx context.Context, c Connection) (Token, error)
	// Refused reports that the provider refused a token, and says where the connection
	// stands now. It fails as Access does. One that was refused with ClassUnauthorized
	// is not given again.
	Refused(ctx context.Context, c Connection, t Token, class provider.Class) (store.Standing, error)
}

// Connection is whose tokens are asked for, as of a consent: a new one may have changed
// what its tokens may read.
type Connection struct {
	ID      string
	Consent uint64
}

// OAuth asks the oauth service for tokens. It keeps none.
type OAuth struct {
	Bus      *bus.Bus
	ReplyKey *rpc.ReplyKey // for which the service seals tokens
}

// Access implements Tokens.
func (o OAuth) Access(ctx context.Context, c Connection) (Token, error) {
	resp, err := bus.Call[rpc.TokenRequest, rpc.TokenResponse](ctx, o.Bus, rpc.OAuthToken,
		rpc.TokenRequest{ConnectionID: c.ID, MinValidity: Validity, ReplyKey: o.ReplyKey.Public()})
	if err == nil {
		resp, err = o.ReplyKey.Open(c.ID, resp)
	}
	if err != nil {
		return Token{}, tokenError(err)
	}
	return Token{Access: provider.Secret(resp.AccessToken), Version: resp.TokenVersion, ExpiresAt: resp.ExpiresAt}, nil
}

// Refused implements Tokens.
func (o OAuth) Refused(ctx context.Context, c Connection, t Token, class provider.Class) (store.Standing, error) {
	resp, err := bus.Call[rpc.TokenRejectedRequest, rpc.TokenRejectedResponse](ctx, o.Bus, rpc.OAuthTokenRejected,
		rpc.TokenRejectedRequest{ConnectionID: c.ID, TokenVersion: t.Version, Class: string(class)})
	if err != nil {
		return store.Standing{}, tokenError(err)
	}
	return store.StandingOf(resp.Status, resp.Reason, resp.NextAction), nil
}

// tokenError is what an answer of the oauth service without a token means; any other
// error stays.
func tokenError(err error) error {
	var answer *rpc.Error
	if !errors.As(err, &answer) {
		return err
	}
	e := &TokenError{Standing: store.Standing{Status: store.TargetActive}, Detail: answer.Detail}
	switch answer.Code {
	case rpc.CodeActionRequired:
		e.Standing = store.Standing{Status: store.TargetPaused, Reason: answer.Reason, NextAction: answer.NextAction}
	case rpc.CodeNotFound:
		e.Standing = store.Standing{Status: store.TargetEnded}
	}
	if answer.RetryAt != nil {
		e.RetryAt = *answer.RetryAt
	}
	return e
}
