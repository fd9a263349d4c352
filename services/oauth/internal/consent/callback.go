package consent

import (
	"context"
	"crypto/sha256"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/events/rpc"
	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/services/oauth/internal/refusal"
	"github.com/stridelog/stridelog/services/oauth/internal/seal"
	"github.com/stridelog/stridelog/services/oauth/internal/store"
)

// The error codes that a person can be sent back with, beside those that
// RFC 6749 section 4.1.2.1 gives a provider.
const (
	errorExchange  = "exchange_failed"
	errorScope     = events.ReasonScopeMissing
	errorNotLinked = events.ReasonAccountNotLinked
	errorProvider  = "provider_error" // an error code that RFC 6749 does not know
	// errorNotStored is RFC 6749's word for what works when it is tried again.
	errorNotStored = "temporarily_unavailable"
)

// Callback ends a consent. Without a state that is good it answers
// CodeInvalidState and does nothing; with one it always says where to send the
// person, also when the consent failed.
//
// Reason is a word and never the provider's text: the class of a failed
// exchange, the scopes that are missing, or not_stored.
func (f *Flow) Callback(ctx context.Context, q rpc.CallbackRequest) (rpc.CallbackResponse, error) {
	f.running.Add(1)
	defer f.running.Done()
	connector, err := f.connector(q.Provider)
	if err != nil {
		return rpc.CallbackResponse{}, err
	}
	if q.State == "" {
		return rpc.CallbackResponse{}, refusal.Argument("state", "The state is missing.")
	}
	if q.Code == "" && q.ProviderError == "" {
		return rpc.CallbackResponse{}, refusal.Argument("code", "There is neither a code nor an error.")
	}
	state, err := f.useState(ctx, q)
	if errors.Is(err, store.ErrNotFound) {
		return rpc.CallbackResponse{}, refusal.InvalidState()
	}
	if err != nil {
		return rpc.CallbackResponse{}, err
	}
	back := rpc.CallbackResponse{RedirectURI: state.RedirectURI, Provider: q.Provider, UserID: state.UserID}
	if q.ProviderError != "" {
		return f.sendBack(back, providerError(q.ProviderError), "refused_by_provider"), nil
	}
	verifier, err := f.Sealer.OpenText(state.Verifier, seal.StateLabel(state.Hash))
	if err != nil {
		return rpc.CallbackResponse{}, err
	}
	// The code is spent at the first call, so the caller's impatience must not
	// lose the grant that comes for it.
	ctx = context.WithoutCancel(ctx)
	grant, err := f.exchange(ctx, connector, provider.Secret(q.Code), verifier)
	if err != nil {
		class := provider.ClassOf(err)
		f.Log.WarnContext(ctx, "a code could not be exchanged", "provider", q.Provider, "user_id", state.UserID, "class", class)
		var failure *provider.Error
		if grant.RefreshToken != "" {
			f.Revoker.GiveBack(connector.Name, grant)
		}
		if errors.As(err, &failure) && failure.Reason == errorNotLinked {
			return f.sendBack(back, errorNotLinked, string(class)), nil
		}
		if class == provider.ClassInsufficientScope {
			// Whose account it is nobody knows, so no connection can say so.
			return f.sendBack(back, errorScope, missingWords(connector, grant, class)), nil
		}
		return f.sendBack(back, errorExchange, string(class)), nil
	}
	return f.settle(ctx, connector, grant, back)
}

// missingWords are the scopes for want of which a grant allows nothing; the class where
// it lacks none, and the provider refuses it all the same.
func missingWords(connector *provider.Connector, grant provider.Grant, class provider.Class) string {
	if missing := connector.Needs.Barring(grant.Scopes); len(missing) > 0 {
		return strings.Join(missing, " ")
	}
	return string(class)
}

func (f *Flow) useState(ctx context.Context, q rpc.CallbackRequest) (store.State, error) {
	ctx, cancel := context.WithTimeout(ctx, stateTimeout)
	defer cancel()
	hash := sha256.Sum256([]byte(q.State))
	return f.Store.UseState(ctx, hash[:], q.Provider)
}

func (f *Flow) exchange(ctx context.Context, connector *provider.Connector, code, verifier provider.Secret) (provider.Grant, error) {
	ctx, cancel := context.WithTimeout(ctx, exchangeTimeout)
	defer cancel()
	grant, err := connector.Authorizer.Exchange(ctx, code, verifier, f.RedirectURIs[connector.Name])
	if err != nil {
		if provider.ClassOf(err) == "" { // a connector that breaks its contract
			err = &provider.Error{Provider: connector.Name, Op: "exchange a code", Class: provider.ClassUnavailable}
		}
		return grant, err
	}
	grant = grant.Storable()
	if grant.AccountID == "" || grant.AccessToken == "" || grant.RefreshToken == "" || grant.ExpiresAt.IsZero() {
		return grant, &provider.Error{Provider: connector.Name, Op: "exchange a code", Class: provider.ClassInvalidResponse}
	}
	if grant.Scopes == nil { // RFC 6749 section 5.1: left out when it is what was asked for
		grant.Scopes = slices.Clone(connector.DefaultScopes)
	}
	return grant, nil
}

// settle stores the grant and words the answer. A grant that is not kept goes back
// to the provider.
func (f *Flow) settle(ctx context.Context, connector *provider.Connector, grant provider.Grant, back rpc.CallbackResponse) (rpc.CallbackResponse, error) {
	c, replaced, err := f.keep(ctx, connector, grant, back.UserID)
	if errors.Is(err, store.ErrErased) {
		f.Revoker.GiveBack(connector.Name, grant)
		return rpc.CallbackResponse{}, refusal.InvalidState()
	}
	if err != nil {
		f.Log.ErrorContext(ctx, "a grant could not be stored and is given back; the person is asked to try again",
			"provider", connector.Name, "user_id", back.UserID, "error", err)
		f.Revoker.GiveBack(connector.Name, grant)
		return f.sendBack(back, errorNotStored, "not_stored"), nil
	}
	if replaced != nil {
		f.Log.InfoContext(ctx, "another account replaces the connection", "connection_id", replaced.ID, "by", c.ID, "provider", c.Provider)
		f.Revoker.Wake()
	}
	back.ConnectionID, back.Status = c.ID, c.Status
	if len(connector.Needs.Barring(grant.Scopes)) > 0 {
		return f.sendBack(back, errorScope, missingWords(connector, grant, provider.ClassInsufficientScope)), nil
	}
	f.consents.WithLabelValues(c.Provider, "activated").Inc()
	f.Log.InfoContext(ctx, "connected", "connection_id", c.ID, "provider", c.Provider, "user_id", c.UserID)
	return back, nil
}

// keep stores the grant, and tries for a while when the database is away. A try
// whose answer was lost may have stored it: the next one finds its connection.
func (f *Flow) keep(ctx context.Context, connector *provider.Connector, grant provider.Grant, userID string) (c store.Connection, replaced *store.Connection, err error) {
	ctx, cancel := context.WithTimeout(ctx, recordTimeout)
	defer cancel()
	for {
		c, replaced, err = f.record(ctx, connector, grant, userID)
		if err == nil || errors.Is(err, store.ErrErased) {
			return c, replaced, err
		}
		select {
		case <-ctx.Done():
			return c, nil, err
		case <-time.After(recordPause):
		}
	}
}

func (f *Flow) sendBack(r rpc.CallbackResponse, code, reason string) rpc.CallbackResponse {
	r.ErrorCode, r.Reason = code, reason
	f.consents.WithLabelValues(r.Provider, code).Inc()
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
