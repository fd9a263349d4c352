package row

import (
	"encoding/json"
	"fmt"

	"github.com/stridelog/stridelog/events"
)

// Announcement is the event that tells the world about this version. ok is false
// for a version that shows nothing.
// The link is what is known of the workout's; zero for nothing.
func (v *Version) Announcement(source string, link Link) (e events.Event, ok bool) {
	if v.Problem != nil {
		return events.Event{}, false
	}
	data := announcement{kind: v.Kind(), doc: v.Doc, details: v.Details, change: events.WorkoutChange{
		WorkoutID: v.WorkoutID.String(), UserID: v.UserID.String(), Provider: v.Provider, ExternalID: v.ExternalID,
		Version: v.Sequence, FactID: v.FactID, NormalizerVersion: int(v.NormalizerVersion), At: v.At,
		DuplicateOf: link.DuplicateOf, LinkVersion: link.Version,
	}}
	return events.Event{
		ID: v.EventID, Source: source, About: data.change.WorkoutID, Time: v.At,
		Provider: v.Provider, UserID: data.change.UserID, TraceParent: v.Trace, Data: data,
	}, true
}

// Link is which workout another one repeats, as of a version.
type Link struct {
	DuplicateOf *string // nil for none
	Version     uint64
}

// Kind is the type of the event that this version causes (decision 0005).
func (v *Version) Kind() events.Type {
	switch v.Event {
	case EventRecorded:
		return events.TypeWorkoutRecorded
	case EventUpdated:
		return events.TypeWorkoutUpdated
	default:
		return events.TypeWorkoutRemoved
	}
}

// announcement is the data of a Workout* event in the form that travels: the same
// JSON as events.WorkoutRecorded and its kin. The workout in it is the row's text;
// encoding it a second time would be a good part of what a fact costs.
type announcement struct {
	kind    events.Type
	change  events.WorkoutChange // without the workout
	doc     *string
	details []byte
}

// EventType implements events.Data.
func (a announcement) EventType() events.Type { return a.kind }

// MarshalJSON implements json.Marshaler.
func (a announcement) MarshalJSON() ([]byte, error) {
	out, err := json.Marshal(a.change)
	if err != nil || a.doc == nil {
		return out, err
	}
	doc := *a.doc
	if len(doc) < 3 || len(out) < 3 { // both are objects with members
		return nil, fmt.Errorf("announce workout %s: its document is empty", a.change.WorkoutID)
	}
	const frame = 32
	size := len(out) + len(doc) + len(a.details) + frame
	whole := append(make([]byte, 0, size), out[:len(out)-1]...)
	whole = append(append(whole, `,"workout":`...), doc[:len(doc)-1]...)
	if a.details != nil {
		whole = append(append(whole, `,"details":`...), a.details...)
	}
	return append(whole, "}}"...), nil
}
