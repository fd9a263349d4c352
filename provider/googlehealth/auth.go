package googlehealth

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"golang.org/x/oauth2"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/provider"
)

const (
	authTimeout = 20 * time.Second
	// defaultLifetime is that of an access token whose answer does not say (section 2).
	defaultLifetime = time.Hour
	// longestGrant bounds a grant's lifetime; a longer one is a broken number.
	longestGrant = 10 * 365 * 24 * time.Hour
)

// authorizer is Google's OAuth for web applications. x/oauth2 builds the requests
// and reads the answers; its errors stay inside, because they hold the answer's body.
type authorizer struct {
	config    oauth2.Config // without a redirect: each call brings its own
	revokeURL string
	api       *api
	client    *http.Client
}

func newAuthorizer(c Config, google *api, client *http.Client) *authorizer {
	return &authorizer{
		config: oauth2.Config{
			ClientID:     c.ClientID,
			ClientSecret: c.ClientSecret.Reveal(),
			Scopes:       c.DefaultScopes,
			Endpoint: oauth2.Endpoint{
				AuthURL:  c.AuthorizeURL,
				TokenURL: c.TokenURL,
				// Fixed: with auto-detection the library repeats a refused call in the
				// other style, and a code works once.
				AuthStyle: oauth2.AuthStyleInParams,
			},
		},
		revokeURL: c.RevokeURL,
		api:       google,
		client:    client,
	}
}

// AuthorizeURL implements provider.Authorizer. Google gives a refresh token for
// access_type=offline only, and again after the first consent for prompt=consent
// only. Scopes granted earlier are not asked for: one of another service in the
// same token makes every call fail (DISALLOWED_OAUTH_SCOPES, section 2).
func (a *authorizer) AuthorizeURL(r provider.AuthorizeRequest) string {
	config := a.config
	config.RedirectURL = r.RedirectURI
	if len(r.Scopes) > 0 {
		config.Scopes = r.Scopes
	}
	return config.AuthCodeURL(r.State,
		oauth2.AccessTypeOffline,
		oauth2.SetAuthURLParam("prompt", "consent"),
		oauth2.SetAuthURLParam("code_challenge", r.CodeChallenge),
		oauth2.SetAuthURLParam("code_challenge_method", "S256"))
}

// Exchange implements provider.Authorizer. The token answer names no account, so
// the identity is asked for with the new token. An account that Google Health does
// not know fails with the reason account_not_linked and with the grant.
func (a *authorizer) Exchange(ctx context.Context, code, verifier provider.Secret, redirectURI string) (provider.Grant, error) {
	config := a.config
	config.RedirectURL = redirectURI
	ctx, cancel := context.WithTimeout(ctx, authTimeout)
	defer cancel()
	token, err := config.Exchange(context.WithValue(ctx, oauth2.HTTPClient, a.client), code.Reveal(), oauth2.VerifierOption(verifier.Reveal()))
	if err != nil {
		return provider.Grant{}, a.failure(ctx, opExchange, err)
	}
	grant := a.grant(token)
	if grant.RefreshToken == "" {
		return provider.Grant{}, invalid(opExchange, reasonIncomplete)
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
	ctx, cancel := context.WithTimeout(ctx, authTimeout)
	defer cancel()
	source := a.config.TokenSource(context.WithValue(ctx, oauth2.HTTPClient, a.client), &oauth2.Token{RefreshToken: refreshToken.Reveal()})
	token, err := source.Token()
	if err != nil {
		return provider.Grant{}, a.failure(ctx, opRefresh, err)
	}
	return a.grant(token), nil
}

// grant reads a token answer. The members beside the tokens come as x/oauth2
// decoded them.
func (a *authorizer) grant(token *oauth2.Token) provider.Grant {
	g := provider.Grant{AccessToken: provider.Secret(token.AccessToken), ExpiresAt: token.Expiry.UTC()}
	// The library fills in the old refresh token where the answer has none.
	if refresh, ok := token.Extra("refresh_token").(string); ok {
		g.RefreshToken = provider.Secret(refresh)
	}
	if scope, ok := token.Extra("scope").(string); ok {
		g.Scopes = strings.Fields(scope)
	}
	if token.Expiry.IsZero() {
		g.ExpiresAt = a.api.now().Add(defaultLifetime).UTC()
	}
	if left, ok := seconds(token.Extra("refresh_token_expires_in")); ok {
		g.RefreshExpiresAt = a.api.now().Add(left).UTC()
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

// Revoke implements provider.Authorizer. It ends every grant that the account gave
// to this project, whichever token it gets (section 2).
func (a *authorizer) Revoke(ctx context.Context, token provider.Secret) error {
	ctx, cancel := context.WithTimeout(ctx, authTimeout)
	defer cancel()
	form := url.Values{"token": {token.Reveal()}}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, a.revokeURL, strings.NewReader(form.Encode()))
	if err != nil {
		return &provider.Error{Provider: Name, Op: opRevoke, Class: provider.ClassBadRequest, Reason: reasonBadAddress}
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	response, err := a.client.Do(request)
	if err != nil {
		return unreachable(ctx, opRevoke, err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	switch {
	case response.StatusCode >= 200 && response.StatusCode < 300:
		return nil // what arrived of the body does not matter
	case err != nil:
		return unreachable(ctx, opRevoke, err)
	}
	e := failure(opRevoke, answer{response.StatusCode, response.Header, body}, a.api.now())
	switch e.Class {
	case provider.ClassNotFound, provider.ClassInvalidGrant:
		return nil // there is no such consent any more
	default:
		return e
	}
}

// failure rebuilds an x/oauth2 error from its status and class.
func (a *authorizer) failure(ctx context.Context, op string, err error) *provider.Error {
	var answered *oauth2.RetrieveError
	var transport *url.Error
	switch {
	case errors.As(err, &answered) && answered.Response != nil:
		e := failure(op, answer{answered.Response.StatusCode, answered.Response.Header, answered.Body}, a.api.now())
		if answered.Response.StatusCode < 300 { // an error word under a 200
			e.Class, e.Reason = provider.ClassInvalidResponse, knownWord(answered.ErrorCode)
		}
		return e
	case errors.As(err, &transport), ctx.Err() != nil:
		return unreachable(ctx, op, err)
	default:
		return invalid(op, reasonNotJSON)
	}
}
