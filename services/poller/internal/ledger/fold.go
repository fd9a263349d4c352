package ledger

import (
	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/services/poller/internal/store"
)

// Work names the part of a sync that reads one source.
type Work struct {
	SyncID string
	Of     store.Part
}

// Recovered counts facts of a sync that the database had not heard of: what was
// published just before a crash.
type Recovered struct{ New, Changed, Removed int }

// plus adds what another stretch of the log holds.
func (r Recovered) plus(o Recovered) Recovered {
	return Recovered{r.New + o.New, r.Changed + o.Changed, r.Removed + o.Removed}
}

// name tells the records of one person at one provider apart.
type name struct{ kind, externalID string }

// fold is a stretch of the log folded to the latest version of each record, but for
// attachments, of which somebody else keeps what is known.
type fold struct {
	kinds    events.KindTable
	versions map[name]store.Known
	syncs    map[Work]Recovered
	count    int
	last     uint64
}

func newFold(kinds events.KindTable) fold {
	return fold{kinds: kinds, versions: map[name]store.Known{}, syncs: map[Work]Recovered{}}
}

// add folds one fact in. One that cannot be read still counts as seen: the next
// page is published after it.
func (f *fold) add(data events.Data, sequence uint64) {
	f.count++
	f.last = sequence
	if r, ok := events.HeadOf(data); ok {
		kind, _ := f.kinds.Find(r.Kind)
		if kind.Shape == events.ShapeAttachment {
			return
		}
		k := knownOf(kind, r)
		k.Sequence = sequence
		f.put(k)
		if r.ReplacesSequence == 0 {
			f.recover(k, Recovered{New: 1})
		} else {
			f.recover(k, Recovered{Changed: 1})
		}
	} else if r, ok := events.RemovedOf(data); ok && r.Proof != events.RemovedByPerson {
		// What a person hides here stays what the provider has.
		k := store.Known{
			Kind: r.Kind, ExternalID: r.ExternalID, Resource: r.Resource, Sequence: sequence, Origin: string(r.Origin), Removed: true, SyncID: r.SyncID,
		}
		f.put(k)
		f.recover(k, Recovered{Removed: 1})
	}
}

func (f *fold) recover(k store.Known, r Recovered) {
	if k.SyncID != "" {
		w := Work{k.SyncID, store.Part{Kind: k.Kind, Resource: k.Resource}}
		f.syncs[w] = f.syncs[w].plus(r)
	}
}

// put keeps the winner: the highest origin rank, then the latest.
func (f *fold) put(k store.Known) {
	at := name{k.Kind, k.ExternalID}
	if before, ok := f.versions[at]; ok && rank(before) > rank(k) {
		return
	}
	f.versions[at] = k
}

func rank(k store.Known) int { return events.Origin(k.Origin).Rank() }

func (f *fold) list() []store.Known {
	list := make([]store.Known, 0, len(f.versions))
	for _, k := range f.versions {
		list = append(list, k)
	}
	return list
}

// knownOf is a record's line in the index, but for the sequence.
func knownOf(kind events.Kind, r events.RecordFetched) store.Known {
	return store.Known{
		Kind: r.Kind, ExternalID: r.ExternalID, Resource: r.Resource, ContentHash: r.ContentHash, HashVersion: r.HashVersion,
		Part: !whole(kind, r), Origin: string(r.Origin), StartedAt: r.StartedAt, EndedAt: r.EndedAt, LocalDate: r.LocalDate,
		SyncID: r.SyncID, Account: r.ProviderAccountID,
	}
}

// whole says whether a delivery holds all that the provider had of what it names, so that
// it takes the place of earlier ones.
func whole(kind events.Kind, r events.RecordFetched) bool {
	return r.Delivery != events.DeliveryPart && (kind.Shape != events.ShapeChunk || r.Complete)
}
