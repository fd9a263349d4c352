package pubsub

import (
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/nats-io/nats.go/jetstream"
)

// ErrClosed says that a publisher or subscriber was used after Close.
var ErrClosed = errors.New("it is closed")

// Publisher publishes messages to the stream that holds the topic's subject.
type Publisher struct {
	js     jetstream.JetStream
	closed atomic.Bool
}

// NewPublisher makes a publisher.
func NewPublisher(js jetstream.JetStream) *Publisher { return &Publisher{js: js} }

// Publish implements message.Publisher: it returns once the stream has acknowledged
// every message, or at the first that it did not; those before it are stored.
func (p *Publisher) Publish(topic string, messages ...*message.Message) error {
	for i, m := range messages {
		if p.closed.Load() {
			return fmt.Errorf("publish to %s: %w", topic, ErrClosed)
		}
		out, err := CloudEvents{}.Marshal(topic, m)
		if err != nil {
			return err
		}
		if _, err := p.js.PublishMsg(m.Context(), out); err != nil {
			return fmt.Errorf("publish message %d of %d (%s) to %s: %w", i+1, len(messages), m.UUID, topic, err)
		}
	}
	return nil
}

// Close implements message.Publisher. It leaves the connection open.
func (p *Publisher) Close() error {
	p.closed.Store(true)
	return nil
}
