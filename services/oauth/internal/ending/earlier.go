package ending

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/services/oauth/internal/seal"
	"github.com/stridelog/stridelog/services/oauth/internal/store"
)

// KeepEarlier keeps the token of a connection that is about to lose it, for the end of
// the account's last connection: at some providers every consent is a grant of its own,
// which stays open until its own token is revoked. One that cannot be opened any more is
// of no use there. The caller holds the account's lock.
func KeepEarlier(ctx context.Context, t store.Tx, sealer *seal.Sealer, c store.Connection) error {
	if c.Sealed == nil {
		return nil
	}
	pair, err := sealer.OpenPair(c.Sealed, c.ID)
	if err != nil {
		return nil //nolint:nilerr // see above
	}
	return keepEarlier(ctx, t, sealer, c.Provider, c.AccountID, tokenOf(pair))
}

func keepEarlier(ctx context.Context, t store.Tx, sealer *seal.Sealer, name, account string, token provider.Secret) error {
	id := uuid.NewString()
	sealed, err := sealer.SealText(token, seal.EarlierLabel(id))
	if err != nil {
		return err
	}
	return t.KeepEarlier(ctx, store.Earlier{ID: id, Provider: name, AccountID: account, Sealed: sealed})
}

// tokenOf is the token that ends a pair's grant.
func tokenOf(pair seal.Pair) provider.Secret {
	if pair.Refresh != "" {
		return pair.Refresh
	}
	return pair.Access
}

// revokeEarlier tells the provider of the earlier tokens of a connection's account. What
// is told is deleted, so that a try after a failure goes on with the rest.
func (r *Revoker) revokeEarlier(ctx context.Context, authorizer provider.Authorizer, c store.Connection) error {
	list, err := r.Store.EarlierOf(ctx, c.Provider, c.AccountID)
	if err != nil {
		return err
	}
	for _, e := range list {
		token, err := r.Sealer.OpenText(e.Sealed, seal.EarlierLabel(e.ID))
		if err == nil {
			err = authorizer.Revoke(ctx, token)
		} else {
			r.Log.WarnContext(ctx, "an earlier token cannot be opened and is given up; the person can end the grant in the provider's own settings", "provider", c.Provider, "error", err)
			err = nil
		}
		if err != nil {
			return fmt.Errorf("revoke an earlier token: %w", err)
		}
		if err := r.Store.DropEarlier(ctx, e); err != nil {
			return err
		}
	}
	return nil
}
