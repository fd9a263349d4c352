package pubsub

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/nats-io/nats.go"
	"github.com/stridelog/stridelog/events"
)

// The metadata that Unmarshal adds. They describe one delivery and never travel:
// Marshal leaves every key with this prefix out.
const (
	metaPrefix     = "nats."
	MetaStream     = "nats.stream"
	MetaSequence   = "nats.sequence"   // of the stream, decimal
	MetaSubject    = "nats.subject"    // the concrete one, where the topic is a wildcard
	MetaDeliveries = "nats.deliveries" // 1 for the first
	MetaTime       = "nats.time"       // when the stream stored it, RFC 3339
)

// CloudEvents is the wire format: the payload as it is, metadata as headers, the
// message's UUID as ce-id. A NATS client in any language reads the result as a
// CloudEvent in binary mode when the metadata holds the ce-… attributes, as
// EventMessage sets them. It satisfies the marshaler interfaces of
// watermill-nats as well.
type CloudEvents struct{}

// EventMessage is an event as a Watermill message, and the topic to publish it to.
func EventMessage(e events.Event) (topic string, m *message.Message, err error) {
	w, err := e.Encode()
	if err != nil {
		return "", nil, err
	}
	m = message.NewMessage(e.ID, w.Data)
	for k, v := range w.Header {
		m.Metadata.Set(k, v[0])
	}
	return w.Subject, m, nil
}

// Marshal writes a message for a topic, which is the concrete subject. A message
// with a ce-type is an event and gets its UUID as Nats-Msg-Id, by which the stream
// drops a repetition; for any other message only the caller knows how far its UUID
// is unique, and sets Nats-Msg-Id himself or not.
func (CloudEvents) Marshal(topic string, m *message.Message) (*nats.Msg, error) {
	out := nats.NewMsg(topic)
	out.Data = m.Payload
	for k, v := range m.Metadata {
		if strings.HasPrefix(k, metaPrefix) || strings.HasPrefix(k, "_watermill") {
			continue
		}
		if err := checkHeader(k, v); err != nil {
			return nil, fmt.Errorf("marshal message %s for %s: %w", m.UUID, topic, err)
		}
		out.Header[k] = []string{v}
	}
	if m.UUID != "" {
		if err := checkHeader(events.HeaderID, m.UUID); err != nil {
			return nil, fmt.Errorf("marshal message for %s: %w", topic, err)
		}
		out.Header[events.HeaderID] = []string{m.UUID}
	}
	if m.Metadata.Get(events.HeaderType) != "" {
		out.Header[events.HeaderMsgID] = []string{m.UUID}
	}
	return out, nil
}

// Unmarshal reads any NATS message; it never fails, because a subscriber cannot
// reject what is stored already. A header that is repeated is joined with commas.
func (CloudEvents) Unmarshal(in *nats.Msg) (*message.Message, error) {
	m := newMessage(in.Subject, in.Header, in.Data)
	if meta, err := in.Metadata(); err == nil {
		setPosition(m, meta.Stream, meta.Sequence.Stream, meta.NumDelivered, meta.Timestamp)
	}
	return m, nil
}

func newMessage(subject string, header nats.Header, data []byte) *message.Message {
	m := message.NewMessage(header.Get(events.HeaderID), data)
	for k, v := range header {
		// Other Nats-… headers were orders to the server; sent again with a message
		// made of this one they would be obeyed again.
		if k == events.HeaderMsgID || !strings.HasPrefix(strings.ToLower(k), "nats-") {
			m.Metadata.Set(k, strings.Join(v, ","))
		}
	}
	m.Metadata.Set(MetaSubject, subject)
	return m
}

func setPosition(m *message.Message, stream string, sequence, deliveries uint64, at time.Time) {
	m.Metadata.Set(MetaStream, stream)
	m.Metadata.Set(MetaSequence, strconv.FormatUint(sequence, 10))
	m.Metadata.Set(MetaDeliveries, strconv.FormatUint(deliveries, 10))
	m.Metadata.Set(MetaTime, at.UTC().Format(time.RFC3339Nano))
}

// checkHeader keeps a value from becoming another header, and a key from being
// read back as something else. It does not repeat the value.
func checkHeader(key, value string) error {
	for _, r := range key {
		if r <= ' ' || r == ':' || r > '~' {
			return fmt.Errorf("metadata key %q cannot be a header: it holds %q", key, r)
		}
	}
	if key == "" {
		return fmt.Errorf("a metadata key is empty")
	}
	if strings.ContainsAny(value, "\r\n") {
		return fmt.Errorf("the value of metadata %q has a line break, which a header cannot", key)
	}
	return nil
}
