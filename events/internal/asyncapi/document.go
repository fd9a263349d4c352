// Package asyncapi makes the AsyncAPI document of the event contract from its
// registry: event types, subjects, headers, payloads and streams.
package asyncapi

import (
	"fmt"
	"strings"
	"unicode"

	"github.com/invopop/jsonschema"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/events/internal/schema"
)

// The members of AsyncAPI 3.0 that the document uses. AsyncAPI has no word for a
// JetStream stream, so the members that begin with x- are ours.
type (
	document struct {
		AsyncAPI           string               `json:"asyncapi"`
		ID                 string               `json:"id"`
		Info               info                 `json:"info"`
		DefaultContentType string               `json:"defaultContentType"`
		Servers            map[string]server    `json:"servers"`
		Channels           map[string]channel   `json:"channels"`
		Operations         map[string]operation `json:"operations"`
		Components         components           `json:"components"`
		Streams            map[string]stream    `json:"x-jetstream-streams"`
	}
	info struct {
		Title       string            `json:"title"`
		Version     string            `json:"version"`
		Description string            `json:"description"`
		License     map[string]string `json:"license"`
		Tags        []tag             `json:"tags"`
	}
	tag struct {
		Name string `json:"name"`
	}
	server struct {
		Host        string               `json:"host"`
		Protocol    string               `json:"protocol"`
		Description string               `json:"description"`
		Variables   map[string]parameter `json:"variables"`
	}
	parameter struct {
		Description string   `json:"description"`
		Default     string   `json:"default,omitempty"`
		Examples    []string `json:"examples,omitempty"`
	}
	channel struct {
		Address    string               `json:"address"`
		Title      string               `json:"title"`
		Summary    string               `json:"summary"`
		Parameters map[string]parameter `json:"parameters"`
		Messages   map[string]ref       `json:"messages"`
		Tags       []tag                `json:"tags"`
		Stream     string               `json:"x-jetstream-stream"`
	}
	operation struct {
		Action   string                       `json:"action"`
		Summary  string                       `json:"summary"`
		Channel  ref                          `json:"channel"`
		Messages []ref                        `json:"messages"`
		Bindings map[string]map[string]string `json:"bindings"`
	}
	components struct {
		Messages map[string]message            `json:"messages"`
		Schemas  map[string]*jsonschema.Schema `json:"schemas"`
	}
	message struct {
		Name        string             `json:"name"`
		Title       string             `json:"title"`
		Summary     string             `json:"summary"`
		ContentType string             `json:"contentType"`
		Headers     *jsonschema.Schema `json:"headers"`
		Payload     ref                `json:"payload"`
	}
	stream struct {
		Description string   `json:"description"`
		Subjects    []string `json:"subjects"`
		// MaxAgeSeconds is absent where messages are kept for ever.
		MaxAgeSeconds int64 `json:"max_age_seconds,omitempty"`
		Derived       bool  `json:"derived"`
	}
	ref struct {
		Ref string `json:"$ref"`
	}
)

const (
	natsBindingVersion = "0.1.0"
	headersName        = "CloudEventHeaders"

	description = `What Stridelog says on NATS. Every event is a CloudEvent 1.0 in binary mode: the attributes are headers, the payload is JSON.
Subjects are stridelog.<entity>.<event>.<provider>.<user_id>, so * in one place subscribes to one kind, one provider or one person.
A payload may have more members than its schema lists, and an update may bring types that you do not know: pass over both.
Delivery is at least once: of several events about one workout keep the highest version, and know an event again by its ce-id.
The operations are seen from Stridelog: it sends, you subscribe. docs/events.md shows how.`
)

