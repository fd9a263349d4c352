package e2e

import (
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/platform/bus/bustest"
)

// TestAnEventThatIsNotAsPublishedIsFound is the control of every log that conforms.
func TestAnEventThatIsNotAsPublishedIsFound(t *testing.T) {
	const user = "00000000-0000-4000-8000-000000000001"
	at := time.Date(2026, 5, 3, 17, 3, 0, 0, time.UTC)
	good, err := events.Event{
		ID: events.NewID(), Source: "stridelog/test", About: user, Time: at, Provider: "fitbit", UserID: user,
		Data: &events.WorkoutRecorded{WorkoutChange: events.WorkoutChange{
			WorkoutID: user, UserID: user, Provider: "fitbit", ExternalID: "1", Version: 1, FactID: user, At: at,
			Workout: &events.Workout{
				ID: user, UserID: user, ExternalID: "1", Type: "running", Category: "running", StartTime: at, EndTime: at, OffsetSource: "unknown",
				RecordingMethod: "unknown", HeartRateZones: []events.HeartRateZone{{Zone: "peak"}}, Version: 1,
			},
		}},
	}.Encode()
	if err != nil {
		t.Fatal(err)
	}
	b := bustest.New(t)
	store := func(change func(m *events.Message)) {
		m := events.Message{Subject: good.Subject, Data: good.Data, Header: map[string][]string{}}
		for name, values := range good.Header {
			m.Header[name] = values
		}
		change(&m)
		m.Header[nats.MsgIdHdr] = []string{events.NewID()}
		bustest.StoreMessage(t, b, m)
	}
	replaced := func(was, now string) func(*events.Message) {
		return func(m *events.Message) {
			text := strings.Replace(string(m.Data), was, now, 1)
			if text == string(m.Data) {
				t.Errorf("the payload has no %s", was)
			}
			m.Data = []byte(text)
		}
	}
	set := func(header, value string) func(*events.Message) {
		return func(m *events.Message) { m.Header[header] = []string{value} }
	}
	store(func(*events.Message) {})
	store(set("ce-source", "somebody/else")) // not judged
	if found := conforms(deadline(t), t, b.JetStream()); found.judged != 1 {
		t.Fatalf("%d events are judged, want the one of ours", found.judged)
	}
	for i, change := range []func(*events.Message){
		replaced(`"min_bpm":null`, `"min_bpm":"low"`),
		replaced(`"max_bpm":null,`, ``),
		replaced(`"start_time":"2026`, `"start_time":"of 2026`),
		replaced(`"provider":"fitbit",`, ``),
		set("ce-dataschema", events.SchemaURL(events.TypeSyncFinished)),
		set("ce-dataschema", "https://elsewhere.test/schemas/stridelog.workout.recorded.v1.json"),
		set("ce-dataschema", ""),
		set("ce-time", "yesterday"),
		set("ce-type", "stridelog.workout.recorded.v2"),
	} {
		store(change)
		found, err := conform(deadline(t), b.JetStream())
		if err != nil || found.judged != i+2 || found.faults != i+1 {
			t.Fatalf("after planted fault %d: %v; error: %v", i, found, err)
		}
	}
}
