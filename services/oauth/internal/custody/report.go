package custody

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"github.com/stridelog/stridelog/events/rpc"
	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/services/oauth/internal/refusal"
	"github.com/stridelog/stridelog/services/oauth/internal/standing"
	"github.com/stridelog/stridelog/services/oauth/internal/store"
)

// remindEvery is how often consents that end by themselves are looked for.
const remindEvery = time.Minute

// Report hears how a provider answers requests for records, and says where the
// connection stands then. It may come more than once.
func (k *Keeper) Report(ctx context.Context, r rpc.ReportRequest) (rpc.ReportResponse, error) {
	if _, err := uuid.Parse(r.ConnectionID); err != nil {
		return rpc.ReportResponse{}, refusal.Argument("connection_id", "The connection id is not a UUID.")
	}
	c, err := k.hear(ctx, r.ConnectionID, standing.Polled{Class: provider.Class(r.Class), Since: r.Since}, anyVersion)
	if err != nil {
		return rpc.ReportResponse{}, err
	}
	return rpc.ReportResponse{Status: c.Status, Reason: c.Reason, NextAction: c.NextAction}, nil
}

// anyVersion is for news that is not about one token.
func anyVersion(store.Connection) bool { return true }

// hear applies news to a connection, with its event, if the news still counts.
func (k *Keeper) hear(ctx context.Context, id string, n standing.News, counts func(store.Connection) bool) (c store.Connection, err error) {
	err = k.Store.Within(ctx, func(t store.Tx) error {
		if c, err = t.Lock(ctx, id); err != nil || !counts(c) {
			return err
		}
		c, err = k.stand(ctx, t, c, n)
		return err
	})
	if errors.Is(err, store.ErrNotFound) {
		return c, refusal.NoConnection()
	}
	return c, err
}

// stand writes where a locked connection stands after the news.
func (k *Keeper) stand(ctx context.Context, t store.Tx, c store.Connection, n standing.News) (store.Connection, error) {
	now := time.Now().UTC()
	was := c.Standing
	c, err := t.Stand(ctx, c, k.rules(c.Provider).Next(was, n, now), now)
	if err == nil && standing.Speaks(was, c.Standing) {
		k.Log.InfoContext(ctx, "a connection's status changed", "connection_id", c.ID, "provider", c.Provider,
			"from", was.Status, "to", c.Status, "reason", c.Reason)
	}
	return c, err
}

// rules are those of a provider, which may be configured no longer.
func (k *Keeper) rules(name string) standing.Rules {
	d := provider.Descriptor{DisplayName: name}
	if connector := k.Connectors[name]; connector != nil {
		d = connector.Descriptor
	}
	r := standing.RulesOf(d)
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
	soon, err := k.Store.EndingBefore(ctx, time.Now().Add(standing.Notice))
	if err != nil {
		return err
	}
	for _, c := range soon {
		_, err := k.hear(ctx, c.ID, standing.EndsSoon{At: c.RefreshExpiresAt},
			func(now store.Connection) bool { return now.Version == c.Version })
		if err != nil {
			return err
		}
	}
	return nil
}
