package custody

import (
	"context"

	"github.com/stridelog/stridelog/services/oauth/internal/store"
)

// checkOthers refreshes what else uses the account of a dead grant, in the
// background. At some providers one revocation ends every grant of the account:
// whoever lost theirs is told now and not when their records are read next.
func (k *Keeper) checkOthers(ctx context.Context, dead store.Connection) {
	ctx = context.WithoutCancel(ctx)
	k.running.Add(1)
	go func() {
		defer k.running.Done()
		ctx, cancel := context.WithTimeout(ctx, k.Lease+k.CallTimeout)
		defer cancel()
		others, err := k.Store.UsableOfAccount(ctx, dead.Provider, dead.AccountID)
		if err != nil {
			k.Log.WarnContext(ctx, "other connections of an account are not checked; each hears of a dead grant with its next poll",
				"connection_id", dead.ID, "provider", dead.Provider, "error", err)
			return
		}
		for _, other := range others {
			_, err := k.refreshOnce(ctx, other) // what it fails with is told and logged there
			k.Log.InfoContext(ctx, "a connection was checked because another one of its account lost the grant",
				"connection_id", other.ID, "provider", other.Provider, "works", err == nil)
		}
	}()
}
