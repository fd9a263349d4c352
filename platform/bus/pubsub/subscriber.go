package pubsub

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/nats-io/nats.go/jetstream"
)

// ErrClosed says that a subscriber was used after Close.
var ErrClosed = errors.New("it is closed")

const (
	defaultAckWait = 30 * time.Second
	firstDelay     = 100 * time.Millisecond
	longestDelay   = time.Minute
	lastWordWait   = time.Second
)

// Consumer describes the durable consumer behind a topic.
type Consumer struct {
	Durable  string
	Subjects []string // none: all of the stream
	// AckWait is when a message that got no answer comes again. Default 30 s.
	AckWait time.Duration
}

// SubscriberConfig says what a topic means.
type SubscriberConfig struct {
	// Stream is the stream of a topic.
	Stream func(topic string) string
	// Consumer is the durable of a topic. Subscriptions with one durable share its
	// messages; another durable gets them all again.
	Consumer func(topic string) Consumer
	// RetryDelay is how long a message waits that was nacked for the n-th time,
	// n from 1. Default: Backoff.
	RetryDelay func(n uint64) time.Duration
	// Declare makes a durable or takes the one that is there. Default:
	// CreateOrUpdateConsumer, which begins a new one at the start of the stream.
	Declare func(ctx context.Context, stream string, c jetstream.ConsumerConfig) (jetstream.Consumer, error)
	// Missing is called while the server does not have a durable that was declared, and
	// Declared once it has it again. Either may be nil.
	Missing  func(stream, durable string, err error)
	Declared func(stream, durable string)
	Log      *slog.Logger
}

// Backoff doubles from 100 ms to a minute: twenty tries take about ten minutes.
func Backoff(n uint64) time.Duration {
	delay := firstDelay
	for ; n > 1 && delay < longestDelay; n-- {
		delay *= 2
	}
	return min(delay, longestDelay)
}

// Subscriber reads topics through durable pull consumers. A subscription has one
// message in flight: nothing is fetched ahead, so nothing waits in a queue of ours
// while its AckWait runs.
type Subscriber struct {
	js     jetstream.JetStream
	config SubscriberConfig

	mu     sync.Mutex
	closed bool
	ctx    context.Context
	cancel context.CancelFunc
	open   sync.WaitGroup
}

// NewSubscriber makes a subscriber.
func NewSubscriber(js jetstream.JetStream, c SubscriberConfig) (*Subscriber, error) {
	if c.Stream == nil || c.Consumer == nil || c.Log == nil {
		return nil, errors.New("make subscriber: Stream, Consumer and Log are required")
	}
	if c.RetryDelay == nil {
		c.RetryDelay = Backoff
	}
	if c.Declare == nil {
		c.Declare = js.CreateOrUpdateConsumer
	}
	s := &Subscriber{js: js, config: c}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	return s, nil
}

// SubscribeInitialize implements message.SubscribeInitializer: it declares the
// durable, so that the messages from now on are kept for it.
func (s *Subscriber) SubscribeInitialize(topic string) error {
	return s.Declare(context.Background(), topic)
}

// Declare is SubscribeInitialize with a context.
func (s *Subscriber) Declare(ctx context.Context, topic string) error {
	d, _ := s.durable(topic)
	return d.Open(ctx)
}

// durable is the one behind a topic, not declared yet.
func (s *Subscriber) durable(topic string) (*Durable, Consumer) {
	stream, c := s.config.Stream(topic), s.config.Consumer(topic)
	if c.AckWait <= 0 {
		c.AckWait = defaultAckWait
	}
	d := &Durable{Log: s.config.Log.With("topic", topic, "consumer", c.Durable)}
	d.Declare = func(ctx context.Context) (jetstream.Consumer, error) {
		consumer, err := s.config.Declare(ctx, stream, jetstream.ConsumerConfig{
			Durable:        c.Durable,
			FilterSubjects: c.Subjects,
			DeliverPolicy:  jetstream.DeliverAllPolicy,
			AckPolicy:      jetstream.AckExplicitPolicy,
			AckWait:        c.AckWait,
			// Giving up is the handler's decision: the server would only stop delivering.
			MaxDeliver: -1,
		})
		if err != nil {
			return nil, fmt.Errorf("declare consumer %s on %s: %w", c.Durable, stream, err)
		}
		return consumer, nil
	}
	if s.config.Missing != nil {
		d.Missing = func(err error) { s.config.Missing(stream, c.Durable, err) }
	}
	if s.config.Declared != nil {
		d.Declared = func() { s.config.Declared(stream, c.Durable) }
	}
	return d, c
}

