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
	// HeaderKind is the kind of data that a fact about a record is of. Facts that are
	// older than kinds (stridelog.activity.*) have none.
	HeaderKind = "ce-kind"
)

const (
	// SpecVersion is the version of CloudEvents.
	SpecVersion = "1.0"
	// ContentType is that of every payload.
	ContentType = "application/json"
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

// ErrUndecodable marks a message that is no event of ours: wrong headers, a type that
// is not that of the subject, data that is not what the type says. Trying again will
// not help. A type that this program does not know is no such fault: see Unknown.
var ErrUndecodable = errors.New("message is not a readable event")

// Type is the type of the event's data.
func (e Event) Type() Type {
	if e.Data == nil {
		return ""
	}
	return e.Data.EventType()
}

// Encode writes the event as a CloudEvent in binary mode. It refuses what Decode would
// refuse.
func (e Event) Encode() (Message, error) {
	t := e.Type()
	if err := errors.Join(checkEnvelope(&e), checkData(&e)); err != nil {
		return Message{}, fmt.Errorf("encode event %q of type %s: %w", e.ID, t, err)
	}
	if _, err := Describe(t); err != nil && !e.Unknown() {
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
		{HeaderKind, kindOf(e.Data)},
	}
	header := make(map[string][]string, len(list))
	for i, h := range list {
		if h[1] != "" {
			header[h[0]] = list[i][1:]
		}
	}
	return Message{Subject: subject, Header: header, Data: data}, nil
}

// Decode reads a message back. There are three results:
//
//   - An event of a type in Types: Data is a pointer to that type's Go struct. Its
//     required members are there, its ids are ids, its texts are texts that PostgreSQL
//     holds, and its owner is that of the subject. Members that this program does not
//     know are passed over; the message still has them.
//   - An event of any other type, also of another version of a type in Types, whose
//     envelope is in order: Data is an *Unknown with the payload as it came, and
//     Event.Unknown is true. There is no error.
//   - No event: the error wraps ErrUndecodable, and the Event is empty.
//
// The subject's entity and event are those of ce-type in both of the first. A record
// in the event may share the message's bytes, so neither may be changed.
func Decode(m Message) (Event, error) {
	e, err := decode(m)
	if err != nil {
		return Event{}, fmt.Errorf("%w: %w", ErrUndecodable, err)
	}
	return e, nil
}

func decode(m Message) (Event, error) {
	get := func(name string) string {
		if v := m.Header[name]; len(v) > 0 {
			return v[0]
		}
		return ""
	}
	if v := get(HeaderSpecVersion); v != SpecVersion {
		return Event{}, fmt.Errorf("%s is %q, not %q", HeaderSpecVersion, v, SpecVersion)
	}
	entity, name, provider, userID, err := ParseSubject(m.Subject)
	if err != nil {
		return Event{}, err
	}
	t := Type(get(HeaderType))
	if e, n, ok := t.tokens(); !ok {
		return Event{}, notAType(t)
	} else if e != entity || n != name {
		return Event{}, fmt.Errorf("type %s came on subject %s", t, m.Subject)
	}
	at, err := time.Parse(time.RFC3339Nano, get(HeaderTime))
	if err != nil {
		return Event{}, fmt.Errorf("%s is no time of RFC 3339", HeaderTime)
	}
	event := Event{
		ID: get(HeaderID), Source: get(HeaderSource), About: get(HeaderSubject), Time: at.UTC(),
		Provider: provider, UserID: userID, TraceParent: traceParent(get(HeaderTraceParent)),
	}
	if err := checkEnvelope(&event); err != nil {
		return Event{}, err
	}
	d, err := Describe(t)
	if err != nil {
		event.Data = &Unknown{Type: t, Payload: m.Data}
		return event, nil
	}
	event.Data = d.New()
	if err := decodeData(m.Data, event.Data); err != nil {
		return Event{}, fmt.Errorf("data of %s %s: %w", t, event.ID, err)
	}
	if err := checkData(&event); err != nil {
		return Event{}, fmt.Errorf("data of %s %s: %w", t, event.ID, err)
	}
	if kind := kindOf(event.Data); kind != "" && get(HeaderKind) != kind {
		return Event{}, fmt.Errorf("%s of %s %s is not the kind that its data says", HeaderKind, t, event.ID)
	}
	return event, nil
}

// kindOf is the kind that a payload names; empty for one that names none.
func kindOf(d Data) string {
	if k, ok := d.(kinded); ok {
		return k.kind()
	}
	return ""
}

// traceParent is a W3C trace context, or nothing: a broken one begins a new trace, as
// that standard says, and does not spoil an event.
func traceParent(header string) string {
	const usual = len("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
	if len(header) != usual {
		return ""
	}
	for i := range len(header) {
		switch c := header[i]; {
		case i == 2 || i == 35 || i == 52:
			if c != '-' {
				return ""
			}
		case c >= '0' && c <= '9', c >= 'a' && c <= 'f':
		default:
			return ""
		}
	}
	return header
}

// encodeData calls MarshalJSON itself where there is one: json.Marshal would
// compact and escape a spliced record.
func encodeData(d Data) ([]byte, error) {
	if m, ok := d.(json.Marshaler); ok {
		return m.MarshalJSON()
	}
	return json.Marshal(d)
}
