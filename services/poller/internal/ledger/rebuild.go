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
// goes on meanwhile loses its lease and begins again.
func Rebuild(ctx context.Context, st *store.Store, b *bus.Bus, connectors provider.Connectors, attachments func(*provider.Connector) Reader, now time.Time) (Rebuilt, error) {
	var done Rebuilt
	epoch, err := b.Epoch(ctx, events.StreamFacts)
	if err != nil {
		return done, err
	}
	targets, err := st.AllTargets(ctx)
	if err != nil {
		return done, err
	}
	for _, t := range targets {
		err := st.Reindex(ctx, t, epoch, now, func(tx tx) ([]store.Known, uint64, error) {
			all, beside := newFold(), attachments(connectors[t.Provider])
			err := Open(b, t.Provider, t.UserID, 0).Read(ctx, func(d bus.Delivery) error {
				all.add(d.Event.Data, d.Sequence)
				beside.Add(d.Event.Data, d.Sequence)
				return nil
			})
			done.Facts += all.count
			done.Records += len(all.versions)
			if err != nil {
				return nil, 0, err
			}
			return all.list(), all.last, beside.Apply(ctx, tx, t, now)
		})
		if err != nil {
			return done, fmt.Errorf("index %s of user %s again: %w", t.Provider, t.UserID, err)
		}
		done.Targets++
	}
	return done, nil
}
