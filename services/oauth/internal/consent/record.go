package consent

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/services/oauth/internal/ending"
	"github.com/stridelog/stridelog/services/oauth/internal/seal"
	"github.com/stridelog/stridelog/services/oauth/internal/status"
	"github.com/stridelog/stridelog/services/oauth/internal/store"
)

// record stores a grant with its events in one transaction. The same account
// keeps its connection, whatever became of it; another account ends the old
// connection. What is replaced and must be told to the provider is returned; it may
// be revoked as soon as this has committed and the new tokens are safe.
func (f *Flow) record(ctx context.Context, connector *provider.Connector, grant provider.Grant, userID string) (c store.Connection, replaced *store.Connection, err error) {
	err = f.Store.ForUser(ctx, userID, func(t store.Tx) error {
		now := time.Now().UTC()
		old, err := otherAccount(ctx, t, connector.Name, grant.AccountID, userID)
		if err != nil {
			return err
		}
		if err := lockAccounts(ctx, t, connector.Name, grant.AccountID, old); err != nil {
			return err
		}
		if replaced, err = f.replace(ctx, t, old); err != nil {
			return err
		}
		c, err = t.OfAccount(ctx, userID, connector.Name, grant.AccountID)
		if errors.Is(err, store.ErrNotFound) {
			c, err = store.Connection{ID: events.NewID(), UserID: userID, Provider: connector.Name, AccountID: grant.AccountID}, nil
		}
		if err != nil {
			return err
		}
		if err := f.write(ctx, t, connector, grant, &c, now); err != nil {
			return err
		}
		return f.link(ctx, t, c, grant.LinkedAccounts, now)
	})
	return c, replaced, err
}

// otherAccount is the user's live connection if it is with another account, else nil.
func otherAccount(ctx context.Context, t store.Tx, name, accountID, userID string) (*store.Connection, error) {
	old, err := t.Live(ctx, userID, name)
	if errors.Is(err, store.ErrNotFound) || (err == nil && old.AccountID == accountID) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return &old, nil
}

// lockAccounts locks what this consent touches: an end of the account elsewhere
// must see the new connection, or happen before it. It takes the locks in one
// order for everybody, so that two people who swap accounts never wait for each
// other.
func lockAccounts(ctx context.Context, t store.Tx, name, accountID string, old *store.Connection) error {
	accounts := []string{accountID}
	if old != nil {
		accounts = append(accounts, old.AccountID)
	}
	slices.Sort(accounts)
	for _, account := range accounts {
		if err := t.LockAccount(ctx, name, account); err != nil {
			return err
		}
	}
	return nil
}

// replace ends the connection with another account, if there is one, and returns
// it when the provider must be told.
func (f *Flow) replace(ctx context.Context, t store.Tx, old *store.Connection) (*store.Connection, error) {
	if old == nil {
		return nil, nil
	}
	ended, revocation, err := ending.End(ctx, t, f.Sealer, *old, events.RevokedByReplaced, 0)
	if err != nil || revocation != store.RevocationPending {
		return nil, err
	}
	return &ended, nil
}

func (f *Flow) write(ctx context.Context, t store.Tx, connector *provider.Connector, grant provider.Grant, c *store.Connection, now time.Time) error {
	var err error
	if c.SucceededBy, err = succeededBy(ctx, t, connector.Descriptor, *c); err != nil {
		return err
	}
	if err := ending.KeepEarlier(ctx, t, f.Sealer, *c); err != nil {
		return err
	}
	was := c.State
	c.Scopes = grant.Scopes
	c.State = status.RulesOf(connector.Descriptor).Next(was, status.Consented{Missing: connector.Needs.Barring(grant.Scopes)}, now)
	sealed, err := f.Sealer.SealPair(seal.Pair{Access: grant.AccessToken, Refresh: grant.RefreshToken}, c.ID)
	if err != nil {
		return err
	}
	c.Tokens = store.Tokens{Sealed: sealed, StoredAt: now, AccessExpiresAt: grant.ExpiresAt, RefreshExpiresAt: grant.RefreshExpiresAt}
	if err := t.Save(ctx, *c, now); err != nil {
		return err
	}
	if c.Usable() {
		err := t.Emit(ctx, *c, now, &events.ConnectionActivated{
			ConnectionID: c.ID, UserID: c.UserID, Provider: c.Provider, ProviderAccountID: c.AccountID,
			Scopes: append([]string{}, c.Scopes...), ActivatedAt: now, // an empty list is no null
		})
		// The first consent of all changes no status.
		if err != nil || was.Status == "" {
			return err
		}
	}
	if !status.Announced(was, c.State) {
		return nil
	}
	return t.Emit(ctx, *c, now, c.StatusChanged(was.Status))
}
