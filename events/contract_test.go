package events_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/events/internal/schema"
)

// freeze writes samples of types that have none yet. It never touches one that
// exists: a frozen sample that no longer fits means the shape changed, and a
// changed shape needs a new version of the type.
var freeze = flag.Bool("freeze", false, "write samples for event types that have none")

// wire is how a sample file shows a NATS message.
type wire struct {
	Subject string              `json:"subject"`
	Header  map[string][]string `json:"header"`
	Data    string              `json:"data"` // the payload's exact bytes
}

func samplePath(t events.Type) string {
	return filepath.Join("testdata", "samples", string(t)+".json")
}

func readSample(t *testing.T, typ events.Type) events.Message {
	t.Helper()
	text, err := os.ReadFile(samplePath(typ))
	if err != nil {
		t.Fatalf("every event type has a frozen sample; make one with go test -run Samples -freeze: %v", err)
	}
	var w wire
	if err := json.Unmarshal(text, &w); err != nil {
		t.Fatal(err)
	}
	return events.Message{Subject: w.Subject, Header: w.Header, Data: []byte(w.Data)}
}

func TestSamplesAreReadAndWrittenUnchanged(t *testing.T) {
	for _, d := range events.Types() {
		t.Run(string(d.Type), func(t *testing.T) {
			if *freeze {
				freezeSample(t, d.Type)
			}
			sample := readSample(t, d.Type)
			event, err := events.Decode(sample)
			if err != nil {
				t.Fatal(err)
			}
			if event.Type() != d.Type {
				t.Fatalf("decoded as %s", event.Type())
			}
			again, err := event.Encode()
			if err != nil {
				t.Fatal(err)
			}
			if again.Subject != sample.Subject {
				t.Errorf("subject %s became %s", sample.Subject, again.Subject)
			}
			if !bytes.Equal(again.Data, sample.Data) {
				t.Errorf("data changed:\n  was %s\n  now %s", sample.Data, again.Data)
			}
			want, _ := json.Marshal(sample.Header)
			got, _ := json.Marshal(again.Header)
			if !bytes.Equal(want, got) {
				t.Errorf("headers changed:\n  was %s\n  now %s", want, got)
			}
		})
	}
}

func freezeSample(t *testing.T, typ events.Type) {
	t.Helper()
	if _, err := os.Stat(samplePath(typ)); err == nil {
		return
	}
	m, err := sampleEvent(t, typ).Encode()
	if err != nil {
		t.Fatal(err)
	}
	writeSample(t, samplePath(typ), m)
}

