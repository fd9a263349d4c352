package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"path"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/platform/waittest"
)

// contract is what the project publishes about its events: the schemas of payloads,
// under the names that ce-dataschema ends in, and the AsyncAPI document.
type contract struct {
	payloads map[string]*jsonschema.Schema // by the file's name
	headers  map[events.Type]*jsonschema.Schema
}

func newContract() *contract {
	return &contract{map[string]*jsonschema.Schema{}, map[events.Type]*jsonschema.Schema{}}
}

// conformance says what a log holds that the contract does not allow.
type conformance struct {
	judged int // events of this project
	faults int
	first  string
}

func (c conformance) String() string {
	return fmt.Sprintf("%d of %d events are not as published; first: %s", c.faults, c.judged, c.first)
}

// conform compares every event of a log with what is published about it. What a test
// has planted, under no source of ours, is not judged.
func conform(ctx context.Context, js jetstream.JetStream) (conformance, error) {
	known := newContract()
	var all conformance
	for _, stream := range []string{"STRIDELOG_FACTS", "STRIDELOG_SYNCS", "STRIDELOG_CHANGES"} {
		err := readAll(ctx, js, stream, "stridelog.>", func(m jetstream.Msg) error {
			if !strings.HasPrefix(m.Headers().Get("ce-source"), "stridelog/") {
				return nil
			}
			all.judged++
			if err := known.check(m.Headers(), m.Data()); err != nil {
				all.faults++
				if all.first == "" {
					all.first = fmt.Sprintf("%s on %s: %v", m.Headers().Get("ce-type"), m.Subject(), err)
				}
			}
			return nil
		})
		if err != nil {
			return all, fmt.Errorf("read %s: %w", stream, err)
		}
	}
	return all, nil
}

// check validates one event: its payload by the schema that its header names, its
// headers by the AsyncAPI document.
func (c *contract) check(header nats.Header, data []byte) error {
	named, err := url.Parse(header.Get("ce-dataschema"))
	if err != nil {
		return err
	}
	payload, err := c.payload(path.Base(named.Path))
	if err != nil {
		return err
	}
	if payload.ID != named.String() {
		return fmt.Errorf("its schema calls itself %s, and ce-dataschema names %s", payload.ID, named)
	}
	if err := valid(payload, data); err != nil {
		return err
	}
	headers, err := c.header(events.Type(header.Get("ce-type")))
	if err != nil {
		return err
	}
	flat := map[string]string{}
	for name := range header {
		flat[name] = header.Get(name)
	}
	text, err := json.Marshal(flat)
	if err != nil {
		return err
	}
	return valid(headers, text)
}

func (c *contract) payload(name string) (*jsonschema.Schema, error) {
	if s := c.payloads[name]; s != nil {
		return s, nil
	}
	text, ok := events.SchemaFile(name)
	if !ok {
		return nil, fmt.Errorf("no schema is published as %q", name)
	}
	s, err := compiled("file:///"+name, text, "", jsonschema.Draft2020)
	c.payloads[name] = s
	return s, err
}

func (c *contract) header(t events.Type) (*jsonschema.Schema, error) {
	if s := c.headers[t]; s != nil {
		return s, nil
	}
	d, err := events.Describe(t)
	if err != nil {
		return nil, err
	}
	// AsyncAPI's dialect is a superset of draft 7.
	s, err := compiled("file:///asyncapi.json", events.AsyncAPI(), "#/components/messages/"+d.GoName()+"/headers", jsonschema.Draft7)
	c.headers[t] = s
	return s, err
}

// compiled is the schema at a place of a document. Formats are checked.
func compiled(name string, text []byte, at string, draft *jsonschema.Draft) (*jsonschema.Schema, error) {
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	compiler := jsonschema.NewCompiler()
	compiler.DefaultDraft(draft)
	compiler.AssertFormat()
	if err := compiler.AddResource(name, doc); err != nil {
		return nil, err
	}
	return compiler.Compile(name + at)
}

func valid(s *jsonschema.Schema, text []byte) error {
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return err
	}
	return s.Validate(doc)
}

// conforms fails the test unless a log is as published, and holds something.
func conforms(ctx context.Context, t *testing.T, js jetstream.JetStream) conformance {
	t.Helper()
	found, err := conform(ctx, js)
	if err != nil || found.faults > 0 {
		t.Errorf("the log is not as its contract says: %v; error: %v", found, err)
	}
	return found
}

// conformAtTheEnd looks at the whole log once everything else of the test has ended.
// Every system of these tests passes here, or looks by itself.
func (w *world) conformAtTheEnd(t *testing.T) {
	t.Helper()
	t.Cleanup(func() {
		if !t.Failed() { // else the stores may be gone
			conformsAt(t, w.natsURL)
		}
	})
}

// conformsAt looks at the whole log of a NATS server, if a system ever ran there, and
// says how many events were looked at.
func conformsAt(t *testing.T, natsURL string) (judged int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), waittest.Bound(t)) // the test's own has ended
	defer cancel()
	nc, err := nats.Connect(natsURL)
	if err != nil {
		t.Errorf("look at the log: %v", err)
		return 0
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Error(err)
		return 0
	}
	found, err := conformRetried(ctx, js)
	switch {
	case errors.Is(err, jetstream.ErrStreamNotFound):
		return 0
	case err != nil || found.faults > 0:
		t.Errorf("the log is not as its contract says: %v; error: %v", found, err)
	}
	t.Logf("%d events of the log are as published", found.judged-found.faults)
	return found.judged
}

// oneLook bounds a look at a whole log. A cluster that has just lost a server leaves
// requests without an answer, so one that takes as long is made again.
const oneLook = time.Minute

func conformRetried(ctx context.Context, js jetstream.JetStream) (found conformance, err error) {
	for {
		look, cancel := context.WithTimeout(ctx, oneLook)
		if _, err = js.Stream(look, "STRIDELOG_FACTS"); err == nil {
			found, err = conform(look, js)
		}
		cancel()
		if !errors.Is(err, context.DeadlineExceeded) || ctx.Err() != nil {
			return found, err
		}
	}
}
