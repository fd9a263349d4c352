package googlehealth

import (
	"context"
	"errors"
	"strconv"
	"time"

	"golang.org/x/oauth2"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/provider/internal/httpcall"
)

const (
	// exchangeTimeout is for the tokens and the identity together: a person waits.
	exchangeTimeout = 20 * time.Second
	// defaultLifetime is that of an access token whose answer does not say (section 2).
	defaultLifetime = time.Hour
	// longestGrant bounds a grant's lifetime; a longer one is a broken number.
	longestGrant = 10 * 365 * 24 * time.Hour
)

// authorizer is Google's OAuth for web applications. Revoking ends every grant that
// the account gave to this project, whichever token it gets (section 2).
type authorizer struct {
	*httpcall.OAuth
	api *api
}

func newAuthorizer(c Config, google *api) *authorizer {
	return &authorizer{
		OAuth: &httpcall.OAuth{
			Client: google.client,
			Config: oauth2.Config{
				ClientID:     c.ClientID,
				ClientSecret: c.ClientSecret.Reveal(),
				Scopes:       c.DefaultScopes,
				Endpoint:     oauth2.Endpoint{AuthURL: c.AuthorizeURL, TokenURL: c.TokenURL, AuthStyle: oauth2.AuthStyleInParams},
			},
			RevokeURL: c.RevokeURL,
			Lifetime:  defaultLifetime,
		},
		api: google,
	}
}

// AuthorizeURL implements provider.Authorizer. Google gives a refresh token for
// access_type=offline only, and again after the first consent for prompt=consent
// only. Scopes granted earlier are not asked for: one of another service in the
// same token makes every call fail (DISALLOWED_OAUTH_SCOPES, section 2).
func (a *authorizer) AuthorizeURL(r provider.AuthorizeRequest) string {
	return a.OAuth.AuthorizeURL(r, oauth2.AccessTypeOffline, oauth2.SetAuthURLParam("prompt", "consent"))
}

// Exchange implements provider.Authorizer. The token answer names no account, so
// the identity is asked for with the new token. An account that Google Health does
// not know fails with the reason account_not_linked and with the grant. A consent
// that opens not even the identity fails with what was granted and without tokens:
// whose they are is unknown, and revoking them would end another consent of the same
// account.
func (a *authorizer) Exchange(ctx context.Context, code, verifier provider.Secret, redirectURI string) (provider.Grant, error) {
	ctx, cancel := context.WithTimeout(ctx, exchangeTimeout)
	defer cancel()
	token, err := a.OAuth.Exchange(ctx, code, verifier, redirectURI)
	if err != nil {
		return provider.Grant{}, err
	}
	grant := a.grant(token)
	if grant.RefreshToken == "" {
		return provider.Grant{}, invalid(opExchange, httpcall.ReasonIncomplete)
	}
	person, err := a.api.identity(ctx, grant.AccessToken)
	if passing(err) {
		// The code is spent: a passing failure must not cost the person a new consent.
		person, err = a.api.identity(ctx, grant.AccessToken)
	}
	var refused *provider.Error
	switch {
	case errors.As(err, &refused) && refused.Reason == events.ReasonAccountNotLinked:
		return grant, err
	case provider.ClassOf(err) == provider.ClassInsufficientScope:
		return provider.Grant{Scopes: grant.Scopes}, err
	case err != nil:
		return provider.Grant{}, err
	}
	grant.AccountID, grant.LinkedAccounts = person.account, person.linked()
	return grant, nil
}

// passing says whether the same call may succeed at once.
func passing(err error) bool {
	class := provider.ClassOf(err)
	return class == provider.ClassUnavailable || class == provider.ClassInvalidResponse
}

// Refresh implements provider.Authorizer. Google does not rotate refresh tokens: the
// grant's is empty unless the answer holds one all the same.
func (a *authorizer) Refresh(ctx context.Context, refreshToken provider.Secret) (provider.Grant, error) {
	token, err := a.OAuth.Refresh(ctx, refreshToken)
	if err != nil {
		return provider.Grant{}, err
	}
	return a.grant(token), nil
}

// grant reads a token answer, which may say when the consent ends.
func (a *authorizer) grant(token *oauth2.Token) provider.Grant {
	g := a.Grant(token)
	if left, ok := seconds(token.Extra("refresh_token_expires_in")); ok {
		g.RefreshExpiresAt = a.Client.Now().Add(left).UTC()
	}
	return g
}

// seconds reads a lifetime, which is a number or a text that holds one.
func seconds(value any) (time.Duration, bool) {
	var n float64
	switch v := value.(type) {
	case float64:
		n = v
	case string:
		var err error
		if n, err = strconv.ParseFloat(v, 64); err != nil {
			return 0, false
		}
	default:
		return 0, false
	}
	if !(n > 0 && n <= longestGrant.Seconds()) {
		return 0, false
	}
	return time.Duration(n * float64(time.Second)), true
}