func writeSample(t *testing.T, path string, m events.Message) {
	t.Helper()
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(wire{m.Subject, m.Header, string(m.Data)}); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestSchemasAreThoseOfTheGoTypes(t *testing.T) {
	generated, err := schema.Generate(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range events.Types() {
		committed, err := events.Schema(d.Type)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(committed, generated[d.Type]) {
			t.Errorf("%s: the committed schema is not that of the Go type; run go generate ./... and, if the shape changed, give the type a new version", d.Type)
		}
	}
}

func TestSamplesFitTheirSchemas(t *testing.T) {
	for _, d := range events.Types() {
		t.Run(string(d.Type), func(t *testing.T) {
			compiled := compile(t, d.Type)
			data := readSample(t, d.Type).Data
			if err := validate(compiled, data); err != nil {
				t.Fatal(err)
			}
			// A member that a later program adds is no fault, at any depth.
			if err := validate(compiled, withMember(t, data, "unheard_of", "true")); err != nil {
				t.Errorf("the schema refuses an unknown member: %v", err)
			}
			if text, err := events.Schema(d.Type); err != nil || bytes.Contains(text, []byte(`"additionalProperties": false`)) {
				t.Errorf("the schema refuses unknown members somewhere: %v", err)
			}
			// The controls: a wrong value, and the lack of a required member.
			if validate(compiled, withMember(t, data, compiled.Required[0], "[]")) == nil {
				t.Errorf("the schema accepts a list as %s", compiled.Required[0])
			}
			if validate(compiled, []byte("{}")) == nil {
				t.Error("the schema accepts an empty object")
			}
		})
	}
}

// withMember is an object with one member set.
func withMember(t *testing.T, object []byte, name, value string) []byte {
	t.Helper()
	var members map[string]json.RawMessage
	if err := json.Unmarshal(object, &members); err != nil {
		t.Fatal(err)
	}
	members[name] = json.RawMessage(value)
	text, err := json.Marshal(members)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// A zone of which the provider gave only the name is what most records have.
func TestTheSchemaTakesNullsInHeartRateZones(t *testing.T) {
	e := sampleEvent(t, events.TypeWorkoutRecorded)
	data, ok := e.Data.(*events.WorkoutRecorded)
	if !ok {
		t.Fatal("the sample is no recorded workout")
	}
	for name, zones := range map[string][]events.HeartRateZone{"nulls in a zone": {{Zone: "peak"}}, "no zone": {}, "null": nil} {
		data.Workout.HeartRateZones = zones
		m, err := e.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if err := validate(compile(t, events.TypeWorkoutRecorded), m.Data); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func compile(t *testing.T, typ events.Type) *jsonschema.Schema {
	t.Helper()
	text, err := events.Schema(typ)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	if err := compiler.AddResource(events.SchemaURL(typ), doc); err != nil {
		t.Fatal(err)
	}
	compiled, err := compiler.Compile(events.SchemaURL(typ))
	if err != nil {
		t.Fatal(err)
	}
	return compiled
}

func validate(s *jsonschema.Schema, data []byte) error {
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		return err
	}
	return s.Validate(doc)
}

func TestEveryTypeHasOneStreamThatTakesItsSubject(t *testing.T) {
	for _, d := range events.Types() {
		subject, err := events.Subject(d.Type, "fitbit", "11111111-2222-4333-8444-555555555555")
		if err != nil {
			t.Fatal(err)
		}
		var takers []string
		for _, s := range events.Streams() {
			for _, filter := range s.Subjects {
				if matches(filter, subject) {
					takers = append(takers, s.Name)
				}
			}
		}
		if len(takers) != 1 || takers[0] != d.Stream {
			t.Errorf("%s on %s: declared in %s, taken by %v", d.Type, subject, d.Stream, takers)
		}
	}
}

func TestDecodeRefusesWhatItCannotRead(t *testing.T) {
	good := readSample(t, events.TypeActivityFetched)
	if _, err := events.Decode(good); err != nil {
		t.Fatalf("the control: %v", err)
	}
	change := func(name, value string) events.Message {
		m := events.Message{Subject: good.Subject, Data: good.Data, Header: map[string][]string{}}
		for k, v := range good.Header {
			m.Header[k] = v
		}
		m.Header[name] = []string{value}
		return m
	}
	for name, m := range map[string]events.Message{
		"no headers":    {Subject: good.Subject, Data: good.Data},
		"spec version":  change(events.HeaderSpecVersion, "0.3"),
		"no type":       change(events.HeaderType, ""),
		"not a type":    change(events.HeaderType, "stridelog.activity.fetched"),
		"no version":    change(events.HeaderType, "stridelog.activity.fetched.v0"),
		"unknown event": change(events.HeaderType, "stridelog.activity.paused.v1"),
		"other type":    change(events.HeaderType, string(events.TypeActivityRemoved)),
		"no id":         change(events.HeaderID, ""),
		"bad time":      change(events.HeaderTime, "yesterday"),
		"not JSON":      {Subject: good.Subject, Header: good.Header, Data: []byte("<html>")},
		"foreign topic": {Subject: "stridelog.activity.fetched", Header: good.Header, Data: good.Data},
	} {
		if _, err := events.Decode(m); !errors.Is(err, events.ErrUndecodable) {
			t.Errorf("%s: got %v, want ErrUndecodable", name, err)
		}
	}
}
