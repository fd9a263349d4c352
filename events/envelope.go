package events

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// The headers of an event: CloudEvents 1.0, NATS binary mode.
const (
	HeaderSpecVersion = "ce-specversion"
	HeaderID          = "ce-id"
	HeaderType        = "ce-type"
	HeaderSource      = "ce-source"
	HeaderSubject     = "ce-subject"
	HeaderTime        = "ce-time"
	HeaderDataSchema  = "ce-dataschema"
	HeaderContentType = "content-type"
	HeaderTraceParent = "traceparent"
	HeaderMsgID       = "Nats-Msg-Id"
)

const (
	// SpecVersion is the version of CloudEvents.
	SpecVersion = "1.0"
	// ContentType is that of every payload.
	ContentType = "application/json"

	schemaBase = "https://stridelog.dev/schemas/"
)

// Event is one event with its envelope.
type Event struct {
	ID     string // unique and, for facts and effects, deterministic
	Source string // the service that says it: stridelog/poller
	// About is the CloudEvents subject: the id of the entity the event is about.
	About       string
	Time        time.Time
	Provider    string // token of the NATS subject; NoProvider where none is concerned
	UserID      string // token of the NATS subject
	TraceParent string // W3C trace context; may be empty
	Data        Data
}

// Message is an event as it travels: what a NATS message holds, with no
// dependency on a NATS client.
type Message struct {
	Subject string
	Header  map[string][]string
	Data    []byte
}

// ErrUndecodable marks a message that is no event of ours: wrong headers, an
// unknown type, data that does not parse. Trying again will not help.
var ErrUndecodable = errors.New("message is not a readable event")

// Type is the type of the event's data.
func (e Event) Type() Type {
	if e.Data == nil {
		return ""
	}
	return e.Data.EventType()
}

// Encode writes the event as a CloudEvent in binary mode.
func (e Event) Encode() (Message, error) {
	if e.Data == nil || e.ID == "" || e.Source == "" || e.Time.IsZero() {
		return Message{}, fmt.Errorf("encode event %q: id, source, time and data are required", e.ID)
	}
	t := e.Type()
	if _, err := Describe(t); err != nil {
		return Message{}, fmt.Errorf("encode event: %w", err)
	}
	subject, err := Subject(t, e.Provider, e.UserID)
	if err != nil {
		return Message{}, fmt.Errorf("encode %s: %w", t, err)
	}
	data, err := encodeData(e.Data)
	if err != nil {
		return Message{}, fmt.Errorf("encode %s: %w", t, err)
	}
	list := [...][2]string{
		{HeaderSpecVersion, SpecVersion},
		{HeaderID, e.ID},
		{HeaderType, string(t)},
		{HeaderSource, e.Source},
		{HeaderSubject, e.About},
		{HeaderTime, e.Time.UTC().Format(time.RFC3339Nano)},
		{HeaderDataSchema, SchemaURL(t)},
		{HeaderContentType, ContentType},
		{HeaderTraceParent, e.TraceParent},
		{HeaderMsgID, e.ID},
	}
	header := make(map[string][]string, len(list))
	for i, h := range list {
		if h[1] != "" {
			header[h[0]] = list[i][1:]
		}
	}
	return Message{Subject: subject, Header: header, Data: data}, nil
}

// Decode reads a message back. Every error wraps ErrUndecodable. A record in the
// event may share the message's bytes, so neither may be changed.
func Decode(m Message) (Event, error) {
	get := func(name string) string {
		if v := m.Header[name]; len(v) > 0 {
			return v[0]
		}
		return ""
	}
	fail := func(err error) (Event, error) {
		return Event{}, fmt.Errorf("%w: %w", ErrUndecodable, err)
	}
	if v := get(HeaderSpecVersion); v != SpecVersion {
		return fail(fmt.Errorf("%s is %q, not %q", HeaderSpecVersion, v, SpecVersion))
	}
	d, err := Describe(Type(get(HeaderType)))
	if err != nil {
		return fail(err)
	}
	entity, name, provider, userID, err := ParseSubject(m.Subject)
	if err != nil {
		return fail(err)
	}
	if e, n, _ := d.Type.tokens(); e != entity || n != name {
		return fail(fmt.Errorf("type %s came on subject %s", d.Type, m.Subject))
	}
	id := get(HeaderID)
	if id == "" {
		return fail(fmt.Errorf("%s is missing", HeaderID))
	}
	at, err := time.Parse(time.RFC3339Nano, get(HeaderTime))
	if err != nil {
		return fail(fmt.Errorf("%s: %w", HeaderTime, err))
	}
	data := d.New()
	if err := decodeData(m.Data, data); err != nil {
		return fail(fmt.Errorf("data of %s %s: %w", d.Type, id, err))
	}
	return Event{
		ID: id, Source: get(HeaderSource), About: get(HeaderSubject), Time: at.UTC(),
		Provider: provider, UserID: userID, TraceParent: get(HeaderTraceParent), Data: data,
	}, nil
}

// SchemaURL names the JSON Schema of a type's data. It is a name; the schema
// itself is in this module and served by the gateway.
func SchemaURL(t Type) string { return schemaBase + string(t) + ".json" }

// encodeData calls MarshalJSON itself where there is one: json.Marshal would
// compact and escape a spliced record.
func encodeData(d Data) ([]byte, error) {
	if m, ok := d.(json.Marshaler); ok {
		return m.MarshalJSON()
	}
	return json.Marshal(d)
}

func decodeData(data []byte, into Data) error {
	if fact, ok := into.(*ActivityFetched); ok {
		return fact.read(data)
	}
	if u, ok := into.(json.Unmarshaler); ok {
		return u.UnmarshalJSON(data)
	}
	return json.Unmarshal(data, into)
}
