package fitbit

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"golang.org/x/oauth2"

	"github.com/stridelog/stridelog/provider"
)

const (
	authTimeout = 20 * time.Second
	// defaultLifetime is that of an access token whose answer does not say;
	// Fitbit knows no other (section 2).
	defaultLifetime = 8 * time.Hour
	maxAnswer       = 1 << 20 // bytes of a token endpoint's answer
)

// authorizer is Fitbit's OAuth. x/oauth2 builds the requests and reads the
// answers; its errors stay inside, because they hold the answer's body and
// Fitbit's bodies echo tokens.
type authorizer struct {
	config    oauth2.Config // without a redirect: each call brings its own
	revokeURL string
	client    *http.Client
	now       func() time.Time
}

func newAuthorizer(c Config, base string, client *http.Client) *authorizer {
	return &authorizer{
		config: oauth2.Config{
			ClientID:     c.ClientID,
			ClientSecret: c.ClientSecret.Reveal(),
			Scopes:       c.DefaultScopes,
			Endpoint: oauth2.Endpoint{
				AuthURL:  c.AuthorizeURL,
				TokenURL: base + "/oauth2/token",
				// Fixed: with auto-detection the library repeats a refused call
				// in the other style, and a refresh token must be sent once.
				AuthStyle: oauth2.AuthStyleInHeader,
			},
		},
		revokeURL: base + "/oauth2/revoke",
		client:    client,
		now:       time.Now,
	}
}

// AuthorizeURL implements provider.Authorizer.
func (a *authorizer) AuthorizeURL(r provider.AuthorizeRequest) string {
	config := a.config
	config.RedirectURL = r.RedirectURI
	if len(r.Scopes) > 0 {
		config.Scopes = r.Scopes
	}
	return config.AuthCodeURL(r.State,
		oauth2.SetAuthURLParam("code_challenge", r.CodeChallenge),
		oauth2.SetAuthURLParam("code_challenge_method", "S256"))
}

// Exchange implements provider.Authorizer.
func (a *authorizer) Exchange(ctx context.Context, code, verifier provider.Secret, redirectURI string) (provider.Grant, error) {
	config := a.config
	config.RedirectURL = redirectURI
	ctx, cancel := context.WithTimeout(ctx, authTimeout)
	defer cancel()
	token, err := config.Exchange(context.WithValue(ctx, oauth2.HTTPClient, a.client), code.Reveal(), oauth2.VerifierOption(verifier.Reveal()))
	if err != nil {
		return provider.Grant{}, a.failure(ctx, opExchange, err)
	}
	grant, err := a.grant(opExchange, token)
	if err == nil && grant.AccountID == "" {
		err = invalid(opExchange, reasonIncomplete)
	}
	if err != nil {
		return provider.Grant{}, err
	}
	return grant, nil
}

// Refresh implements provider.Authorizer. Fitbit rotates the refresh token with
// every call.
func (a *authorizer) Refresh(ctx context.Context, refreshToken provider.Secret) (provider.Grant, error) {
	ctx, cancel := context.WithTimeout(ctx, authTimeout)
	defer cancel()
	source := a.config.TokenSource(context.WithValue(ctx, oauth2.HTTPClient, a.client), &oauth2.Token{RefreshToken: refreshToken.Reveal()})
	token, err := source.Token()
	if err != nil {
		return provider.Grant{}, a.failure(ctx, opRefresh, err)
	}
	return a.grant(opRefresh, token)
}

// grant reads a token answer. The members beside the tokens come as x/oauth2
// decoded them.
func (a *authorizer) grant(op string, token *oauth2.Token) (provider.Grant, error) {
	g := provider.Grant{
		AccessToken: provider.Secret(token.AccessToken),
		ExpiresAt:   token.Expiry.UTC(),
	}
	// The library fills in the old refresh token where the answer has none.
	refresh, _ := token.Extra("refresh_token").(string)
	if refresh == "" {
		return provider.Grant{}, invalid(op, reasonIncomplete)
	}
	g.RefreshToken = provider.Secret(refresh)
	g.AccountID, _ = token.Extra("user_id").(string)
	if scope, ok := token.Extra("scope").(string); ok {
		g.Scopes = strings.Fields(scope)
	}
	if token.Expiry.IsZero() {
		g.ExpiresAt = a.now().Add(defaultLifetime).UTC()
	}
	return g, nil
}

// Revoke implements provider.Authorizer. It ends the whole consent, whichever
// of the two tokens it gets.
func (a *authorizer) Revoke(ctx context.Context, token provider.Secret) error {
	ctx, cancel := context.WithTimeout(ctx, authTimeout)
	defer cancel()
	form := url.Values{"token": {token.Reveal()}}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, a.revokeURL, strings.NewReader(form.Encode()))
	if err != nil {
		return &provider.Error{Provider: Name, Op: opRevoke, Class: provider.ClassBadRequest}
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	// As x/oauth2 does it, RFC 6749 section 2.3.1.
	request.SetBasicAuth(url.QueryEscape(a.config.ClientID), url.QueryEscape(a.config.ClientSecret))
	response, err := a.client.Do(request)
	if err != nil {
		return unreachable(ctx, opRevoke, err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	switch {
	case response.StatusCode >= 200 && response.StatusCode < 300:
		return nil // the body is empty, and what arrived of it does not matter
	case err != nil:
		return unreachable(ctx, opRevoke, err)
	}
	e := failure(opRevoke, answer{response.StatusCode, response.Header, body}, a.now())
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
		e := failure(op, answer{answered.Response.StatusCode, answered.Response.Header, answered.Body}, a.now())
		if answered.Response.StatusCode < 300 { // an error word under a 200
			e.Class = provider.ClassInvalidResponse
			e.Reason = errorWord(answered.ErrorCode)
		}
		return e
	case errors.As(err, &transport), ctx.Err() != nil:
		return unreachable(ctx, op, err)
	default:
		return invalid(op, reasonHTML)
	}
}
