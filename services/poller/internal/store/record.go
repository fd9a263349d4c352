package store

import (
	"strings"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/provider"
)

// Sequences are the last facts of a target that its index has seen, one for each scope
// of the log.
type Sequences struct{ Activity, Record, Chunk uint64 }

// At gives the sequence of a fence, to be read or set.
func (s *Sequences) At(f events.Fence) *uint64 {
	switch f {
	case events.FenceRecord:
		return &s.Record
	case events.FenceChunk:
		return &s.Chunk
	default:
		return &s.Activity
	}
}

// Part names what one source of a provider gives: the records of a kind, or those of one
// resource of it.
type Part struct {
	Kind     string
	Resource string // empty where the source gives the whole kind
}

// PartOf is what a source gives.
func PartOf(s *provider.Source) Part {
	if s.Name == s.Kind {
		return Part{Kind: s.Kind}
	}
	return Part{Kind: s.Kind, Resource: s.Name}
}

// Source is the name of the source that gives a part.
func (p Part) Source() string {
	if p.Resource == "" {
		return p.Kind
	}
	return p.Resource
}

// orderedAt is the instant by which a list of an order finds a record, in the words of a
// query of the index. A date is taken as its midnight in UTC, and has no offset.
func orderedAt(o provider.Order) string {
	switch o {
	case provider.OrderEnd:
		return "ended_at"
	case provider.OrderDate:
		return "local_date::timestamp AT TIME ZONE 'UTC' - make_interval(secs => utc_offset_seconds)"
	default:
		return "coalesce(began_at, started_at)"
	}
}

// mark begins the key of every record that is of another kind than activity.
const mark = "\x01"

// Key is what the index has a record under: no two records of one person at one provider
// share it, whatever their kinds are.
func Key(kind, externalID string) string {
	if kind == KindActivity && !strings.HasPrefix(externalID, mark) {
		return externalID
	}
	return mark + kind + "/" + externalID
}

func keys(kind string, externalIDs []string) []string {
	all := make([]string, len(externalIDs))
	for i, id := range externalIDs {
		all[i] = Key(kind, id)
	}
	return all
}

// ExternalID is what the record under a key has.
func ExternalID(key string) string {
	rest, marked := strings.CutPrefix(key, mark)
	if !marked {
		return key
	}
	_, id, _ := strings.Cut(rest, "/")
	return id
}