// Generate returns the document as JSON. The folder is that of the module's
// source, whose comments become descriptions.
func Generate(sourceDir string) ([]byte, error) {
	payloads, err := schema.Reflect(sourceDir)
	if err != nil {
		return nil, err
	}
	d := document{
		AsyncAPI: "3.0.0", ID: "urn:stridelog:events",
		Info: info{Title: "Stridelog events", Version: "1", Description: description,
			License: map[string]string{"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"}},
		DefaultContentType: events.ContentType,
		Servers: map[string]server{"nats": {
			Host: "{host}:{port}", Protocol: "nats",
			Description: "The installation's NATS server, as in NATS_URL; 2.12 or newer, with JetStream.",
			Variables: map[string]parameter{
				"host": {Description: "Where the server runs.", Default: "localhost"},
				"port": {Description: "Embedded servers take a free port and print it.", Default: "4222"},
			}}},
		Channels: map[string]channel{}, Operations: map[string]operation{}, Streams: map[string]stream{},
		Components: components{
			Messages: map[string]message{},
			Schemas:  map[string]*jsonschema.Schema{headersName: commonHeaders()},
		},
	}
	for _, t := range events.Types() {
		if err := d.add(t, *payloads[t.Type]); err != nil {
			return nil, fmt.Errorf("AsyncAPI of %s: %w", t.Type, err)
		}
	}
	for _, s := range events.Streams() {
		d.Streams[s.Name] = stream{s.Description, s.Subjects, int64(s.MaxAge.Seconds()), s.Derived}
	}
	return schema.Render(d)
}

// add describes one event type. Its payload loses the members with which a
// schema stands alone: here it is a part, in the dialect of AsyncAPI.
func (d *document) add(t events.Descriptor, payload jsonschema.Schema) error {
	address, parameters, err := address(t.Type)
	if err != nil {
		return err
	}
	name := t.GoName()
	entity := strings.Split(address, ".")[1]
	key := string(unicode.ToLower(rune(name[0]))) + name[1:]
	d.tag(entity)
	payload.Version, payload.ID = "", ""
	d.Components.Schemas[name] = &payload
	d.Components.Messages[name] = message{
		Name: string(t.Type), Title: name, Summary: t.Says, ContentType: events.ContentType,
		Headers: headers(t.Type), Payload: ref{"#/components/schemas/" + name},
	}
	d.Channels[key] = channel{
		Address: address, Title: name, Summary: t.Says, Parameters: parameters,
		Messages: map[string]ref{key: {"#/components/messages/" + name}}, Tags: []tag{{entity}}, Stream: t.Stream,
	}
	d.Operations["send"+name] = operation{
		Action: "send", Summary: t.Says, Channel: ref{"#/channels/" + key},
		Messages: []ref{{"#/channels/" + key + "/messages/" + key}},
		Bindings: map[string]map[string]string{"nats": {"bindingVersion": natsBindingVersion}},
	}
	return nil
}

// tag lists an entity among the document's tags, once.
func (d *document) tag(entity string) {
	for _, known := range d.Info.Tags {
		if known.Name == entity {
			return
		}
	}
	d.Info.Tags = append(d.Info.Tags, tag{entity})
}

// address is a type's subject with parameters in place of what varies.
func address(t events.Type) (string, map[string]parameter, error) {
	provider := parameter{Description: "A provider's name.", Examples: []string{"fitbit"}}
	user := parameter{Description: "The person: a random UUID, the user id of the REST API.", Examples: []string{"7d3c8a52-07b5-4b7e-9a39-0d6f8f0f7a11"}}
	pattern, wild := events.TypeSubjects(t), ".*.*"
	if !strings.HasSuffix(pattern, wild) {
		return "", nil, fmt.Errorf("its subjects are %q, which do not end in %s", pattern, wild)
	}
	base := strings.TrimSuffix(pattern, wild)
	if t == events.TypeUserErased {
		erasure := parameter{Description: "The erasure's id: the person's own is not said any more.", Examples: user.Examples}
		return base + "." + events.NoProvider + ".{erasure_id}", map[string]parameter{"erasure_id": erasure}, nil
	}
	return base + ".{provider}.{user_id}", map[string]parameter{"provider": provider, "user_id": user}, nil
}
