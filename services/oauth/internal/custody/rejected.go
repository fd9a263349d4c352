package custody

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/events/rpc"
	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/services/oauth/internal/refusal"
	"github.com/stridelog/stridelog/services/oauth/internal/store"
)

// Rejected hears that a provider refused an access token. News about an older
// version is ignored. A refused token is refreshed at the next use; a missing
// scope needs the person; that the API is gone changes nothing by itself, since
// one answer proves nothing.
func (k *Keeper) Rejected(ctx context.Context, r rpc.TokenRejectedRequest) (rpc.TokenRejectedResponse, error) {
	if _, err := uuid.Parse(r.ConnectionID); err != nil {
		return rpc.TokenRejectedResponse{}, refusal.Argument("connection_id", "The connection id is not a UUID.")
	}
	class := provider.Class(r.Class)
	switch class {
	case provider.ClassUnauthorized, provider.ClassInsufficientScope, provider.ClassGone:
	default:
		return rpc.TokenRejectedResponse{}, refusal.Argument("class", "The class must be unauthorized, insufficient_scope or gone.")
	}
	var c store.Connection
	err := k.Store.Within(ctx, func(t store.Tx) (err error) {
		if c, err = t.Lock(ctx, r.ConnectionID); err != nil || c.Version != r.TokenVersion || !c.Usable() {
			return err
		}
		now := time.Now().UTC()
		switch class {
		case provider.ClassUnauthorized:
			return t.Expire(ctx, c, now)
		case provider.ClassInsufficientScope:
			c, err = t.SetStatus(ctx, c, events.StatusActionRequired, events.ReasonScopeMissing, k.scopeAction(c), now)
		}
		return err
	})
	if errors.Is(err, store.ErrNotFound) {
		return rpc.TokenRejectedResponse{}, refusal.NoConnection()
	}
	if err != nil {
		return rpc.TokenRejectedResponse{}, err
	}
	k.Log.Info("a provider refused an access token", "connection_id", c.ID, "provider", c.Provider, "class", class,
		"token_version", r.TokenVersion, "current_version", c.Version, "status", c.Status)
	return rpc.TokenRejectedResponse{Status: c.Status, Reason: c.Reason, NextAction: c.NextAction}, nil
}

// scopeAction names all required scopes: which one the provider missed is not
// known, and the stored list may be wrong.
func (k *Keeper) scopeAction(c store.Connection) string {
	connector := k.Connectors[c.Provider]
	if connector == nil {
		return refusal.ConnectAgain(c.Provider)
	}
	return refusal.GrantScopes(connector.DisplayName, connector.RequiredScopes)
}
