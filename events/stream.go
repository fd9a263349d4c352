package events

import (
	"slices"
	"time"
)

// The names of the streams.
const (
	StreamFacts       = "STRIDELOG_FACTS"
	StreamSyncs       = "STRIDELOG_SYNCS"
	StreamChanges     = "STRIDELOG_CHANGES"
	StreamDeadLetters = "STRIDELOG_DEAD_LETTERS"
)

// BucketUploads is the object store that holds uploaded archives until they are
// imported. It is no part of the log.
const BucketUploads = "STRIDELOG_UPLOADS"

// UploadRetention is how long an upload stays that nobody takes.
const UploadRetention = 24 * time.Hour

// Stream says what a JetStream stream holds and how long. Whoever connects
// first declares it; declaring it again changes nothing.
type Stream struct {
	Name        string
	Description string
	Subjects    []string
	// MaxAge is how long a message is kept; zero is for ever.
	MaxAge time.Duration
	// Atomic allows pages to be published as one unit.
	Atomic bool
	// Derived streams can be made again from the facts.
	Derived bool
	// Succeeds names a stream of earlier programs that had these messages. They move
	// here with their sequences and times, and that stream is dropped.
	Succeeds string
}

// DuplicateWindow is how long JetStream remembers a Nats-Msg-Id. It is a second
// net under the expected-last-sequence check, never the first.
const DuplicateWindow = 2 * time.Minute

const (
	syncRetention       = 90 * 24 * time.Hour
	changeRetention     = 30 * 24 * time.Hour
	deadLetterRetention = 90 * 24 * time.Hour
)

// Streams lists every stream of the system.
func Streams() []Stream {
	return []Stream{
		{
			Name:        StreamFacts,
			Description: "What providers said and what people consented to; kept for ever",
			Subjects:    ofEntities("connection", "activity", "record", "chunk", "user"),
			Atomic:      true,
		},
		{
			Name:        StreamSyncs,
			Description: "Requests for syncs and how they ended",
			Subjects:    ofEntities("sync"),
			MaxAge:      syncRetention,
		},
		{
			Name:        StreamChanges,
			Description: "What changed in clean data, derived from the facts, in one order; rebuildable",
			Subjects:    ofEntities(derivedEntities()...),
			MaxAge:      changeRetention,
			Atomic:      true,
			Derived:     true,
			Succeeds:    "STRIDELOG_WORKOUTS",
		},
		{
			Name:        StreamDeadLetters,
			Description: "Events that a service could not handle, with the reason",
			Subjects:    ofEntities(deadLetterEntity),
			MaxAge:      deadLetterRetention,
		},
	}
}

// ofEntities are the subjects of all events about some entities.
func ofEntities(entities ...string) []string {
	list := make([]string, len(entities))
	for i, entity := range entities {
		list[i] = subjectRoot + "." + entity + ".>"
	}
	return list
}

// derivedEntities are what the events are about that say how derived data changed. One
// pattern for all of them, stridelog.*.changed.>, would claim subjects of the facts.
func derivedEntities() []string {
	var list []string
	for _, k := range Kinds().All() {
		for _, t := range k.Derived {
			if entity, _, _ := t.tokens(); !slices.Contains(list, entity) {
				list = append(list, entity)
			}
		}
	}
	return list
}

// isOwnEntity says whether a word is what events are about that are not derived data.
func isOwnEntity(word string) bool {
	return slices.Contains([]string{"connection", "activity", "record", "chunk", "user", "sync", deadLetterEntity}, word)
}
