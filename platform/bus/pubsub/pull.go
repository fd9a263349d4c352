package pubsub

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	// pullExpiry is how long one request for a message stays with the server.
	pullExpiry = 30 * time.Second
	// pullHeartbeat lets a waiting client notice within twice this time that the
	// server forgot its request.
	pullHeartbeat = 2 * time.Second

	minPullPause = 50 * time.Millisecond
	maxPullPause = 2 * time.Second
)

// Next waits for one message of a consumer. It rides out a lost connection and a
// server that restarts; it fails when the context ends or the consumer is gone.
func Next(ctx context.Context, c jetstream.Consumer, log *slog.Logger) (jetstream.Msg, error) {
	for pause := minPullPause; ; pause = min(2*pause, maxPullPause) {
		m, err := pull(ctx, c)
		switch {
		case m != nil:
			return m, nil
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case err == nil: // the request expired; nothing has come
			pause = minPullPause / 2
			continue
		case errors.Is(err, jetstream.ErrConsumerDeleted), errors.Is(err, jetstream.ErrConsumerNotFound), errors.Is(err, jetstream.ErrStreamNotFound),
			errors.Is(err, nats.ErrConnectionClosed):
			return nil, fmt.Errorf("%w; start the service again, it declares what it needs", err)
		}
		log.WarnContext(ctx, "cannot ask for messages; trying again", "error", err, "pause", pause)
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(pause):
		}
	}
}

func pull(ctx context.Context, c jetstream.Consumer) (jetstream.Msg, error) {
	waiting, cancel := context.WithTimeout(ctx, pullExpiry)
	defer cancel()
	batch, err := c.Fetch(1, jetstream.FetchContext(waiting), jetstream.FetchHeartbeat(pullHeartbeat))
	if err != nil {
		return nil, err
	}
	if m, ok := <-batch.Messages(); ok {
		return m, nil
	}
	if err := batch.Error(); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return nil, err
	}
	return nil, nil
}
