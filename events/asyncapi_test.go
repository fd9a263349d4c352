package events_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/events/internal/asyncapi"
)

// described is the part of the AsyncAPI document that the checks read.
type described struct {
	Channels map[string]struct {
		Address    string              `json:"address"`
		Parameters map[string]struct{} `json:"parameters"`
		Messages   map[string]ref      `json:"messages"`
		Stream     string              `json:"x-jetstream-stream"`
	} `json:"channels"`
	Operations map[string]struct {
		Channel  ref   `json:"channel"`
		Messages []ref `json:"messages"`
	} `json:"operations"`
	Components struct {
		Messages map[string]struct {
			Name string `json:"name"`
		} `json:"messages"`
	} `json:"components"`
	Streams map[string]struct {
		Subjects []string `json:"subjects"`
	} `json:"x-jetstream-streams"`
}

type ref struct {
	Ref string `json:"$ref"`
}

func TestTheAsyncAPIDocumentIsThatOfTheRegistry(t *testing.T) {
	want, err := asyncapi.Generate(".")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(want, events.AsyncAPI()) {
		t.Error("asyncapi.json is not that of the event types: run go generate ./...")
	}
	inYAML, err := asyncapi.YAML(want)
	if err != nil {
		t.Fatal(err)
	}
	committed, err := os.ReadFile("asyncapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(inYAML, committed) {
		t.Error("asyncapi.yaml does not say what asyncapi.json says: run go generate ./...")
	}
}

func TestTheAsyncAPIDocumentIsValid(t *testing.T) {
	text, err := os.ReadFile("testdata/asyncapi/3.0.0.json")
	if err != nil {
		t.Fatal(err)
	}
	official := compileAt(t, "http://asyncapi.com/schema-store/3.0.0.json", text, "")
	if err := validate(official, events.AsyncAPI()); err != nil {
		t.Error(err)
	}
	// The controls: faults in every corner of the document are found.
	for name, change := range map[string][2]string{
		"an operation's verb":  {`"action": "send"`, `"action": "shout"`},
		"an unknown member":    {`"address": "`, `"place": "`},
		"a schema's type":      {`"type": "integer"`, `"type": "whole"`},
		"a binding's version":  {`"bindingVersion": "0.1.0"`, `"bindingVersion": "9"`},
		"a reference to a map": {`"$ref": "#/channels/`, `"$rof": "#/channels/`},
	} {
		broken := bytes.ReplaceAll(events.AsyncAPI(), []byte(change[0]), []byte(change[1]))
		if bytes.Equal(broken, events.AsyncAPI()) {
			t.Errorf("the control %s changed nothing", name)
		} else if validate(official, broken) == nil {
			t.Errorf("the official schema accepts a fault in %s", name)
		}
	}
}

func TestTheAsyncAPIDocumentKnowsEveryTypeAndNoOther(t *testing.T) {
	if faults := lint(t, events.AsyncAPI()); len(faults) > 0 {
		t.Error(strings.Join(faults, "\n"))
	}
	for name, change := range map[string][2]string{
		"a type that nobody declares": {`"name": "stridelog.sync.finished.v1"`, `"name": "stridelog.sync.done.v1"`},
		"another subject":             {`stridelog.workout.updated.{provider}.{user_id}`, `stridelog.workout.changed.{provider}.{user_id}`},
		"a parameter without address": {`"erasure_id": {`, `"erasure": {`},
		"another stream":              {`"x-jetstream-stream": "STRIDELOG_SYNCS"`, `"x-jetstream-stream": "STRIDELOG_FACTS"`},
		"another stream's subjects":   {`"stridelog.user.>"`, `"stridelog.users.>"`},
		"a dangling reference":        {`"#/channels/userErased"`, `"#/channels/userForgotten"`},
	} {
		if faults := lint(t, bytes.ReplaceAll(events.AsyncAPI(), []byte(change[0]), []byte(change[1]))); len(faults) == 0 {
			t.Errorf("%s is not found", name)
		}
	}
}

