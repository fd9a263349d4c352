package events

import (
	"crypto/sha1" //nolint:gosec // see derive
	"strconv"

	"github.com/google/uuid"
)

// namespace is the root of every derived id, 6f1c2a52-5c2e-5d1b-9a55-3f0a2d7be0c4.
// It never changes: ids must be the same after every rebuild.
func namespace() uuid.UUID {
	return uuid.UUID{0x6f, 0x1c, 0x2a, 0x52, 0x5c, 0x2e, 0x5d, 0x1b, 0x9a, 0x55, 0x3f, 0x0a, 0x2d, 0x7b, 0xe0, 0xc4}
}

// derive makes a UUIDv5 of a kind and its parts. Parts are length-prefixed, so
// that no two different lists make the same id.
func derive(kind string, parts ...string) string {
	const usual = 256 // bytes, on the stack
	root := namespace()
	text := append(append(make([]byte, 0, usual), root[:]...), kind...)
	for _, p := range parts {
		text = strconv.AppendInt(append(text, 0), int64(len(p)), 10)
		text = append(append(text, ':'), p...)
	}
	// RFC 9562, section 5.5.
	sum := sha1.Sum(text) //nolint:gosec // what UUIDv5 is made of; nothing is kept secret by it
	id := uuid.UUID(sum[:16])
	id[6] = id[6]&0x0f | 0x50
	id[8] = id[8]&0x3f | 0x80
	return id.String()
}

// NewID is a random event or entity id.
func NewID() string { return uuid.NewString() }

// WorkoutID is the id of a workout: the same for one user's record however it
// came in (two users of one provider account never share one).
func WorkoutID(userID, provider, externalID string) string {
	return derive("workout", userID, provider, externalID)
}

// ActivityFactID is the ce-id of an activity fact. It covers the sequence the
// fact replaces, so that a record changed from A to B and back to A makes three
// facts and not two. For a removal the hash is empty.
func ActivityFactID(t Type, userID, provider, externalID string, replaces uint64, contentHash string) string {
	return derive("activity", string(t), userID, provider, externalID, strconv.FormatUint(replaces, 10), contentHash)
}

// WorkoutEventID is the ce-id of the Workout* event that a fact causes. It
// depends on the fact alone, so an announcement that is repeated after a crash
// is the same event.
func WorkoutEventID(t Type, workoutID, factID string) string {
	return derive("workout_event", string(t), workoutID, factID)
}

// WorkoutRevisionID is the ce-id of the Workout* event by which a rebuild says that
// a later normalizer reads the same fact otherwise. It is another event than the
// fact's own, and the same however often that normalizer's reading is announced.
func WorkoutRevisionID(t Type, workoutID, factID string, normalizerVersion int) string {
	return derive("workout_revision", string(t), workoutID, factID, strconv.Itoa(normalizerVersion))
}

// WorkoutLinkedID is the ce-id of the n-th WorkoutLinked about a workout. One that is
// repeated after a crash is the same event.
func WorkoutLinkedID(workoutID string, linkVersion uint64, n int64) string {
	return derive("workout_linked", workoutID, strconv.FormatUint(linkVersion, 10), strconv.FormatInt(n, 10))
}

// SyncID is the id of a sync that another event caused: the initial sync of a
// consent, for one. Redelivery of the cause finds the same sync.
func SyncID(cause string) string { return derive("sync", cause) }

// SyncFinishedID is the ce-id of the n-th report about a sync (a deferred sync
// reports more than once).
func SyncFinishedID(syncID string, report int) string {
	return derive("sync_finished", syncID, strconv.Itoa(report))
}
