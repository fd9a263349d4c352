package events

import "time"

// The names of the streams.
const (
	StreamFacts       = "STRIDELOG_FACTS"
	StreamSyncs       = "STRIDELOG_SYNCS"
	StreamWorkouts    = "STRIDELOG_WORKOUTS"
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
	// Atomic allows pages to be published as one unit. It excludes Derived.
	Atomic bool
	// Derived streams can be made again from the log, so an acknowledgement
	// need not wait for the disk.
	Derived bool
}

// DuplicateWindow is how long JetStream remembers a Nats-Msg-Id. It is a second
// net under the expected-last-sequence check, never the first.
const DuplicateWindow = 2 * time.Minute

const (
	syncRetention       = 90 * 24 * time.Hour
	workoutRetention    = 30 * 24 * time.Hour
	deadLetterRetention = 90 * 24 * time.Hour
)

// Streams lists every stream of the system.
func Streams() []Stream {
	return []Stream{
		{
			Name:        StreamFacts,
			Description: "What providers said and what people consented to; kept for ever",
			Subjects:    []string{subjectRoot + ".connection.>", subjectRoot + ".activity.>", subjectRoot + ".user.>"},
			Atomic:      true,
		},
		{
			Name:        StreamSyncs,
			Description: "Requests for syncs and how they ended",
			Subjects:    []string{subjectRoot + ".sync.>"},
			MaxAge:      syncRetention,
		},
		{
			Name:        StreamWorkouts,
			Description: "Normalized workouts, derived from the facts; rebuildable",
			Subjects:    []string{subjectRoot + ".workout.>"},
			MaxAge:      workoutRetention,
			Derived:     true,
		},
		{
			Name:        StreamDeadLetters,
			Description: "Events that a service could not handle, with the reason",
			Subjects:    []string{subjectRoot + "." + deadLetterEntity + ".>"},
			MaxAge:      deadLetterRetention,
		},
	}
}
