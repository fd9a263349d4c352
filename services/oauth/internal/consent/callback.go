package consent

import (
	"context"
	"crypto/sha256"
	"errors"
	"slices"
	"strings"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/events/rpc"
	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/services/oauth/internal/refusal"
	"github.com/stridelog/stridelog/services/oauth/internal/store"
)

// The error codes that a person can be sent back with, beside those that
// RFC 6749 section 4.1.2.1 gives a provider.
const (
	errorExchange  = "exchange_failed"
	errorScope     = events.ReasonScopeMissing
	errorNotLinked = events.ReasonAccountNotLinked
	errorProvider  = "provider_error" // an error code that RFC 6749 does not know
)

// Callback ends a consent. Without a state that is good it answers
// CodeInvalidState and does nothing; with one it always says where to send the
// person, also when the consent failed.
//
// Reason is a word and never the provider's text: the class of a failed
// exchange, or the scopes that are missing.
func (d *Desk) Callback(ctx context.Context, q rpc.CallbackRequest) (rpc.CallbackResponse, error) {
	connector, err := d.connector(q.Provider)
	if err != nil {
		return rpc.CallbackResponse{}, err
	}
	if q.State == "" {
		return rpc.CallbackResponse{}, refusal.Argument("state", "The state is missing.")
	}
	if q.Code == "" && q.ProviderError == "" {
		return rpc.CallbackResponse{}, refusal.Argument("code", "There is neither a code nor an error.")
	}
	hash := sha256.Sum256([]byte(q.State))
	state, err := d.Store.UseState(ctx, hash[:], q.Provider)
	if errors.Is(err, store.ErrNotFound) {
		return rpc.CallbackResponse{}, refusal.InvalidState()
	}
	if err != nil {
		return rpc.CallbackResponse{}, err
	}
	back := rpc.CallbackResponse{RedirectURI: state.RedirectURI, Provider: q.Provider, UserID: state.UserID}
	if q.ProviderError != "" {
		return d.sendBack(back, providerError(q.ProviderError), "refused_by_provider"), nil
	}
	verifier, err := d.Sealer.OpenText(state.Verifier, verifierLabel(state.Hash))
	if err != nil {
		return rpc.CallbackResponse{}, err
	}
	// The code is spent at the first call, so the caller's impatience must not
	// lose the grant that comes for it.
	ctx = context.WithoutCancel(ctx)
	grant, err := d.exchange(ctx, connector, provider.Secret(q.Code), verifier)
	if err != nil {
		class := provider.ClassOf(err)
		d.Log.Warn("a code could not be exchanged", "provider", q.Provider, "user_id", state.UserID, "class", class)
		var failure *provider.Error
		if errors.As(err, &failure) && failure.Reason == errorNotLinked {
			return d.sendBack(back, errorNotLinked, string(class)), nil
		}
		return d.sendBack(back, errorExchange, string(class)), nil
	}
	return d.settle(ctx, connector, grant, back)
}

func (d *Desk) exchange(ctx context.Context, connector *provider.Connector, code, verifier provider.Secret) (provider.Grant, error) {
	ctx, cancel := context.WithTimeout(ctx, exchangeTimeout)
	defer cancel()
	grant, err := connector.Authorizer.Exchange(ctx, code, verifier, d.RedirectURIs[connector.Name])
	if err != nil {
		if provider.ClassOf(err) == "" { // a connector that breaks its contract
			err = &provider.Error{Provider: connector.Name, Op: "exchange a code", Class: provider.ClassUnavailable}
		}
		return grant, err
	}
	if grant.AccountID == "" || grant.AccessToken == "" || grant.RefreshToken == "" || grant.ExpiresAt.IsZero() {
		return grant, &provider.Error{Provider: connector.Name, Op: "exchange a code", Class: provider.ClassInvalidResponse}
	}
	if grant.Scopes == nil { // RFC 6749 section 5.1: left out when it is what was asked for
		grant.Scopes = slices.Clone(connector.DefaultScopes)
	}
	return grant, nil
}

// settle stores the grant and words the answer.
func (d *Desk) settle(ctx context.Context, connector *provider.Connector, grant provider.Grant, back rpc.CallbackResponse) (rpc.CallbackResponse, error) {
	ctx, cancel := context.WithTimeout(ctx, recordTimeout)
	defer cancel()
	c, replaced, err := d.record(ctx, connector, grant, back.UserID)
	if errors.Is(err, store.ErrErased) {
		d.giveBack(ctx, connector, grant)
		return rpc.CallbackResponse{}, refusal.InvalidState()
	}
	if err != nil {
		return rpc.CallbackResponse{}, err
	}
	if replaced != nil {
		d.Log.Info("another account replaces the connection", "connection_id", replaced.ID, "by", c.ID, "provider", c.Provider,
			"revocation", d.Revoker.Revoke(ctx, *replaced))
	}
	back.ConnectionID, back.Status = c.ID, c.Status
	if missing := connector.MissingScopes(grant.Scopes); len(missing) > 0 {
		return d.sendBack(back, errorScope, strings.Join(missing, " ")), nil
	}
	d.consents.WithLabelValues(c.Provider, "activated").Inc()
	d.Log.Info("connected", "connection_id", c.ID, "provider", c.Provider, "user_id", c.UserID)
	return back, nil
}

// giveBack revokes a grant that came for an erased user, unless another live
// connection uses the account.
func (d *Desk) giveBack(ctx context.Context, connector *provider.Connector, grant provider.Grant) {
	shared, err := d.Store.AccountInUse(ctx, connector.Name, grant.AccountID)
	if err == nil && !shared {
		err = connector.Authorizer.Revoke(ctx, grant.RefreshToken)
	}
	if err != nil {
		d.Log.Warn("the grant of an erased user could not be revoked", "provider", connector.Name, "class", provider.ClassOf(err))
	}
}

func (d *Desk) sendBack(r rpc.CallbackResponse, code, reason string) rpc.CallbackResponse {
	r.ErrorCode, r.Reason = code, reason
	d.consents.WithLabelValues(r.Provider, code).Inc()
	return r
}

// providerError lets through only the codes there are: anybody can write
// anything into the query of a callback.
func providerError(code string) string {
	switch code {
	case "access_denied", "invalid_request", "unauthorized_client", "unsupported_response_type",
		"invalid_scope", "server_error", "temporarily_unavailable":
		return code
	default:
		return errorProvider
	}
}
