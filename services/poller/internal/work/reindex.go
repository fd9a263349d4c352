package work

import (
	"context"
	"fmt"
	"time"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/services/poller/internal/store"
)

// Reindexed says what an index was made of.
type Reindexed struct {
	Targets    int
	Activities int
	Facts      int
}

// Reindex makes the index of every target again from the log as it is now. Work
// that goes on meanwhile loses its lease and begins again.
func Reindex(ctx context.Context, st *store.Store, b *bus.Bus, connectors provider.Connectors, now time.Time) (Reindexed, error) {
	var done Reindexed
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
			f := newFolding(connectors[t.Provider])
			_, err := b.Read(ctx, events.StreamFacts, []string{events.ActivitySubjects(t.Provider, t.UserID)}, 1, func(d bus.Delivery) error {
				f.add(d)
				return nil
			})
			done.Facts += f.count
			done.Activities += len(f.versions)
			if err != nil {
				return nil, 0, err
			}
			return f.list(), f.last, f.routes.apply(ctx, tx, t, now)
		})
		if err != nil {
			return done, fmt.Errorf("index %s of user %s again: %w", t.Provider, t.UserID, err)
		}
		done.Targets++
	}
	return done, nil
}
