package cloudtest

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/stridelog/stridelog/provider"
)

// Callback is our callback as it is registered with the provider.
const Callback = "http://localhost:8000/api/v1/oauth/fakecloud/callback"

// Connector calls the cloud as a connector would.
func (c *Cloud) Connector() *provider.Connector {
	return &provider.Connector{
		Descriptor: provider.Descriptor{
			Name: Name, DisplayName: "Fake Cloud", Status: provider.StatusAvailable,
			Capabilities: []string{provider.CapabilityActivities}, Needs: provider.Needs{{Source: "activity", Kind: "activity", Scopes: []string{"activity"}}},
		},
		DefaultScopes: []string{"activity", "profile"},
		Authorizer:    authorizer{base: c.URL},
	}
}

type authorizer struct{ base string }

func (a authorizer) AuthorizeURL(r provider.AuthorizeRequest) string {
	return a.base + "/authorize?" + url.Values{
		"redirect_uri": {r.RedirectURI}, "state": {r.State}, "scope": {strings.Join(r.Scopes, " ")},
		"code_challenge": {r.CodeChallenge}, "code_challenge_method": {"S256"},
	}.Encode()
}

func (a authorizer) Exchange(ctx context.Context, code, verifier provider.Secret, redirectURI string) (provider.Grant, error) {
	return a.grant(ctx, "exchange", url.Values{"grant_type": {"authorization_code"}, "code": {code.Reveal()},
		"code_verifier": {verifier.Reveal()}, "redirect_uri": {redirectURI}})
}

func (a authorizer) Refresh(ctx context.Context, token provider.Secret) (provider.Grant, error) {
	return a.grant(ctx, "refresh", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token.Reveal()}})
}

func (a authorizer) Revoke(ctx context.Context, token provider.Secret) error {
	resp, err := a.post(ctx, "/revoke", url.Values{"token": {token.Reveal()}})
	if err != nil {
		return &provider.Error{Provider: Name, Op: "revoke", Class: provider.ClassUnavailable}
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return &provider.Error{Provider: Name, Op: "revoke", Class: class(resp.StatusCode), Status: resp.StatusCode}
	}
	return nil
}

func (a authorizer) post(ctx context.Context, path string, form url.Values) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, a.base+path, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return http.DefaultClient.Do(req)
}

func (a authorizer) grant(ctx context.Context, op string, form url.Values) (provider.Grant, error) {
	resp, err := a.post(ctx, "/token", form)
	if err != nil {
		return provider.Grant{}, &provider.Error{Provider: Name, Op: op, Class: provider.ClassUnavailable}
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		e := &provider.Error{Provider: Name, Op: op, Class: class(resp.StatusCode), Status: resp.StatusCode}
		if after, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil {
			e.RetryAt = time.Now().Add(time.Duration(after) * time.Second)
		}
		return provider.Grant{}, e
	}
	var answer struct {
		Access  string  `json:"access_token"`
		Refresh string  `json:"refresh_token"`
		Account string  `json:"user_id"`
		Scope   string  `json:"scope"`
		Expires float64 `json:"expires_in"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		return provider.Grant{}, &provider.Error{Provider: Name, Op: op, Class: provider.ClassInvalidResponse, Status: resp.StatusCode}
	}
	return provider.Grant{
		AccountID: answer.Account, AccessToken: provider.Secret(answer.Access), RefreshToken: provider.Secret(answer.Refresh),
		ExpiresAt: time.Now().Add(time.Duration(answer.Expires * float64(time.Second))), Scopes: strings.Fields(answer.Scope),
	}, nil
}

func class(status int) provider.Class {
	switch status {
	case http.StatusBadRequest:
		return provider.ClassInvalidGrant
	case http.StatusUnauthorized:
		return provider.ClassInvalidClient
	case http.StatusForbidden:
		return provider.ClassInsufficientScope
	case http.StatusConflict:
		return provider.ClassConflict
	case http.StatusGone:
		return provider.ClassGone
	case http.StatusTooManyRequests:
		return provider.ClassRateLimited
	case http.StatusOK, http.StatusAccepted:
		return provider.ClassInvalidResponse
	default:
		return provider.ClassUnavailable
	}
}
