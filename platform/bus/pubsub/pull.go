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
		if errors.Is(err, nats.ErrNoResponders) {
			err = why(ctx, c)
		}
		switch {
		case m != nil:
			return m, nil
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case err == nil: // the request expired; nothing has come
			pause = minPullPause / 2
			continue
		case gone(err), errors.Is(err, nats.ErrConnectionClosed):
			return nil, fmt.Errorf("ask for messages: %w", err)
		}
		log.WarnContext(ctx, "cannot ask for messages; trying again", "error", err, "pause", pause)
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(pause):
		}
	}
}

// why says why nobody answers a request for messages: a consumer that was deleted
// between two requests is not told, and a server that restarts looks the same.
func why(ctx context.Context, c jetstream.Consumer) error {
	if _, err := c.Info(ctx); gone(err) {
		return err
	}
	return nats.ErrNoResponders
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