// Subscribe implements message.Subscriber. The channel closes when the context
// ends and at Close; a durable that is deleted is declared again. A message whose
// context ends before it was acked or nacked comes again after AckWait.
func (s *Subscriber) Subscribe(ctx context.Context, topic string) (<-chan *message.Message, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, fmt.Errorf("subscribe to %s: %w", topic, ErrClosed)
	}
	durable, c := s.durable(topic)
	if err := durable.Open(ctx); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(s.ctx, cancel)
	out := make(chan *message.Message)
	s.open.Go(func() {
		defer cancel()
		defer stop()
		defer close(out)
		for {
			m, err := durable.Next(ctx)
			if err != nil {
				if ctx.Err() == nil {
					durable.Log.ErrorContext(ctx, "subscription ends", "error", err)
				}
				return
			}
			s.pass(ctx, m, c.AckWait, out, durable.Log)
		}
	})
	return out, nil
}

// pass hands one message over and waits for the answer to it.
func (s *Subscriber) pass(ctx context.Context, in jetstream.Msg, ackWait time.Duration, out chan<- *message.Message, log *slog.Logger) {
	// After AckWait the server gives the message to somebody else, whatever happens
	// here. The context ends a little earlier, so that a nack still comes in time.
	ctx, cancel := context.WithTimeout(ctx, ackWait*9/10)
	defer cancel()
	m := newMessage(in.Subject(), in.Headers(), in.Data())
	var deliveries uint64 = 1
	if meta, err := in.Metadata(); err == nil {
		deliveries = meta.NumDelivered
		setPosition(m, meta.Stream, meta.Sequence.Stream, meta.NumDelivered, meta.Timestamp)
	}
	m.SetContext(context.WithValue(ctx, originalKey{}, in))
	var err error
	select {
	case out <- m:
		select {
		case <-m.Acked():
			err = in.Ack()
		case <-m.Nacked():
			err = in.NakWithDelay(s.config.RetryDelay(deliveries))
		case <-ctx.Done():
			err = s.lastWord(m, in, deliveries, min(lastWordWait, ackWait/10))
		}
	case <-ctx.Done():
		// Nobody took it, so it can go to somebody else at once.
		err = in.Nak()
	}
	if err != nil {
		log.WarnContext(ctx, "cannot answer for a message; it comes again after its ack wait", "message", m.UUID, "error", err)
	}
}

// lastWord gives a handler whose context ended a moment to answer. A handler that
// stays silent may still be running: its message comes again after AckWait.
func (s *Subscriber) lastWord(m *message.Message, in jetstream.Msg, deliveries uint64, wait time.Duration) error {
	select {
	case <-m.Acked():
		return in.Ack()
	case <-m.Nacked():
		if s.ctx.Err() != nil {
			return in.Nak() // we are stopping; whoever is there takes it at once
		}
		return in.NakWithDelay(s.config.RetryDelay(deliveries))
	case <-time.After(wait):
		return nil
	}
}

type originalKey struct{}

// Original is the JetStream message behind a message of our subscriber.
func Original(m *message.Message) (jetstream.Msg, bool) {
	in, ok := m.Context().Value(originalKey{}).(jetstream.Msg)
	return in, ok
}

// Close implements message.Subscriber: it ends all subscriptions and returns when
// their channels are closed. It leaves the connection open.
func (s *Subscriber) Close() error {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.cancel()
	s.open.Wait()
	return nil
}
