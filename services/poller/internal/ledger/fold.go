package ledger

import (
	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/services/poller/internal/store"
)

// Recovered counts facts of a sync that the database had not heard of: what was
// published just before a crash.
type Recovered struct{ New, Changed, Removed int }

// fold is a stretch of the log folded to the latest version of each record.
type fold struct {
	versions map[string]store.Known
	syncs    map[string]Recovered
	count    int
	last     uint64
}

func newFold() fold {
	return fold{versions: map[string]store.Known{}, syncs: map[string]Recovered{}}
}

// add folds one fact in. One that cannot be read still counts as seen: the next
// page is published after it.
func (f *fold) add(data events.Data, sequence uint64) {
	f.count++
	f.last = sequence
	switch data := data.(type) {
	case *events.ActivityFetched:
		f.put(store.Known{
			ExternalID: data.ExternalID, Sequence: sequence, ContentHash: data.ContentHash, HashVersion: data.HashVersion,
			Origin: string(data.Origin), StartedAt: data.StartedAt, SyncID: data.SyncID, Account: data.ProviderAccountID,
		})
		if data.SyncID == "" {
			return
		}
		r := f.syncs[data.SyncID]
		if data.ReplacesSequence == 0 {
			r.New++
		} else {
			r.Changed++
		}
		f.syncs[data.SyncID] = r
	case *events.ActivityRemoved:
		f.put(store.Known{
			ExternalID: data.ExternalID, Sequence: sequence, Origin: string(data.Origin), Removed: true, SyncID: data.SyncID,
		})
		if data.SyncID != "" {
			r := f.syncs[data.SyncID]
			r.Removed++
			f.syncs[data.SyncID] = r
		}
	}
}

// put keeps the winner: the highest origin rank, then the latest.
func (f *fold) put(k store.Known) {
	if before, ok := f.versions[k.ExternalID]; ok && events.Origin(before.Origin).Rank() > events.Origin(k.Origin).Rank() {
		return
	}
	f.versions[k.ExternalID] = k
}

func (f *fold) list() []store.Known {
	list := make([]store.Known, 0, len(f.versions))
	for _, k := range f.versions {
		list = append(list, k)
	}
	return list
}
