package ledger

import (
	"context"
	"fmt"
	"time"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/services/poller/internal/store"
)

// Rebuilt says what the indexes were made of.
type Rebuilt struct {
	Targets int
	Records int
	Facts   int
}

// Rebuild makes the index of every target again from the log as it is now. Work that
// goes on meanwhile loses its lease and begins again. Of the configuration it needs all
// but Normalizers and Published.
func (c Config) Rebuild(ctx context.Context, connectors provider.Connectors) (Rebuilt, error) {
	var done Rebuilt
	epoch, err := c.Bus.Epoch(ctx, events.StreamFacts)
	if err != nil {
		return done, err
	}
	targets, err := c.Store.AllTargets(ctx)
	if err != nil {
		return done, err
	}
	now := c.Now()
	for _, t := range targets {
		err := c.Store.Reindex(ctx, t, epoch, now, func(tx tx) ([]store.Known, store.Sequences, error) {
			return c.refold(ctx, tx, t, connectors[t.Provider], now, &done)
		})
		if err != nil {
			return done, fmt.Errorf("index %s of user %s again: %w", t.Provider, t.UserID, err)
		}
		done.Targets++
	}
	return done, nil
}

// refold folds all that the log has of a target.
func (c Config) refold(ctx context.Context, tx tx, t store.Target, connector *provider.Connector, now time.Time, done *Rebuilt) (known []store.Known, upTo store.Sequences, err error) {
	beside := c.Attachments(connector)
	for _, f := range events.Fences() {
		all := newFold(c.Kinds)
		err := Open(c.Bus, f, t.Provider, t.UserID, 0).Read(ctx, func(d bus.Delivery) error {
			all.add(d.Event.Data, d.Sequence)
			beside.Add(d.Event.Data, d.Sequence)
			return nil
		})
		if err != nil {
			return nil, upTo, err
		}
		done.Facts += all.count
		done.Records += len(all.versions)
		known, *upTo.At(f) = append(known, all.list()...), all.last
	}
	return known, upTo, beside.Apply(ctx, tx, t, now)
}
