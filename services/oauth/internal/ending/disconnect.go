package ending

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/events/rpc"
	"github.com/stridelog/stridelog/services/oauth/internal/refusal"
	"github.com/stridelog/stridelog/services/oauth/internal/seal"
	"github.com/stridelog/stridelog/services/oauth/internal/store"
)

// Disconnect ends a user's connection. Its data stays. The provider is told
// with the last live connection of the account; when it cannot be told now, it
// is told later.
func (r *Revoker) Disconnect(ctx context.Context, q rpc.DisconnectRequest) (rpc.DisconnectResponse, error) {
	user, err := uuid.Parse(q.UserID)
	if err != nil {
		return rpc.DisconnectResponse{}, refusal.Argument("user_id", "The user id is not a UUID.")
	}
	var ended store.Connection
	var revocation store.Revocation
	err = r.Store.ForUser(ctx, user.String(), func(t store.Tx) error {
		c, err := t.Live(ctx, user.String(), q.Provider)
		if err != nil {
			return err
		}
		ended, revocation, err = End(ctx, t, r.Sealer, c, events.RevokedByUser, RetryAfter)
		return err
	})
	if errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrErased) {
		return rpc.DisconnectResponse{}, refusal.NoConnection()
	}
	if err != nil {
		return rpc.DisconnectResponse{}, err
	}
	if revocation == store.RevocationPending {
		revocation = r.Revoke(ctx, ended)
	}
	r.Log.InfoContext(ctx, "disconnected", "connection_id", ended.ID, "provider", ended.Provider, "revocation", revocation)
	return rpc.DisconnectResponse{ConnectionID: ended.ID, Status: ended.Status}, nil
}

// End makes a connection revoked and says so, in the caller's transaction. A
// pending revocation is for the caller to try once that has committed; when free
// has passed, anybody may.
func End(ctx context.Context, t store.Tx, sealer *seal.Sealer, c store.Connection, by string, free time.Duration) (store.Connection, store.Revocation, error) {
	now := time.Now().UTC()
	ended, revocation, err := end(ctx, t, sealer, c, now, free)
	if err != nil {
		return c, "", err
	}
	return ended, revocation, t.Emit(ctx, ended, now, ended.EndedBy(by, now))
}

// end makes a connection revoked. The tokens of one that shares its account wait for the
// account's last connection.
func end(ctx context.Context, t store.Tx, sealer *seal.Sealer, c store.Connection, now time.Time, free time.Duration) (store.Connection, store.Revocation, error) {
	if err := t.LockAccount(ctx, c.Provider, c.AccountID); err != nil {
		return c, "", err
	}
	ended, revocation, err := t.End(ctx, c, now, free)
	if err == nil && revocation == store.RevocationShared {
		err = KeepEarlier(ctx, t, sealer, c)
	}
	return ended, revocation, err
}

// Erase ends every connection of a user, tells the providers as far as they
// answer, and deletes every row. It may come more than once. No event says so:
// the user's events are about to be erased, too.
func (r *Revoker) Erase(ctx context.Context, q rpc.EraseRequest) (rpc.EraseResponse, error) {
	user, err := uuid.Parse(q.UserID)
	if err != nil {
		return rpc.EraseResponse{}, refusal.Argument("user_id", "The user id is not a UUID.")
	}
	var pending []store.Connection
	err = r.Store.MarkErased(ctx, user.String(), func(t store.Tx, all []store.Connection) error {
		// One order for everybody, so that two erasures never wait for each other.
		slices.SortFunc(all, func(a, b store.Connection) int {
			return strings.Compare(a.Provider+" "+a.AccountID, b.Provider+" "+b.AccountID)
		})
		for _, c := range all {
			switch {
			case c.Status != events.StatusRevoked:
				ended, revocation, err := end(ctx, t, r.Sealer, c, time.Now().UTC(), RetryAfter)
				if err != nil {
					return err
				}
				if revocation == store.RevocationPending {
					pending = append(pending, ended)
				}
			case c.Sealed != nil: // an earlier end that the provider does not know of
				pending = append(pending, c)
			}
		}
		return nil
	})
	if err != nil {
		return rpc.EraseResponse{}, err
	}
	var revoked, failed int64
	for _, c := range pending {
		if r.Revoke(ctx, c) == store.RevocationDone {
			revoked++
		} else {
			failed++
		}
	}
	counts, err := r.Store.DeleteUser(ctx, user.String())
	if err != nil {
		return rpc.EraseResponse{}, err
	}
	counts["grants_revoked"], counts["grants_not_revoked"] = revoked, failed
	r.Log.InfoContext(ctx, "erased a user's consents", "erasure_id", q.ErasureID, "connections", counts["connections"],
		"grants_revoked", revoked, "grants_not_revoked", failed)
	return rpc.EraseResponse{Counts: counts}, nil
}
