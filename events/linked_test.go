package events_test

import (
	"bytes"
	"encoding/json"
	"os"
	"testing"

	"github.com/stridelog/stridelog/events"
)

// A workout event that says what its workout repeats is of the same type as one that
// does not. Its sample is frozen like theirs.
func TestAWorkoutEventMayCarryALink(t *testing.T) {
	text, err := os.ReadFile("testdata/samples/linked/stridelog.workout.updated.v1.json")
	if err != nil {
		t.Fatal(err)
	}
	var w wire
	if err := json.Unmarshal(text, &w); err != nil {
		t.Fatal(err)
	}
	sample := events.Message{Subject: w.Subject, Header: w.Header, Data: []byte(w.Data)}
	event, err := events.Decode(sample)
	if err != nil {
		t.Fatal(err)
	}
	data, ok := event.Data.(*events.WorkoutUpdated)
	if !ok || data.DuplicateOf == nil || *data.DuplicateOf != events.WorkoutID(sampleUser, "google_health", "910001") || data.LinkVersion != 44 {
		t.Fatalf("read as %+v", event.Data)
	}
	again, err := event.Encode()
	if err != nil || !bytes.Equal(again.Data, sample.Data) {
		t.Errorf("data changed (%v):\n  was %s\n  now %s", err, sample.Data, again.Data)
	}
	if err := validate(compile(t, events.TypeWorkoutUpdated), sample.Data); err != nil {
		t.Error(err)
	}
}
