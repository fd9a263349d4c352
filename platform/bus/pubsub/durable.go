package pubsub

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	// settle is how long the server has to remove the files of a consumer that it says is
	// deleted. One of the same name that is made before may take over what they say.
	settle          = time.Second
	maxDeclarePause = 4 * time.Second
)

// Durable is a durable consumer that is declared again when somebody deletes it.
// One goroutine may use it.
type Durable struct {
	// Declare makes the consumer on the server, or takes the one that is there.
	Declare func(ctx context.Context) (jetstream.Consumer, error)
	// Missing is called when the server does not have the consumer any more, Declared once
	// it has it again. Either may be nil.
	Missing  func(err error)
	Declared func()
	Log      *slog.Logger

	consumer jetstream.Consumer
}

// Open declares the consumer. It comes before everything else.
func (d *Durable) Open(ctx context.Context) (err error) {
	d.consumer, err = d.Declare(ctx)
	return err
}

// Consumer is the one that was declared last.
func (d *Durable) Consumer() jetstream.Consumer { return d.consumer }

// Next waits for one message. It rides out a lost connection, a server that restarts
// and a consumer that was deleted; it fails when the context ends or the connection is
// closed.
func (d *Durable) Next(ctx context.Context) (jetstream.Msg, error) {
	for {
		m, err := Next(ctx, d.consumer, d.Log)
		if err == nil || ctx.Err() != nil || !gone(err) {
			return m, err
		}
		if err := d.again(ctx, err); err != nil {
			return nil, err
		}
	}
}

// again declares the consumer until that succeeds or ctx ends.
func (d *Durable) again(ctx context.Context, reason error) error {
	if d.Missing != nil {
		d.Missing(reason)
	}
	for pause := settle; ; pause = min(2*pause, maxDeclarePause) {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
		consumer, err := d.Declare(ctx)
		switch {
		case err == nil:
			d.consumer = consumer
			if d.Declared != nil {
				d.Declared()
			}
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, nats.ErrConnectionClosed):
			return err
		}
	}
}

// gone says whether an error means that the server does not have the consumer.
func gone(err error) bool {
	return errors.Is(err, jetstream.ErrConsumerDeleted) || errors.Is(err, jetstream.ErrConsumerNotFound) || errors.Is(err, jetstream.ErrStreamNotFound)
}
