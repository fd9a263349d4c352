package work

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/services/poller/internal/store"
)

type tx = pgx.Tx

// applyEvery is how many facts one transaction applies to the index.
const applyEvery = 1000

// recovered counts facts of a sync that the database had not heard of: what was
// published just before a crash.
type recovered struct{ created, changed, removed int }

// catchUp brings the index to the end of the log for this target. It fails with
// ErrRestored when the log is not the one the index was made from.
func (s *session) catchUp(ctx context.Context) (map[string]recovered, error) {
	epoch, err := s.Bus.Epoch(ctx, events.StreamFacts)
	if err != nil {
		return nil, err
	}
	subjects := events.ActivitySubjects(s.lease.Provider, s.lease.UserID)
	last, err := s.Bus.LastSequence(ctx, events.StreamFacts, subjects)
	if err != nil {
		return nil, err
	}
	if s.lease.StreamEpoch != "" && s.lease.StreamEpoch != epoch || last < s.lease.IndexSequence {
		return nil, ErrRestored
	}
	s.lease.StreamEpoch = epoch
	if last == s.lease.IndexSequence {
		return nil, nil
	}
	s.imported = nil
	found := map[string]recovered{}
	batch := newFolding(s.connector)
	apply := func() error {
		if batch.last == 0 {
			return nil
		}
		for id, r := range batch.syncs {
			found[id] = recovered{found[id].created + r.created, found[id].changed + r.changed, found[id].removed + r.removed}
		}
		err := s.store(ctx, batch)
		batch = newFolding(s.connector)
		return err
	}
	_, err = s.Bus.Read(ctx, events.StreamFacts, []string{subjects}, s.lease.IndexSequence+1, func(d bus.Delivery) error {
		batch.add(d)
		if batch.count < applyEvery {
			return nil
		}
		return apply()
	})
	if err != nil {
		return nil, fmt.Errorf("bring the index up to the log: %w", err)
	}
	return found, apply()
}

func (s *session) store(ctx context.Context, f folding) error {
	err := s.Store.Guarded(ctx, s.lease, func(tx tx) error {
		for id, r := range f.syncs {
			if err := store.CountRecovered(ctx, tx, id, r.created, r.changed, r.removed); err != nil {
				return err
			}
		}
		if err := f.routes.apply(ctx, tx, s.lease.Target, s.Now()); err != nil {
			return err
		}
		return store.PutIndex(ctx, tx, s.lease.Target, f.list(), s.lease.StreamEpoch, f.last)
	})
	if err == nil {
		s.lease.IndexSequence = f.last
	}
	return err
}

// folding is a stretch of the log folded to the latest version of each activity.
type folding struct {
	versions map[string]store.Known
	syncs    map[string]recovered
	routes   routeFold
	count    int
	last     uint64
}

func newFolding(c *provider.Connector) folding {
	return folding{versions: map[string]store.Known{}, syncs: map[string]recovered{}, routes: routeFold{getter: routesOf(c)}}
}

// add folds one fact in. One that cannot be read still counts as seen: the next
// page is published after it.
func (f *folding) add(d bus.Delivery) {
	f.count++
	f.last = d.Sequence
	f.routes.add(d.Event.Data, d.Sequence)
	switch data := d.Event.Data.(type) {
	case *events.ActivityFetched:
		f.put(store.Known{
			ExternalID: data.ExternalID, Sequence: d.Sequence, ContentHash: data.ContentHash, HashVersion: data.HashVersion,
			Origin: string(data.Origin), StartedAt: data.StartedAt, SyncID: data.SyncID, Account: data.ProviderAccountID,
		})
		if data.SyncID == "" {
			return
		}
		r := f.syncs[data.SyncID]
		if data.ReplacesSequence == 0 {
			r.created++
		} else {
			r.changed++
		}
		f.syncs[data.SyncID] = r
	case *events.ActivityRemoved:
		f.put(store.Known{
			ExternalID: data.ExternalID, Sequence: d.Sequence, Origin: string(data.Origin), Removed: true, SyncID: data.SyncID,
		})
		if data.SyncID != "" {
			r := f.syncs[data.SyncID]
			r.removed++
			f.syncs[data.SyncID] = r
		}
	}
}

// put keeps the winner: the highest origin rank, then the latest.
func (f *folding) put(k store.Known) {
	if before, ok := f.versions[k.ExternalID]; ok && events.Origin(before.Origin).Rank() > events.Origin(k.Origin).Rank() {
		return
	}
	f.versions[k.ExternalID] = k
}

func (f *folding) list() []store.Known {
	list := make([]store.Known, 0, len(f.versions))
	for _, k := range f.versions {
		list = append(list, k)
	}
	return list
}
