package httpcall

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"golang.org/x/oauth2"

	"github.com/stridelog/stridelog/provider"
)

// What OAuth tried, as errors name it.
const (
	OpExchange = "exchange code"
	OpRefresh  = "refresh token"
	OpRevoke   = "revoke token"
)

// OAuth is the authorization code flow with PKCE at one provider. x/oauth2 builds
// the requests and reads the answers; its errors stay inside, because they hold the
// answer's body, and such bodies echo tokens.
type OAuth struct {
	Client *Client
	// Config is without a redirect: each call brings its own. Its AuthStyle must be
	// fixed: with auto-detection the library repeats a refused call in the other
	// style, and a code or a rotating refresh token must be sent once.
	Config    oauth2.Config
	RevokeURL string
	Lifetime  time.Duration // of an access token whose answer does not say
}

// AuthorizeURL is where a person consents; the options are the provider's own.
func (o *OAuth) AuthorizeURL(r provider.AuthorizeRequest, options ...oauth2.AuthCodeOption) string {
	config := o.Config
	config.RedirectURL = r.RedirectURI
	if len(r.Scopes) > 0 {
		config.Scopes = r.Scopes
	}
	return config.AuthCodeURL(r.State, append(options,
		oauth2.SetAuthURLParam("code_challenge", r.CodeChallenge),
		oauth2.SetAuthURLParam("code_challenge_method", "S256"))...)
}

// Exchange gives the tokens for a code.
func (o *OAuth) Exchange(ctx context.Context, code, verifier provider.Secret, redirectURI string) (*oauth2.Token, error) {
	ctx, cancel := context.WithTimeout(ctx, authTimeout)
	defer cancel()
	config := o.Config
	config.RedirectURL = redirectURI
	token, err := config.Exchange(o.within(ctx), code.Reveal(), oauth2.VerifierOption(verifier.Reveal()))
	if err != nil {
		return nil, o.failure(ctx, OpExchange, err)
	}
	return token, nil
}

// Refresh gives the tokens for a refresh token.
func (o *OAuth) Refresh(ctx context.Context, refreshToken provider.Secret) (*oauth2.Token, error) {
	ctx, cancel := context.WithTimeout(ctx, authTimeout)
	defer cancel()
	token, err := o.Config.TokenSource(o.within(ctx), &oauth2.Token{RefreshToken: refreshToken.Reveal()}).Token()
	if err != nil {
		return nil, o.failure(ctx, OpRefresh, err)
	}
	return token, nil
}

// within is how x/oauth2 is told which client to use.
func (o *OAuth) within(ctx context.Context) context.Context {
	return context.WithValue(ctx, oauth2.HTTPClient, o.Client.HTTP)
}

// Grant reads what every token answer holds. The refresh token is empty where the
// answer has none: the library would fill in the old one.
func (o *OAuth) Grant(token *oauth2.Token) provider.Grant {
	g := provider.Grant{AccessToken: provider.Secret(token.AccessToken), ExpiresAt: token.Expiry.UTC()}
	if refresh, ok := token.Extra("refresh_token").(string); ok {
		g.RefreshToken = provider.Secret(refresh)
	}
	if scope, ok := token.Extra("scope").(string); ok {
		g.Scopes = strings.Fields(scope)
	}
	if token.Expiry.IsZero() {
		g.ExpiresAt = o.Client.Now().Add(o.Lifetime).UTC()
	}
	return g
}

// Revoke ends the consent of a token (RFC 7009). One that is over already is a
// success. The client names itself where it does so in the header at the token
// endpoint, too.
func (o *OAuth) Revoke(ctx context.Context, token provider.Secret) error {
	ctx, cancel := context.WithTimeout(ctx, authTimeout)
	defer cancel()
	form := url.Values{"token": {token.Reveal()}}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, o.RevokeURL, strings.NewReader(form.Encode()))
	if err != nil {
		return &provider.Error{Provider: o.Client.Provider, Op: OpRevoke, Class: provider.ClassBadRequest, Reason: ReasonBadAddress}
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if o.Config.Endpoint.AuthStyle == oauth2.AuthStyleInHeader {
		// As x/oauth2 does it, RFC 6749 section 2.3.1.
		request.SetBasicAuth(url.QueryEscape(o.Config.ClientID), url.QueryEscape(o.Config.ClientSecret))
	}
	a, err := o.Client.Send(OpRevoke, request, MaxAnswer)
	switch {
	case a.Status >= 200 && a.Status < 300:
		return nil // what arrived of the body does not matter
	case err != nil:
		return err
	}
	e := o.Client.Refusal(OpRevoke, a, o.Client.Now())
	switch e.Class {
	case provider.ClassNotFound, provider.ClassInvalidGrant:
		return nil // there is no such consent any more
	default:
		return e
	}
}

// failure rebuilds an x/oauth2 error from its status and class.
func (o *OAuth) failure(ctx context.Context, op string, err error) *provider.Error {
	var answered *oauth2.RetrieveError
	var transport *url.Error
	switch {
	case errors.As(err, &answered) && answered.Response != nil:
		e := o.Client.Refusal(op, Answer{answered.Response.StatusCode, answered.Response.Header, answered.Body}, o.Client.Now())
		if answered.Response.StatusCode < 300 { // an error word under a 200
			e.Class = provider.ClassInvalidResponse
		}
		return e
	case errors.As(err, &transport), ctx.Err() != nil:
		return Unreachable(ctx, o.Client.Provider, op, err)
	default:
		return Invalid(o.Client.Provider, op, ReasonNotJSON)
	}
}
