package fitbit

import (
	"context"
	"time"

	"golang.org/x/oauth2"

	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/provider/internal/httpcall"
)

// defaultLifetime is that of an access token whose answer does not say; Fitbit
// knows no other (section 2).
const defaultLifetime = 8 * time.Hour

// authorizer is Fitbit's OAuth. Revoking ends the whole consent, whichever of the
// two tokens it gets.
type authorizer struct{ *httpcall.OAuth }

func newAuthorizer(c Config, base string, client *httpcall.Client) authorizer {
	return authorizer{&httpcall.OAuth{
		Client: client,
		Config: oauth2.Config{
			ClientID:     c.ClientID,
			ClientSecret: c.ClientSecret.Reveal(),
			Scopes:       c.DefaultScopes,
			Endpoint: oauth2.Endpoint{
				AuthURL:   c.AuthorizeURL,
				TokenURL:  base + "/oauth2/token",
				AuthStyle: oauth2.AuthStyleInHeader,
			},
		},
		RevokeURL: base + "/oauth2/revoke",
		Lifetime:  defaultLifetime,
	}}
}

// AuthorizeURL implements provider.Authorizer.
func (a authorizer) AuthorizeURL(r provider.AuthorizeRequest) string {
	return a.OAuth.AuthorizeURL(r)
}

// Exchange implements provider.Authorizer.
func (a authorizer) Exchange(ctx context.Context, code, verifier provider.Secret, redirectURI string) (provider.Grant, error) {
	token, err := a.OAuth.Exchange(ctx, code, verifier, redirectURI)
	if err != nil {
		return provider.Grant{}, err
	}
	grant, err := a.grant(opExchange, token)
	if err == nil && grant.AccountID == "" {
		err = invalid(opExchange, httpcall.ReasonIncomplete)
	}
	if err != nil {
		return provider.Grant{}, err
	}
	return grant, nil
}

// Refresh implements provider.Authorizer. Fitbit rotates the refresh token with
// every call.
func (a authorizer) Refresh(ctx context.Context, refreshToken provider.Secret) (provider.Grant, error) {
	token, err := a.OAuth.Refresh(ctx, refreshToken)
	if err != nil {
		return provider.Grant{}, err
	}
	return a.grant(opRefresh, token)
}

// grant reads a token answer. One without a refresh token would end the connection
// with its access token.
func (a authorizer) grant(op string, token *oauth2.Token) (provider.Grant, error) {
	g := a.Grant(token)
	if g.RefreshToken == "" {
		return provider.Grant{}, invalid(op, httpcall.ReasonIncomplete)
	}
	g.AccountID, _ = token.Extra("user_id").(string)
	return g, nil
}
