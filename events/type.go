package events

import (
	"fmt"
	"reflect"
	"strings"
)

// Type is the wire name of an event, with its version:
// stridelog.<entity>.<event>.v<version>.
type Type string

// The event types. Each has one Go data type, one JSON Schema
// (schemas/<type>.json) and one frozen sample (testdata/samples/<type>.json).
const (
	TypeConnectionActivated     Type = "stridelog.connection.activated.v1"
	TypeConnectionStatusChanged Type = "stridelog.connection.status_changed.v1"
	TypeConnectionRevoked       Type = "stridelog.connection.revoked.v1"
	TypeSyncRequested           Type = "stridelog.sync.requested.v1"
	TypeSyncFinished            Type = "stridelog.sync.finished.v1"
	TypeActivityFetched         Type = "stridelog.activity.fetched.v1"
	TypeActivityRemoved         Type = "stridelog.activity.removed.v1"
	TypeRouteFetched            Type = "stridelog.activity.route_fetched.v1"
	TypeContextFetched          Type = "stridelog.activity.context_fetched.v1"
	TypeRecordFetched           Type = "stridelog.record.fetched.v1"
	TypeRecordRemoved           Type = "stridelog.record.removed.v1"
	TypeChunkFetched            Type = "stridelog.chunk.fetched.v1"
	TypeChunkRemoved            Type = "stridelog.chunk.removed.v1"
	TypeWorkoutRecorded         Type = "stridelog.workout.recorded.v1"
	TypeWorkoutUpdated          Type = "stridelog.workout.updated.v1"
	TypeWorkoutRemoved          Type = "stridelog.workout.removed.v1"
	TypeWorkoutLinked           Type = "stridelog.workout.linked.v1"
	TypeUserErased              Type = "stridelog.user.erased.v1"
)

// Data is the typed payload of one event type.
type Data interface {
	// EventType is the wire name this payload travels under.
	EventType() Type
}

// Descriptor ties a type's wire name to its Go type and its stream.
type Descriptor struct {
	Type   Type
	Stream string
	// Says is one sentence for the generated documents.
	Says string
	// New returns a pointer to a zero payload, ready to be decoded into.
	New func() Data
}

// Types lists every event type, in the order of the documents.
func Types() []Descriptor {
	all := registry()
	return all[:]
}

// registry is an array, so that looking a type up, as every event does more than
// once, needs no memory of its own.
func registry() [18]Descriptor {
	return [...]Descriptor{
		{TypeConnectionActivated, StreamFacts, "A person gave consent, for the first time or again.", func() Data { return &ConnectionActivated{} }},
		{TypeConnectionStatusChanged, StreamFacts, "A connection's status changed.", func() Data { return &ConnectionStatusChanged{} }},
		{TypeConnectionRevoked, StreamFacts, "A connection ended.", func() Data { return &ConnectionRevoked{} }},
		{TypeSyncRequested, StreamSyncs, "Somebody asked for a window to be read.", func() Data { return &SyncRequested{} }},
		{TypeSyncFinished, StreamSyncs, "A sync ended, or was put off.", func() Data { return &SyncFinished{} }},
		{TypeActivityFetched, StreamFacts, "A provider sent a record that is new or has changed.", func() Data { return &ActivityFetched{} }},
		{TypeActivityRemoved, StreamFacts, "A provider no longer has a record.", func() Data { return &ActivityRemoved{} }},
		{TypeRouteFetched, StreamFacts, "A provider sent where an activity went.", func() Data { return &RouteFetched{} }},
		{TypeContextFetched, StreamFacts, "A file of an export said something about a person or an activity beside its records.", func() Data { return &ContextFetched{} }},
		{TypeRecordFetched, StreamFacts, "A provider sent a record of any kind that is new or has changed.", func() Data { return &RecordFetched{} }},
		{TypeRecordRemoved, StreamFacts, "A record of any kind no longer counts.", func() Data { return &RecordRemoved{} }},
		{TypeChunkFetched, StreamFacts, "A provider sent samples of a series that are new or have changed.", func() Data { return &ChunkFetched{} }},
		{TypeChunkRemoved, StreamFacts, "Samples of a series no longer count.", func() Data { return &ChunkRemoved{} }},
		{TypeWorkoutRecorded, StreamChanges, "A workout exists that did not exist before.", func() Data { return &WorkoutRecorded{} }},
		{TypeWorkoutUpdated, StreamChanges, "A workout has a new version.", func() Data { return &WorkoutUpdated{} }},
		{TypeWorkoutRemoved, StreamChanges, "A workout is gone.", func() Data { return &WorkoutRemoved{} }},
		{TypeWorkoutLinked, StreamChanges, "A workout is another record of the same one as another, or no longer.", func() Data { return &WorkoutLinked{} }},
		{TypeUserErased, StreamFacts, "A person's data was erased.", func() Data { return &UserErased{} }},
	}
}

// Describe returns the descriptor of a type name, or an error that names the
// types there are.
func Describe(t Type) (Descriptor, error) {
	all := registry()
	for i := range all {
		if all[i].Type == t {
			return all[i], nil
		}
	}
	known := make([]string, 0, len(all)) // only now: every event passes here
	for _, d := range Types() {
		known = append(known, string(d.Type))
	}
	return Descriptor{}, fmt.Errorf("unknown event type %q; this version knows %s", t, strings.Join(known, ", "))
}

// tokens are the second and third token of the type's subject: "activity" and
// "fetched" for stridelog.activity.fetched.v1. ok is false for what is no type's name.
func (t Type) tokens() (entity, event string, ok bool) {
	root, rest, _ := strings.Cut(string(t), ".")
	entity, rest, _ = strings.Cut(rest, ".")
	event, version, _ := strings.Cut(rest, ".")
	if root != subjectRoot || checkToken("entity", entity) != nil || checkToken("event", event) != nil || !isVersion(version) {
		return "", "", false
	}
	return entity, event, true
}

// isVersion says whether the last token of a type's name is v1, v2, …
func isVersion(token string) bool {
	digits, ok := strings.CutPrefix(token, "v")
	if !ok || digits == "" || digits[0] == '0' {
		return false
	}
	for _, c := range digits {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}

func notAType(t Type) error {
	return fmt.Errorf("event type %q is not of the form %s.<entity>.<event>.v<version>", t, subjectRoot)
}

// GoName is the name of the payload's Go type, which the documents use as a title.
func (d Descriptor) GoName() string {
	return reflect.TypeOf(d.New()).Elem().Name()
}
