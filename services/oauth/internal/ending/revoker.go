// Package ending gives consents up: at the provider, by the user's wish, or with
// everything else about a user.
package ending

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/services/oauth/internal/seal"
	"github.com/stridelog/stridelog/services/oauth/internal/store"
)

const (
	callTimeout = 10 * time.Second
	recordTime  = 5 * time.Second
	// RetryAfter is when anybody may try a pending revocation again.
	RetryAfter = time.Minute
	// maxTries bounds how long the tokens of an ended consent are kept: about
	// an hour.
	maxTries  = 60
	lookEvery = 15 * time.Second
)

// Options are what a Revoker needs.
type Options struct {
	Store      *store.Store
	Sealer     *seal.Sealer
	Connectors provider.Connectors
	Log        *slog.Logger
}

// Revoker tells providers that a consent has ended.
type Revoker struct {
	Options
	wake chan struct{}

	mu      sync.Mutex
	orphans []orphan
}

// New makes a revoker. Run does what it is given for later.
func New(o Options) *Revoker { return &Revoker{Options: o, wake: make(chan struct{}, 1)} }

// Revoke tries a pending revocation once and records how it went. What fails
// stays pending and is tried again in the background. The answer is how it
// stands now.
func (r *Revoker) Revoke(ctx context.Context, c store.Connection) store.Revocation {
	// What the caller's impatience cuts off would be tried again anyway.
	ctx = context.WithoutCancel(ctx)
	result, err := r.attempt(ctx, c)
	if err != nil {
		r.Log.WarnContext(ctx, "a consent could not be revoked at the provider", "connection_id", c.ID, "provider", c.Provider, "class", provider.ClassOf(err))
	}
	if result == store.RevocationPending {
		return result
	}
	record, cancel := context.WithTimeout(ctx, recordTime)
	defer cancel()
	if err := r.Store.FinishRevocation(record, c, result); err != nil {
		r.Log.WarnContext(ctx, "the revocation of a consent could not be recorded; it will be tried again", "connection_id", c.ID, "error", err)
		return store.RevocationPending
	}
	return result
}

func (r *Revoker) attempt(ctx context.Context, c store.Connection) (store.Revocation, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	// Somebody may have connected the same account in the meantime, and at some
	// providers one revocation ends every grant of the account.
	shared, err := r.Store.SharesAccount(ctx, c)
	if err != nil {
		return store.RevocationPending, err
	}
	if shared {
		return store.RevocationShared, nil
	}
	connector := r.Connectors[c.Provider]
	if connector == nil {
		return store.RevocationPending, errors.New("the provider is not configured")
	}
	if err := r.revokeEarlier(ctx, connector.Authorizer, c); err != nil {
		return store.RevocationPending, err
	}
	if c.Sealed == nil {
		return store.RevocationFailed, errors.New("the connection has no tokens")
	}
	pair, err := r.Sealer.OpenPair(c.Sealed, c.ID)
	if err != nil {
		return store.RevocationFailed, err
	}
	if err := connector.Authorizer.Revoke(ctx, tokenOf(pair)); err != nil {
		return store.RevocationPending, err
	}
	return store.RevocationDone, nil
}

// Wake makes Run look now for what there is to revoke.
func (r *Revoker) Wake() {
	select {
	case r.wake <- struct{}{}:
	default: // it is about to look
	}
}

// Run gives back orphaned grants, tries pending revocations and drops old states
// until ctx ends. Orphans get a last try then, of 10 s for all of them.
func (r *Revoker) Run(ctx context.Context, ready func()) error {
	ready()
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		r.giveBackAll(ctx, false)
		r.tidy(ctx)
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), callTimeout)
			defer cancel()
			r.giveBackAll(last, true)
			return nil
		case <-tick.C:
		case <-r.wake:
		}
	}
}

func (r *Revoker) tidy(ctx context.Context) {
	if n, err := r.Store.DropOldStates(ctx); err != nil && ctx.Err() == nil {
		r.Log.WarnContext(ctx, "old OAuth states stay for now", "error", err)
	} else if n > 0 {
		r.Log.DebugContext(ctx, "dropped old OAuth states", "count", n)
	}
	for ctx.Err() == nil {
		c, tries, err := r.Store.ClaimRevocation(ctx, RetryAfter)
		if errors.Is(err, store.ErrNotFound) {
			return
		}
		if err != nil {
			r.Log.WarnContext(ctx, "pending revocations wait", "error", err)
			return
		}
		if r.Revoke(ctx, c) == store.RevocationPending && tries >= maxTries {
			if err := r.Store.FinishRevocation(ctx, c, store.RevocationFailed); err == nil {
				r.Log.ErrorContext(ctx, "gave up revoking a consent; the person can end it in the provider's own settings",
					"connection_id", c.ID, "provider", c.Provider, "tries", tries)
			}
		}
	}
}
