// Package row turns the log's events into rows of the projector's tables. It is
// pure: the same event gives the same row, in any process, at any time.
package row

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/stridelog/stridelog/events"
)

// The events of a version's history.
const (
	EventRecorded = "recorded"
	EventUpdated  = "updated"
	EventRemoved  = "removed"
)

// ErrUnusable marks an event that decodes and yet cannot become a row: its ids
// are malformed or contradict its subject. Trying again will not help.
var ErrUnusable = errors.New("event cannot become a row")

// Version is one version of one activity.
type Version struct {
	WorkoutID  uuid.UUID
	Sequence   uint64 // of the fact
	OriginRank int16
	At         time.Time // the fact's time
	UserID     uuid.UUID
	Provider   string
	ExternalID string
	Event      string // recorded, updated, removed
	EventID    string // of the Workout* event that this version causes
	FactID     string
	Trace      string // traceparent that the announcement goes on with; empty for none
	Origin     string
	Format     *string // nil for a removal
	Removed    bool
	// NormalizerVersion is 0 for a removal and for an unknown format.
	NormalizerVersion int32
	// Problem says why the record gave no workout; nil when nothing is wrong.
	Problem *string

	// The rest is null for a removal and for a problem.
	Grade     *Grade
	StartTime *time.Time
	EndTime   *time.Time
	LocalDate *time.Time // midnight UTC of the civil day
	Type      *string
	Category  *string
	Doc       *string
	Details   []byte // JSON
}

// Connection is one entry of a connection's history.
type Connection struct {
	Sequence     uint64
	ConnectionID string
	UserID       uuid.UUID
	Provider     string
	Event        string
	Status       string
	Reason       string
	At           time.Time
}

// owner checks that the data is about the person and provider of its subject:
// erasure goes by subject, so a row about anybody else would escape it.
func owner(e events.Event, userID, provider string) (uuid.UUID, error) {
	if userID != e.UserID || provider != e.Provider {
		return uuid.UUID{}, fmt.Errorf("%w: its data is about another user or provider than its subject", ErrUnusable)
	}
	id, err := uuid.Parse(userID)
	if err != nil || id.String() != userID {
		return uuid.UUID{}, fmt.Errorf("%w: its user id is no UUID in lower case", ErrUnusable)
	}
	return id, nil
}

// storable refuses keys that a text column cannot hold as they are.
func storable(keys ...string) error {
	for _, k := range keys {
		if !events.Storable(k) {
			return fmt.Errorf("%w: one of its ids is no valid text", ErrUnusable)
		}
	}
	return nil
}

const maxProblem = 500 // characters

// problemText makes an error's text fit a column.
func problemText(text string) *string {
	text = strings.ReplaceAll(strings.ToValidUTF8(text, "\uFFFD"), "\x00", "")
	if r := []rune(text); len(r) > maxProblem {
		text = string(r[:maxProblem]) + "…"
	}
	return &text
}
