package ending

import (
	"context"
	"time"

	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/services/oauth/internal/store"
)

// giveBackFor is how long an orphaned grant is tried to be given back.
const giveBackFor = 10 * time.Minute

// orphan is a grant that nobody keeps: its user was erased, or the database did not
// take it. It lives in the memory of this process alone.
type orphan struct {
	provider, account string
	token             provider.Secret
	until             time.Time
}

// GiveBack revokes a grant that is not kept, in the background: Run tries at once,
// again for ten minutes, and for the last time when it ends. A grant whose account
// has a live connection stays, because at some providers one revocation ends every
// grant of the account: its token waits for the account's last connection. Nothing is
// revoked while the database cannot say.
func (r *Revoker) GiveBack(name string, g provider.Grant) {
	r.mu.Lock()
	r.orphans = append(r.orphans, orphan{name, g.AccountID, g.RefreshToken, time.Now().Add(giveBackFor)})
	r.mu.Unlock()
	r.Wake()
}

// giveBackAll tries each orphan once.
func (r *Revoker) giveBackAll(ctx context.Context, last bool) {
	r.mu.Lock()
	waiting := r.orphans
	r.orphans = nil
	r.mu.Unlock()
	for _, o := range waiting {
		kept, err := r.giveBack(ctx, o)
		switch {
		case err == nil:
			r.Log.InfoContext(ctx, "a grant that is not kept was given back", "provider", o.provider, "account_in_use", kept)
		case last || time.Now().After(o.until):
			r.Log.ErrorContext(ctx, "a grant that is not kept could not be revoked; the person can end it in the provider's own settings",
				"provider", o.provider, "error", err)
		default:
			r.mu.Lock()
			r.orphans = append(r.orphans, o)
			r.mu.Unlock()
		}
	}
}

// giveBack revokes one grant, unless its account is in use.
func (r *Revoker) giveBack(ctx context.Context, o orphan) (inUse bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	if inUse, err = r.Store.AccountInUse(ctx, o.provider, o.account); err != nil {
		return false, err
	}
	if inUse {
		return true, r.Store.Within(ctx, func(t store.Tx) error {
			if err := t.LockAccount(ctx, o.provider, o.account); err != nil {
				return err
			}
			return keepEarlier(ctx, t, r.Sealer, o.provider, o.account, o.token)
		})
	}
	return false, r.Connectors[o.provider].Authorizer.Revoke(ctx, o.token)
}
