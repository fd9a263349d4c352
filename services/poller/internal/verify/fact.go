package verify

import (
	"github.com/google/uuid"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/platform/bus"
)

// fact is what one says of an activity.
type fact struct {
	sequence             uint64
	user                 uuid.UUID
	provider, externalID string
	origin               events.Origin
	removed              bool
	context              events.ActivityContext
	raw                  []byte
	stored               string // the hash that the fact says
	hashVersion          int
	hash                 string // as it is computed now; empty when it is not
}

// read is false for what says nothing of an activity, or cannot be read.
func read(d bus.Delivery) (fact, bool) {
	user, err := uuid.Parse(d.Event.UserID)
	if d.Err != nil || err != nil {
		return fact{}, false
	}
	switch data := d.Event.Data.(type) {
	case *events.ActivityFetched:
		return fact{
			sequence: d.Sequence, user: user, provider: data.Provider, externalID: data.ExternalID, origin: data.Origin,
			context: data.Context, raw: data.Raw, stored: data.ContentHash, hashVersion: data.HashVersion,
		}, true
	case *events.ActivityRemoved:
		return fact{sequence: d.Sequence, user: user, provider: data.Provider, externalID: data.ExternalID, origin: data.Origin, removed: true}, true
	default:
		return fact{}, false
	}
}

// columns are facts as facts.sql takes them.
func columns(facts []fact) (users []uuid.UUID, providers, ids []string, sequences []int64) {
	for _, f := range facts {
		users, providers = append(users, f.user), append(providers, f.provider)
		ids, sequences = append(ids, f.externalID), append(sequences, int64(f.sequence))
	}
	return users, providers, ids, sequences
}
