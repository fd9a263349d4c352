package imports

import (
	"slices"
	"time"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/services/poller/internal/twin"
)

// knowledge is what the log knows of one person's activities at one provider.
type knowledge struct {
	versions map[string]version // by external id, the winning one
	routes   map[string]routes  // by external id of the activity
	last     uint64             // sequence up to which the log was read
	// starts are the external ids by when they start, in steps of twin.StartApart.
	starts map[int64][]string

	startedAt   time.Time // of this import: its own facts carry it
	normalizers provider.Normalizers
}

func newKnowledge(startedAt time.Time, n provider.Normalizers) *knowledge {
	return &knowledge{versions: map[string]version{}, routes: map[string]routes{}, starts: map[int64][]string{}, startedAt: startedAt, normalizers: n}
}

// read takes a message of the log in. One that cannot be read is passed over, as
// everybody else does.
func (k *knowledge) read(d bus.Delivery) {
	k.last = d.Sequence
	switch data := d.Event.Data.(type) {
	case *events.ActivityFetched:
		k.put(data.ExternalID, k.fetched(data, d.Sequence))
	case *events.ActivityRemoved:
		before := k.versions[data.ExternalID]
		before.sequence, before.origin, before.removed, before.ours = d.Sequence, data.Origin, true, ""
		k.put(data.ExternalID, before) // when it was stays known
		delete(k.routes, data.ExternalID)
	case *events.RouteFetched:
		k.readRoute(data)
	}
}

func (k *knowledge) fetched(data *events.ActivityFetched, sequence uint64) version {
	v := version{sequence: sequence, origin: data.Origin, foreign: data.ForeignID, stand: standOf(data), duration: twin.Duration(k.normalizers, data)}
	if data.StartedAt != nil {
		v.start = *data.StartedAt
	}
	if data.Origin == events.OriginImport && data.FetchedAt.Equal(k.startedAt) {
		v.ours = imported
		if data.ReplacesSequence > 0 {
			v.ours = enriched
		}
	}
	return v
}

func standOf(data *events.ActivityFetched) stand {
	s := stand{
		companion: data.Context.Companion != "", offset: data.Context.UTCOffsetSeconds != nil,
		values: valuesIn(data.Raw), hash: data.ContentHash, rule: data.HashVersion,
	}
	if data.ProviderModifiedAt != nil {
		s.modified = data.ProviderModifiedAt.UTC()
	}
	return s
}

// put keeps the winner.
func (k *knowledge) put(id string, v version) {
	known, found := k.versions[id]
	if found && !beats(v, known) {
		return
	}
	v.seen = v.seen || known.seen
	k.versions[id] = v
	if v.start.IsZero() || found && known.start.Equal(v.start) {
		return
	}
	at := step(v.start)
	if !slices.Contains(k.starts[at], id) {
		k.starts[at] = append(k.starts[at], id)
	}
}

func step(t time.Time) int64 { return t.Unix() / int64(twin.StartApart/time.Second) }

// judge says what becomes of a record that the export holds, and whether it is to
// be published.
func (k *knowledge) judge(id string, v version) (o outcome, publish bool) {
	known, found := k.versions[id]
	o = decide(known, found, v)
	switch {
	case o == alreadyThere && known.ours != "" && !known.seen:
		return known.ours, false // published before this import was interrupted
	case o == imported && v.foreign:
		v.seen = true
		if _, twin := k.twin(v); twin {
			return alreadyThere, false
		}
	}
	return o, o != alreadyThere
}

// see notes that the export holds a record.
func (k *knowledge) see(id string) {
	if v, found := k.versions[id]; found {
		v.seen = true
		k.versions[id] = v
	}
}

// twin finds the provider's own record of an activity that only an export knows
// under an id of its own. Two records of one export are never twins: the export
// has joined them already.
func (k *knowledge) twin(foreign version) (id string, found bool) {
	if foreign.start.IsZero() {
		return "", false
	}
	for at := step(foreign.start) - 1; at <= step(foreign.start)+1; at++ {
		for _, id := range k.starts[at] {
			v := k.versions[id]
			if v.foreign || v.seen && foreign.seen {
				continue
			}
			if twin.Are(v.start.Sub(foreign.start), v.duration-foreign.duration) {
				return id, true
			}
		}
	}
	return "", false
}

// superseded are the records that only an export knows and that have a twin now,
// in a fixed order.
func (k *knowledge) superseded() []string {
	var ids []string
	for id, v := range k.versions {
		if !v.foreign || v.removed {
			continue
		}
		if _, found := k.twin(v); found {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}
