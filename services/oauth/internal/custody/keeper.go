// Package custody keeps the tokens: it hands out access tokens, refreshes them
// one process at a time, and notes when a provider refused one.
package custody

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/singleflight"

	"github.com/stridelog/stridelog/events/rpc"
	"github.com/stridelog/stridelog/platform/telemetry"
	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/services/oauth/internal/refusal"
	"github.com/stridelog/stridelog/services/oauth/internal/seal"
	"github.com/stridelog/stridelog/services/oauth/internal/status"
	"github.com/stridelog/stridelog/services/oauth/internal/store"
)

const (
	defaultMinValidity = time.Minute
	// defaultCall bounds one call of a token endpoint; defaultLease must outlast
	// it, or a slow answer would come after somebody else has started.
	defaultCall  = 20 * time.Second
	defaultLease = 30 * time.Second
	// storePatience is how long a new pair is tried to be stored: it is the only
	// one there is.
	storePatience = 30 * time.Second
	// longestWait bounds what a provider may ask us to wait before a refresh.
	longestWait = time.Hour
)

// Options are what a Keeper needs. CallTimeout and Lease may be zero.
type Options struct {
	Store      *store.Store
	Sealer     *seal.Sealer
	Connectors provider.Connectors
	Log        *slog.Logger
	Registry   prometheus.Registerer
	// CallTimeout bounds one call of a token endpoint, Lease is how long a dead
	// process keeps others from refreshing.
	CallTimeout, Lease time.Duration
	// RetireConfirm is how far a second 410 must be from the first, DegradeAfter how
	// old a trouble must be to make a connection degraded. Both may be zero.
	RetireConfirm, DegradeAfter time.Duration
}

// Keeper answers for the tokens of all connections.
type Keeper struct {
	Options
	refreshes *prometheus.CounterVec
	flights   singleflight.Group
	running   sync.WaitGroup
}

// New makes a keeper and registers its metrics.
func New(o Options) (*Keeper, error) {
	if o.CallTimeout <= 0 {
		o.CallTimeout = defaultCall
	}
	if o.Lease <= 0 {
		o.Lease = defaultLease
	}
	if o.RetireConfirm <= 0 {
		o.RetireConfirm = status.DefaultRetireConfirm
	}
	if o.DegradeAfter <= 0 {
		o.DegradeAfter = status.DefaultDegradeAfter
	}
	if o.Lease <= o.CallTimeout {
		return nil, fmt.Errorf("the refresh lease (%v) must be longer than a call may take (%v)", o.Lease, o.CallTimeout)
	}
	k := &Keeper{Options: o, refreshes: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "stridelog_oauth_refreshes_total",
		Help: "Token refreshes by provider and outcome: refreshed, lost_race, ended, or the class of the failure.",
	}, []string{"provider", "outcome"})}
	return k, telemetry.Register(o.Registry, "token refreshes", k.refreshes)
}

// Wait returns once no refresh is under way. New requests must have stopped.
func (k *Keeper) Wait() { k.running.Wait() }

// Token answers with an access token that is good for MinValidity (a minute
// when it is zero), refreshed first where needed. Of a token that lives shorter
// than twice that, half its life is enough: else every call would refresh.
func (k *Keeper) Token(ctx context.Context, r rpc.TokenRequest) (rpc.TokenResponse, error) {
	if _, err := uuid.Parse(r.ConnectionID); err != nil {
		return rpc.TokenResponse{}, refusal.Argument("connection_id", "The connection id is not a UUID.")
	}
	if r.MinValidity < 0 {
		return rpc.TokenResponse{}, refusal.Argument("min_validity_ns", "The validity must not be negative.")
	}
	c, err := k.connection(ctx, r.ConnectionID)
	if err != nil {
		return rpc.TokenResponse{}, err
	}
	if !c.Usable() {
		return rpc.TokenResponse{}, refusal.Unusable(c)
	}
	if time.Until(c.AccessExpiresAt) < needed(c, r.MinValidity) {
		if c, err = k.refreshOnce(ctx, c); err != nil {
			return rpc.TokenResponse{}, err
		}
	}
	pair, err := k.Sealer.OpenPair(c.Sealed, c.ID)
	if err != nil {
		return rpc.TokenResponse{}, err
	}
	return r.Seal(rpc.TokenResponse{AccessToken: pair.Access.Reveal(), ExpiresAt: c.AccessExpiresAt, TokenVersion: c.Version})
}

func needed(c store.Connection, asked time.Duration) time.Duration {
	if asked == 0 {
		asked = defaultMinValidity
	}
	return max(min(asked, c.AccessExpiresAt.Sub(c.StoredAt)/2), 0)
}

func (k *Keeper) connection(ctx context.Context, id string) (store.Connection, error) {
	c, err := k.Store.Connection(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		return c, refusal.NoConnection()
	}
	return c, err
}

// refreshOnce joins the refresh of this version in this process, or starts it.
// A caller that gives up does not stop it: a rotation in mid-air must land.
func (k *Keeper) refreshOnce(ctx context.Context, c store.Connection) (store.Connection, error) {
	key := fmt.Sprintf("%s %d", c.ID, c.Version)
	k.running.Add(1) // before the flight starts, so that Wait never misses it
	flight := k.flights.DoChan(key, func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), k.Lease+k.CallTimeout)
		defer cancel()
		return k.refresh(ctx, c.ID, c.Version)
	})
	select {
	case done := <-flight:
		k.running.Done()
		fresh, _ := done.Val.(store.Connection)
		return fresh, done.Err
	case <-ctx.Done():
		go func() {
			<-flight
			k.running.Done()
		}()
		return c, refusal.Later("The access token is still being refreshed; try again.", time.Time{})
	}
}