// lint compares the document with the registry, both ways.
func lint(t *testing.T, text []byte) (faults []string) {
	t.Helper()
	var d described
	if err := json.Unmarshal(text, &d); err != nil {
		t.Fatal(err)
	}
	fault := func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) }
	declared := map[string]events.Descriptor{}
	for _, typ := range events.Types() {
		declared[string(typ.Type)] = typ
	}
	sent := map[string]bool{}
	for name, o := range d.Operations {
		c, ok := d.Channels[strings.TrimPrefix(o.Channel.Ref, "#/channels/")]
		if !ok {
			fault("%s: %s does not exist", name, o.Channel.Ref)
			continue
		}
		for key, m := range c.Messages {
			if own := o.Channel.Ref + "/messages/" + key; len(o.Messages) != 1 || o.Messages[0].Ref != own {
				fault("%s: its messages are not those of its channel", name)
			}
			wire := d.Components.Messages[strings.TrimPrefix(m.Ref, "#/components/messages/")].Name
			typ, known := declared[wire]
			if !known {
				fault("%s: no such type: %q", name, wire)
				continue
			}
			sent[wire] = true
			faults = append(faults, addressFaults(typ, c.Address, slices.Sorted(maps.Keys(c.Parameters)))...)
			if c.Stream != typ.Stream {
				fault("%s: stream %s, not %s", name, c.Stream, typ.Stream)
			}
		}
	}
	if len(sent) != len(declared) || len(d.Channels) != len(declared) || len(d.Components.Messages) != len(declared) {
		fault("%d types are sent, %d declared, with %d channels and %d messages", len(sent), len(declared), len(d.Channels), len(d.Components.Messages))
	}
	for _, s := range events.Streams() {
		if got := d.Streams[s.Name].Subjects; !slices.Equal(got, s.Subjects) {
			fault("stream %s: subjects %v, not %v", s.Name, got, s.Subjects)
		}
	}
	return faults
}

// addressFaults fills an address with values: what comes out must be the subject
// on which the type is published.
func addressFaults(typ events.Descriptor, address string, parameters []string) (faults []string) {
	values := map[string]string{"provider": "fitbit", "user_id": sampleUser, "erasure_id": sampleUser}
	provider := "fitbit"
	if typ.Type == events.TypeUserErased {
		provider = events.NoProvider
	}
	filled := address
	for _, name := range parameters {
		if !strings.Contains(address, "{"+name+"}") {
			faults = append(faults, fmt.Sprintf("%s: parameter %s is not in its address", typ.Type, name))
		}
		filled = strings.ReplaceAll(filled, "{"+name+"}", values[name])
	}
	if want, err := events.Subject(typ.Type, provider, sampleUser); err != nil || filled != want {
		faults = append(faults, fmt.Sprintf("%s: address %s gives %s, published is %s (%v)", typ.Type, address, filled, want, err))
	}
	return faults
}

func TestSamplesFitTheAsyncAPIDocument(t *testing.T) {
	for _, typ := range events.Types() {
		t.Run(string(typ.Type), func(t *testing.T) {
			sample := readSample(t, typ.Type)
			at := "#/components/messages/" + typ.GoName()
			headers := compileAt(t, "asyncapi.json", events.AsyncAPI(), at+"/headers")
			if err := validate(headers, flat(t, sample.Header)); err != nil {
				t.Error(err)
			}
			payload := compileAt(t, "asyncapi.json", events.AsyncAPI(), "#/components/schemas/"+typ.GoName())
			if err := validate(payload, sample.Data); err != nil {
				t.Error(err)
			}
			// The controls: another type's headers, and headers without an id.
			for name, value := range map[string][]string{events.HeaderType: {"stridelog.other.v1"}, events.HeaderID: nil} {
				changed := maps.Clone(sample.Header)
				changed[name] = value
				if validate(headers, flat(t, changed)) == nil {
					t.Errorf("the document accepts %s %v", name, value)
				}
			}
			if err := validate(payload, withMember(t, sample.Data, "unheard_of", "true")); err != nil {
				t.Errorf("the document refuses an unknown member: %v", err)
			}
			if validate(payload, []byte(`{"unheard_of":true}`)) == nil {
				t.Error("the document accepts a payload without its members")
			}
		})
	}
}

// flat is headers as a schema sees them: one text a name.
func flat(t *testing.T, header map[string][]string) []byte {
	t.Helper()
	one := map[string]string{}
	for name, values := range header {
		if len(values) > 0 {
			one[name] = values[0]
		}
	}
	text, err := json.Marshal(one)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// compileAt compiles the schema at a pointer of a document in AsyncAPI's
// dialect, which is a superset of JSON Schema's draft 7.
func compileAt(t *testing.T, name string, text []byte, pointer string) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	compiler.DefaultDraft(jsonschema.Draft7)
	compiler.AssertFormat()
	if err := compiler.AddResource(name, doc); err != nil {
		t.Fatal(err)
	}
	compiled, err := compiler.Compile(name + pointer)
	if err != nil {
		t.Fatal(err)
	}
	return compiled
}
