package imports

import (
	"hash/maphash"
	"time"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/provider"
)

// knowledge is what the log and the export at hand say of one person's activities
// at one provider. What it makes of them depends on what was said, not on the order:
// so imports end the same however the files of an export come in.
type knowledge struct {
	activities map[string]*activity // by external id
	routes     map[string]routes    // by external id of the activity
	person     person
	joins      joins
	logged     logged

	startedAt   time.Time // of this import: its own facts carry it
	seed        maphash.Seed
	normalizers provider.Normalizers
	format      records
}

// records are what an export's reader knows of the format of records.
type records interface {
	// Alone gives a companion as the record that it is by itself.
	Alone(companion string) (provider.Companion, bool)
	// Finish sets what follows from a record and its context.
	Finish(a *provider.ImportedActivity)
}

func newKnowledge(startedAt time.Time, n provider.Normalizers, format records) *knowledge {
	return &knowledge{
		activities: map[string]*activity{}, logged: logged{}, routes: map[string]routes{},
		startedAt: startedAt, seed: maphash.MakeSeed(), normalizers: n, format: format,
	}
}

// activity is what is known of one external id.
type activity struct {
	id      string
	foreign bool // the id is not of the provider's API

	// found says that the log has a version of it; winner is the one that wins there.
	found  bool
	winner version

	// told says that an export holds it. Best is the edition that stands among all that
	// exports hold, and said what that one's export says about it.
	told bool
	best provider.Edition
	said statement

	sighting provider.Sighting
	sighted  bool
	byAPI    bool // the sighting is of what the API said

	tracks []int  // offsets of its tracks, in seconds east; more than one contradict each other
	opaque string // a companion that is no record by itself
	held   bool   // this export holds it, and the log takes it
	seen   bool   // this export holds it, and it is counted
}

// version is the winning version of one external id in the log.
type version struct {
	sequence uint64 // math.MaxUint64 in a dry run, for what would be published
	origin   events.Origin
	removed  bool
	edition  provider.Edition
	context  uint64 // sum of it
	// ours says that this very import published it before it was interrupted, and
	// as what; it counts once.
	ours outcome
}

// activity is the one with an id, known or not.
func (k *knowledge) activity(id string) *activity {
	a, known := k.activities[id]
	if !known {
		a = &activity{id: id}
		k.activities[id] = a
	}
	return a
}

// read takes a message of the log in. One that cannot be read is passed over, as
// everybody else does.
func (k *knowledge) read(d bus.Delivery) {
	switch data := d.Event.Data.(type) {
	case *events.ActivityFetched:
		k.fetched(data, d.Sequence)
	case *events.ActivityRemoved:
		k.removed(data, d.Sequence)
	case *events.RouteFetched:
		k.readRoute(data)
	case *events.ContextFetched:
		k.addContextFact(data.ExternalID, data.Context, data.FetchedAt)
		k.logged.add(data.ExternalID, data.Context)
	}
}

func (k *knowledge) fetched(data *events.ActivityFetched, sequence uint64) {
	a := k.activity(data.ExternalID)
	record := provider.Record{Provider: data.Provider, ExternalID: data.ExternalID, Format: data.Format, Raw: data.Raw, Context: data.Context}
	v := version{sequence: sequence, origin: data.Origin, context: k.sum(data.Context)}
	if data.Origin == events.OriginImport {
		a.foreign = data.ForeignID
		reading := k.reading(record, data.ProviderModifiedAt)
		v.edition = reading.Edition
		if data.FetchedAt.Equal(k.startedAt) {
			v.ours = imported
			if data.ReplacesSequence > 0 {
				v.ours = enriched
			}
		}
		k.log(a, data.Context, k.addContext(a, data.Context, k.alone(data.Context.Companion), data.FetchedAt))
		k.offer(a, reading, newStatement(record, data.ForeignID, data.ProviderModifiedAt, sequence))
	} else if s, ok := k.normalizers.Sight(record); ok {
		a.byAPI = true
		k.sight(a, s)
	}
	a.put(v)
}

// removed takes in that a record is gone. What exports hold of it stays known.
func (k *knowledge) removed(data *events.ActivityRemoved, sequence uint64) {
	a := k.activity(data.ExternalID)
	v := a.winner
	v.sequence, v.origin, v.removed, v.ours = sequence, data.Origin, true, ""
	a.put(v)
	delete(k.routes, data.ExternalID)
}

// put keeps the winner.
func (a *activity) put(v version) {
	if !a.found || wins(v, a.winner) {
		a.found, a.winner = true, v
	}
}

// ofAPI says whether what the provider's API said of the activity stands.
func (a *activity) ofAPI() bool {
	return a.found && a.winner.origin.Rank() > events.OriginImport.Rank()
}
