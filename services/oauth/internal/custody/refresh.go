package custody

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/services/oauth/internal/refusal"
	"github.com/stridelog/stridelog/services/oauth/internal/seal"
	"github.com/stridelog/stridelog/services/oauth/internal/status"
	"github.com/stridelog/stridelog/services/oauth/internal/store"
)

// The pauses of a process that waits for another one's refresh.
const (
	pauseFirst = 20 * time.Millisecond
	pauseMost  = 250 * time.Millisecond
)

// refresh returns the connection with tokens newer than a version: by calling
// the provider under the lease, or by waiting for whoever holds it.
func (k *Keeper) refresh(ctx context.Context, id string, version int64) (store.Connection, error) {
	owner := events.NewID()
	for pause := pauseFirst; ; pause = min(2*pause, pauseMost) {
		c, err := k.connection(ctx, id)
		switch {
		case err != nil:
			return c, err
		case !c.Usable():
			return c, refusal.Unusable(c)
		case c.Version != version:
			return c, nil
		case time.Now().Before(c.NotBefore):
			return c, refusal.Later("The provider asked to wait before the next token refresh.", c.NotBefore)
		}
		lease, ok, err := k.Store.TakeLease(ctx, id, version, owner, k.Lease)
		if err != nil {
			return c, err
		}
		if ok {
			return k.rotate(ctx, lease)
		}
		select {
		case <-ctx.Done():
			return c, refusal.Later("Another process refreshes the access token; try again.", c.HeldUntil)
		case <-time.After(pause):
		}
	}
}

// rotate calls the token endpoint, with no transaction open, and stores the
// answer before anybody gets it.
func (k *Keeper) rotate(ctx context.Context, l store.Lease) (store.Connection, error) {
	c := l.Connection
	connector := k.Connectors[c.Provider]
	if connector == nil {
		return c, errors.Join(refusal.Disabled(c.Provider), k.Store.ReleaseLease(ctx, l, l.Unfinished, time.Time{}))
	}
	pair, err := k.Sealer.OpenPair(c.Sealed, c.ID)
	if err != nil {
		return c, errors.Join(err, k.Store.ReleaseLease(ctx, l, l.Unfinished, time.Time{}))
	}
	if l.Unfinished {
		k.Log.WarnContext(ctx, "an earlier token refresh was left unfinished; trying once more", "connection_id", c.ID, "provider", c.Provider)
	}
	call, cancel := context.WithTimeout(ctx, k.CallTimeout)
	grant, err := connector.Authorizer.Refresh(call, pair.Refresh)
	cancel()
	keep, cancel := context.WithTimeout(context.WithoutCancel(ctx), storePatience)
	defer cancel()
	if err != nil {
		return k.failed(keep, l, err)
	}
	return k.landed(keep, c, pair, grant)
}

// landed stores a new pair, and tries for a while when the database is away.
func (k *Keeper) landed(ctx context.Context, c store.Connection, old seal.Pair, g provider.Grant) (store.Connection, error) {
	fresh, g := c, g.Storable()
	fresh.AccessExpiresAt = g.ExpiresAt
	pair := seal.Pair{Access: g.AccessToken, Refresh: g.RefreshToken}
	if pair.Refresh == "" {
		pair.Refresh = old.Refresh
	}
	if g.RefreshToken != "" || !g.RefreshExpiresAt.IsZero() {
		fresh.RefreshExpiresAt = g.RefreshExpiresAt
	}
	if g.Scopes != nil {
		fresh.Scopes = g.Scopes
	}
	var err error
	if fresh.Sealed, err = k.Sealer.SealPair(pair, c.ID); err != nil {
		return c, err
	}
	for pause := pauseFirst; ; pause = min(2*pause, pauseMost) {
		stored, won, err := k.store(ctx, fresh)
		if err == nil && won {
			k.refreshes.WithLabelValues(c.Provider, "refreshed").Inc()
			if !stored.Usable() {
				return stored, refusal.Unusable(stored)
			}
			return stored, nil
		}
		if err == nil {
			return k.overtaken(ctx, c, pair)
		}
		select {
		case <-ctx.Done():
			k.refreshes.WithLabelValues(c.Provider, "not_stored").Inc()
			k.Log.ErrorContext(ctx, "a refreshed token pair could not be stored and is lost; the connection may need a new consent",
				"connection_id", c.ID, "provider", c.Provider, "error", err)
			return c, fmt.Errorf("store the refreshed tokens of connection %s within %v: check the database: %w", c.ID, storePatience, err)
		case <-time.After(pause):
		}
	}
}

// store writes the pair if its version is still the current one, with what
// follows for the status.
func (k *Keeper) store(ctx context.Context, fresh store.Connection) (stored store.Connection, won bool, err error) {
	err = k.Store.Within(ctx, func(t store.Tx) error {
		now := time.Now().UTC()
		if stored, won, err = t.Rotate(ctx, fresh, now); err != nil || !won {
			return err
		}
		stored, err = k.setState(ctx, t, stored, status.Refreshed{
			Missing: k.Connectors[stored.Provider].Needs.Barring(stored.Scopes), Ends: stored.RefreshExpiresAt,
		})
		return err
	})
	return stored, won, err
}

// overtaken handles a pair that came too late: a newer version is used instead;
// after the end of the consent the pair is given back to the provider.
func (k *Keeper) overtaken(ctx context.Context, c store.Connection, pair seal.Pair) (store.Connection, error) {
	current, err := k.connection(ctx, c.ID)
	if err == nil && current.Usable() {
		k.refreshes.WithLabelValues(c.Provider, "lost_race").Inc()
		return current, nil
	}
	if err == nil && current.Status != events.StatusRevoked {
		return current, refusal.Unusable(current)
	}
	k.refreshes.WithLabelValues(c.Provider, "ended").Inc()
	if shared, serr := k.Store.SharesAccount(ctx, c); serr == nil && !shared {
		if rerr := k.Connectors[c.Provider].Authorizer.Revoke(ctx, pair.Refresh); rerr != nil {
			k.Log.WarnContext(ctx, "the tokens of an ended connection could not be revoked", "connection_id", c.ID,
				"provider", c.Provider, "class", provider.ClassOf(rerr))
		}
	}
	if err != nil {
		return c, err
	}
	return current, refusal.Unusable(current)
}
