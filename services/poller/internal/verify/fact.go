package verify

import (
	"github.com/google/uuid"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/services/poller/internal/store"
)

// fact is what one says of a record.
type fact struct {
	sequence uint64
	user     uuid.UUID
	record   events.RecordFetched // of a removal, its names and its origin alone
	removed  bool
	hash     string // as it is computed now; empty when it is not
}

// read is false for what says nothing of a record that the index knows, or cannot be
// read.
func (v *Verification) read(d bus.Delivery) (fact, bool) {
	user, err := uuid.Parse(d.Event.UserID)
	if d.Err != nil || err != nil {
		return fact{}, false
	}
	f := fact{sequence: d.Sequence, user: user}
	if r, ok := events.HeadOf(d.Event.Data); ok && !v.attached(r.Kind) {
		f.record = r
		return f, true
	}
	if r, ok := events.RemovedOf(d.Event.Data); ok && r.Proof != events.RemovedByPerson && !v.attached(r.Kind) {
		f.record = events.RecordFetched{Kind: r.Kind, Resource: r.Resource, Provider: r.Provider, ExternalID: r.ExternalID, Origin: r.Origin}
		f.removed = true
		return f, true
	}
	return fact{}, false
}

func (v *Verification) attached(kind string) bool {
	k, known := v.Kinds.Find(kind)
	return known && k.Shape == events.ShapeAttachment
}

// fence is that of a record's kind; one that is not known lies among the records.
func (v *Verification) fence(kind string) events.Fence {
	if k, known := v.Kinds.Find(kind); known {
		return k.Fence()
	}
	return events.FenceRecord
}

// columns are facts as facts.sql takes them.
func (v *Verification) columns(facts []fact) (users []uuid.UUID, providers, keys, fences []string, sequences []int64) {
	for _, f := range facts {
		users, providers = append(users, f.user), append(providers, f.record.Provider)
		keys, fences = append(keys, store.Key(f.record.Kind, f.record.ExternalID)), append(fences, string(v.fence(f.record.Kind)))
		sequences = append(sequences, int64(f.sequence)) //nolint:gosec // a sequence fits
	}
	return users, providers, keys, fences, sequences
}
