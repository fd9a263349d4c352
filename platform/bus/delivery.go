package bus

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stridelog/stridelog/events"
)

// ErrNoMessage says that a stream has no message at a sequence: it was never
// written, or it was erased.
var ErrNoMessage = errors.New("the stream has no message at this sequence")

// Delivery is one message of a stream, decoded where that is possible.
type Delivery struct {
	Event events.Event
	// Err wraps events.ErrUndecodable when the message is no event of ours; Event
	// is empty then, and Message is what there is. An event of a type that this
	// program does not know is no error: see events.Unknown.
	Err     error
	Message events.Message

	Stream     string
	Sequence   uint64
	Deliveries uint64    // how often a consumer was given it, this time included; 0 outside a consumer
	Time       time.Time // when the stream stored it
}

func newDelivery(m events.Message, stream string, sequence, deliveries uint64, at time.Time) Delivery {
	d := Delivery{Message: m, Stream: stream, Sequence: sequence, Deliveries: deliveries, Time: at.UTC()}
	d.Event, d.Err = events.Decode(m)
	return d
}

// received makes a Delivery of a consumer's message.
func received(m jetstream.Msg) (Delivery, error) {
	meta, err := m.Metadata()
	if err != nil {
		return Delivery{}, fmt.Errorf("read the position of a message on %s: %w", m.Subject(), err)
	}
	wire := events.Message{Subject: m.Subject(), Header: m.Headers(), Data: m.Data()}
	return newDelivery(wire, meta.Stream, meta.Sequence.Stream, meta.NumDelivered, meta.Timestamp), nil
}

// Get reads one message by its sequence. errors.Is(err, ErrNoMessage) when there
// is none.
func (b *Bus) Get(ctx context.Context, stream string, sequence uint64) (Delivery, error) {
	s, err := b.stream(ctx, stream)
	if err != nil {
		return Delivery{}, err
	}
	m, err := b.message(ctx, s, sequence)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return Delivery{}, fmt.Errorf("get %s %d: %w", stream, sequence, ErrNoMessage)
	}
	if err != nil {
		return Delivery{}, fmt.Errorf("get %s %d: %w", stream, sequence, err)
	}
	wire := events.Message{Subject: m.Subject, Header: storedHeader(m.Header), Data: m.Data}
	return newDelivery(wire, stream, m.Sequence, 0, m.Time), nil
}

// storedHeader drops what a direct get adds to a message's own header.
func storedHeader(h nats.Header) map[string][]string {
	out := make(map[string][]string, len(h))
	for k, v := range h {
		switch k {
		case jetstream.StreamHeader, jetstream.SequenceHeader, jetstream.TimeStampHeaer, jetstream.SubjectHeader, jetstream.LastSequenceHeader, "Nats-Num-Pending":
		default:
			out[k] = v
		}
	}
	return out
}

// everySubject matches every subject that a stream of ours has. For ">" the server looks
// at its last sequence alone, and finds nothing where that message was erased.
const everySubject = "*.>"

// LastSequence is the sequence of the last message on subjects, which may hold
// wildcards; 0 when there is none.
func (b *Bus) LastSequence(ctx context.Context, stream, subjects string) (uint64, error) {
	if subjects == ">" {
		subjects = everySubject
	}
	m, err := b.fromLeader(ctx, stream, messageGet{Last: subjects})
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("last sequence of %s on %s: %w", stream, subjects, err)
	}
	return m.Sequence, nil
}
