package imports

import (
	"cmp"
	"context"
	"strconv"
	"time"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/provider"
)

// addContextFact takes in what an export or the log says beside records, of the person or of the
// activity with an id.
func (k *knowledge) addContextFact(id string, c events.ActivityContext, at time.Time) {
	k.person.addContext(c, at)
	if id != "" && c.UTCOffsetSeconds != nil {
		k.activity(id).addTrack(*c.UTCOffsetSeconds)
	}
}

// addContexts takes in what the export at hand says so.
func (k *knowledge) addContexts(all []provider.ImportedContext) {
	for _, c := range all {
		k.addContextFact(c.ExternalID, c.Context, k.startedAt)
	}
}

// logged is what the log says of the person, or of the offset of an activity's track.
// All of it is found again by reading the log.
type logged map[contextValue]bool

type contextValue struct{ id, what, value string }

func (l logged) add(id string, c events.ActivityContext) {
	for _, s := range contextValues(id, c) {
		l[s] = true
	}
}

// contextValues are what a context says of the person or, of an activity, the offset.
func contextValues(id string, c events.ActivityContext) []contextValue {
	all := []contextValue{{"", "zone", c.TimeZone}, {"", "unit", c.DistanceUnit}, {"", "locale", c.Locale}}
	if id != "" && c.UTCOffsetSeconds != nil {
		all = append(all, contextValue{id, "offset", strconv.Itoa(*c.UTCOffsetSeconds)})
	}
	return all
}

// log notes what a record's fact says; track is the offset that its track said.
func (k *knowledge) log(a *activity, c events.ActivityContext, track *int) {
	c.UTCOffsetSeconds = track
	k.logged.add(a.id, c)
}

// unlogged are the contexts of an export that say what the log does not, without the
// rest.
func (k *knowledge) unlogged(all []provider.ImportedContext) []provider.ImportedContext {
	var left []provider.ImportedContext
	for _, c := range all {
		missing := false
		for _, s := range contextValues(c.ExternalID, c.Context) {
			missing = missing || s.value != "" && !k.logged[s]
		}
		if missing {
			left = append(left, c)
		}
	}
	return left
}

// note publishes what the export says beside its records and no fact of a record
// says: so it counts for records that come with a later import.
func (r *run) note(ctx context.Context, all []provider.ImportedContext) error {
	var left []provider.ImportedContext
	return r.write(ctx, func() ([]events.Event, error) {
		left = r.known.unlogged(all)
		facts := make([]events.Event, 0, len(left))
		for _, c := range left {
			facts = append(facts, r.contextFact(c))
		}
		return facts, nil
	}, func(i int, _ uint64) { r.known.logged.add(left[i].ExternalID, left[i].Context) })
}

func (r *run) contextFact(c provider.ImportedContext) events.Event {
	return r.event(cmp.Or(c.ExternalID, r.lease.UserID), &events.ContextFetched{
		UserID: r.lease.UserID, Provider: r.lease.Provider, ExternalID: c.ExternalID, Context: c.Context,
		Origin: events.OriginImport, FetchedAt: *r.lease.StartedAt,
	}, events.ContextFactID(r.lease.UserID, r.lease.Provider, c.ExternalID, c.Context))
}
