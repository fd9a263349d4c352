package bus

import (
	"context"
	"errors"
	"fmt"
	"regexp"

	"github.com/nats-io/nats.go/jetstream"
)

// readerName is what a durable for a reader may be called: one subject token.
const readerName = `^[A-Za-z0-9_-]{1,64}$`

// DeclareReader makes a durable pull consumer over a whole stream for somebody who
// may read and not make consumers. Its position is where that reader acknowledged
// up to; declaring it again keeps it. A consumer of that name with other settings
// is somebody else's, and an error.
func (b *Bus) DeclareReader(ctx context.Context, stream, name string) error {
	if ok, err := regexp.MatchString(readerName, name); err != nil || !ok {
		return fmt.Errorf("declare reader %q on %s: the name must match %s", name, stream, readerName)
	}
	_, err := b.js.CreateConsumer(ctx, stream, jetstream.ConsumerConfig{
		Durable:       name,
		Description:   "Made for a reader outside the services",
		DeliverPolicy: jetstream.DeliverAllPolicy,
		AckPolicy:     jetstream.AckExplicitPolicy,
		AckWait:       defaultAckWait,
		MaxDeliver:    -1,
	})
	if errors.Is(err, jetstream.ErrConsumerExists) {
		return fmt.Errorf("declare reader %s on %s: there is another consumer of that name; choose another name: %w", name, stream, err)
	}
	if err != nil {
		return fmt.Errorf("declare reader %s on %s: %w", name, stream, err)
	}
	return nil
}
