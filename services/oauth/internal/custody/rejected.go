package custody

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"github.com/stridelog/stridelog/events/rpc"
	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/services/oauth/internal/refusal"
	"github.com/stridelog/stridelog/services/oauth/internal/status"
	"github.com/stridelog/stridelog/services/oauth/internal/store"
)

// Rejected takes note that a provider refused an access token. A refusal of an older
// version is ignored. A refused token is refreshed at the next use; a missing
// scope needs the person; that the API is gone is noted, since one answer proves
// nothing.
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
	current := func(c store.Connection) bool { return c.Version == r.TokenVersion && c.Usable() }
	var c store.Connection
	var err error
	switch class {
	case provider.ClassUnauthorized:
		c, err = k.expire(ctx, r.ConnectionID, current)
	case provider.ClassInsufficientScope:
		c, err = k.apply(ctx, r.ConnectionID, status.ScopesMissing{}, current)
	default:
		c, err = k.apply(ctx, r.ConnectionID, status.Polled{Class: class}, current)
	}
	if err != nil {
		return rpc.TokenRejectedResponse{}, err
	}
	k.Log.InfoContext(ctx, "a provider refused an access token", "connection_id", c.ID, "provider", c.Provider, "class", class,
		"token_version", r.TokenVersion, "current_version", c.Version, "status", c.Status)
	return rpc.TokenRejectedResponse{Status: c.Status, Reason: c.Reason, NextAction: c.NextAction}, nil
}

// expire makes the next use of a connection refresh first.
func (k *Keeper) expire(ctx context.Context, id string, counts func(store.Connection) bool) (c store.Connection, err error) {
	err = k.Store.Within(ctx, func(t store.Tx) error {
		if c, err = t.Lock(ctx, id); err != nil || !counts(c) {
			return err
		}
		return t.Expire(ctx, c, time.Now().UTC())
	})
	if errors.Is(err, store.ErrNotFound) {
		return c, refusal.NoConnection()
	}
	return c, err
}
