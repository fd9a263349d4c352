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

// remindEvery is how often consents that end by themselves are looked for.
const remindEvery = time.Minute

// Report takes note of how a provider answers requests for records, and returns the
// connection's status then. It may come more than once.
func (k *Keeper) Report(ctx context.Context, r rpc.ReportRequest) (rpc.ReportResponse, error) {
	if _, err := uuid.Parse(r.ConnectionID); err != nil {
		return rpc.ReportResponse{}, refusal.Argument("connection_id", "The connection id is not a UUID.")
	}
	c, err := k.apply(ctx, r.ConnectionID, status.Polled{Class: provider.Class(r.Class), Since: r.Since}, anyVersion)
	if err != nil {
		return rpc.ReportResponse{}, err
	}
	return rpc.ReportResponse{Status: c.Status, Reason: c.Reason, NextAction: c.NextAction}, nil
}

// anyVersion is for an input that is not about one token.
func anyVersion(store.Connection) bool { return true }

// apply changes a connection by an input, with its event, if the input still counts.
func (k *Keeper) apply(ctx context.Context, id string, in status.Input, counts func(store.Connection) bool) (c store.Connection, err error) {
	err = k.Store.Within(ctx, func(t store.Tx) error {
		if c, err = t.Lock(ctx, id); err != nil || !counts(c) {
			return err
		}
		c, err = k.setState(ctx, t, c, in)
		return err
	})
	if errors.Is(err, store.ErrNotFound) {
		return c, refusal.NoConnection()
	}
	return c, err
}

// setState writes the state of a locked connection after an input.
func (k *Keeper) setState(ctx context.Context, t store.Tx, c store.Connection, in status.Input) (store.Connection, error) {
	now := time.Now().UTC()
	was := c.State
	c, err := t.SetState(ctx, c, k.rules(c.Provider).Next(was, in, now), now)
	if err == nil && status.Announced(was, c.State) {
		k.Log.InfoContext(ctx, "a connection's status changed", "connection_id", c.ID, "provider", c.Provider,
			"from", was.Status, "to", c.Status, "reason", c.Reason)
	}
	return c, err
}

// rules are those of a provider, which may be configured no longer.
func (k *Keeper) rules(name string) status.Rules {
	d := provider.Descriptor{DisplayName: name}
	if connector := k.Connectors[name]; connector != nil {
		d = connector.Descriptor
	}
	r := status.RulesOf(d)
	r.RetireConfirm, r.DegradeAfter = k.RetireConfirm, k.DegradeAfter
	return r
}

// Remind looks for consents that end by themselves soon, until ctx ends.
func (k *Keeper) Remind(ctx context.Context, ready func()) error {
	ready()
	tick := time.NewTicker(remindEvery)
	defer tick.Stop()
	for {
		if err := k.remind(ctx); err != nil && ctx.Err() == nil {
			k.Log.WarnContext(ctx, "consents that end soon are not told of yet", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

func (k *Keeper) remind(ctx context.Context) error {
	soon, err := k.Store.EndingBefore(ctx, time.Now().Add(status.Notice))
	if err != nil {
		return err
	}
	for _, c := range soon {
		_, err := k.apply(ctx, c.ID, status.EndsSoon{At: c.RefreshExpiresAt},
			func(now store.Connection) bool { return now.Version == c.Version })
		if err != nil {
			return err
		}
	}
	return nil
}
