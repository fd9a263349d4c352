package bus

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stridelog/stridelog/platform/bus/pubsub"
)

const (
	defaultBatch   = 500
	defaultAckWait = 30 * time.Second
)

// BatchOptions describe a durable consumer that takes many events at a time.
type BatchOptions struct {
	Name     string // of the durable; the position is kept under it
	Stream   string
	Subjects []string // none: all of the stream
	Max      int      // events in one batch; default 500
	// AckWait is when a batch comes again that was neither acknowledged, nor given
	// back, nor kept (Batch.Keep). Default 30 s.
	AckWait time.Duration
}

// Batches takes what has arrived, as much as there is: alone when events are rare,
// many at once when they queue up. There is no timer that waits for more.
// One goroutine may use it; several processes may share a durable.
type Batches struct {
	options BatchOptions
	durable *pubsub.Durable
}

// Batches declares the durable and starts from its position; a new one starts at
// the beginning of the stream, and one that was deleted behind what the positions
// (UsePositions) say. It sets no delivery limit: whoever folds decides what to do with
// an event it cannot use (DeadLetter, for one).
func (b *Bus) Batches(ctx context.Context, o BatchOptions) (*Batches, error) {
	if o.Max <= 0 {
		o.Max = defaultBatch
	}
	if o.AckWait <= 0 {
		o.AckWait = defaultAckWait
	}
	d := &pubsub.Durable{
		Log:      b.log.With("stream", o.Stream, "consumer", o.Name),
		Missing:  func(err error) { b.missing(o.Stream, o.Name, err) },
		Declared: func() { b.declaredAgain(o.Stream, o.Name) },
		Declare: func(ctx context.Context) (jetstream.Consumer, error) {
			return b.declareDurable(ctx, o.Stream, jetstream.ConsumerConfig{
				Durable:        o.Name,
				FilterSubjects: o.Subjects,
				DeliverPolicy:  jetstream.DeliverAllPolicy,
				AckPolicy:      jetstream.AckExplicitPolicy,
				AckWait:        o.AckWait,
				MaxDeliver:     -1,
				MaxAckPending:  4 * o.Max,
			})
		},
	}
	if err := whileElecting(ctx, func() error { return d.Open(ctx) }); err != nil {
		return nil, fmt.Errorf("declare consumer %s on %s: %w", o.Name, o.Stream, err)
	}
	b.reads(consumer{o.Stream, o.Name, o.Subjects})
	return &Batches{options: o, durable: d}, nil
}

// Next waits for one event and takes what else has arrived, up to Max. Messages
// that are no events come too, with Delivery.Err. It rides out a lost connection and
// a durable that was deleted, which it declares again; it fails when the context ends.
func (x *Batches) Next(ctx context.Context) (*Batch, error) {
	first, err := x.durable.Next(ctx)
	if err != nil {
		return nil, fmt.Errorf("take a batch of %s: %w", x.options.Name, err)
	}
	messages := []jetstream.Msg{first}
	if x.options.Max > 1 {
		// One event is a batch; the next call meets a fault of this one.
		if rest, err := x.durable.Consumer().FetchNoWait(x.options.Max - 1); err == nil {
			for m := range rest.Messages() {
				messages = append(messages, m)
			}
		}
	}
	return x.batch(messages)
}

// Batch is what Next took, in the stream's order; after a redelivery older events
// may come after newer ones.
type Batch struct {
	Deliveries []Delivery
	messages   []jetstream.Msg
	ackWait    time.Duration
}

func (x *Batches) batch(messages []jetstream.Msg) (*Batch, error) {
	b := &Batch{Deliveries: make([]Delivery, 0, len(messages)), messages: messages, ackWait: x.options.AckWait}
	for _, m := range messages {
		d, err := received(m)
		if err != nil {
			return nil, err
		}
		b.Deliveries = append(b.Deliveries, d)
	}
	return b, nil
}

// Keep tells the server that the batch is in hand, again and again until stop is
// called or ctx ends: a batch may take long, and one whose process was killed comes
// again soon. Call stop before Ack or Retry.
func (x *Batch) Keep(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var keeping sync.WaitGroup
	keeping.Go(func() {
		tick := time.NewTicker(x.ackWait / 3)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			for _, m := range x.messages {
				if m.InProgress() != nil {
					break // the connection is away; the next tick tries again
				}
			}
		}
	})
	return func() {
		cancel()
		keeping.Wait()
	}
}

// Ack says that the whole batch is done and waits until the server knows. An error
// means that some of it may come again.
func (x *Batch) Ack(ctx context.Context) error {
	for i, m := range x.messages {
		ack := m.Ack
		if i == len(x.messages)-1 {
			// The server handles one connection's acks in order, so its answer to the
			// last one covers all.
			ack = func() error { return m.DoubleAck(ctx) }
		}
		if err := ack(); err != nil && !errors.Is(err, jetstream.ErrMsgAlreadyAckd) {
			return fmt.Errorf("acknowledge a batch of %d: %w; what was not acknowledged comes again", len(x.messages), err)
		}
	}
	return nil
}

// Retry gives the whole batch back; it comes again after the delay.
func (x *Batch) Retry(delay time.Duration) error {
	for _, m := range x.messages {
		if err := m.NakWithDelay(delay); err != nil {
			return fmt.Errorf("give back a batch of %d: %w; it comes again after its ack wait", len(x.messages), err)
		}
	}
	return nil
}
