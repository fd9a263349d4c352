package bus

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

const (
	// keepEvery is how far a kept position may be behind. What was acknowledged since is
	// given again where a durable is deleted; the ids of what it publishes are the same.
	keepEvery = 5 * time.Second
	// keepLast is how long the end of a process may wait for its last positions.
	keepLast = 5 * time.Second
)

// Positions keep outside NATS up to where durables have acknowledged everything, so
// that one that somebody deletes goes on there when it is declared again.
type Positions interface {
	// Acknowledged is 0 where nothing is known of the durable in this epoch of the stream.
	Acknowledged(ctx context.Context, stream, durable, epoch string) (uint64, error)
	// Keep never takes a position of the same epoch back.
	Keep(ctx context.Context, stream, durable, epoch string, acknowledged uint64) error
}

// UsePositions makes durables that are missing begin where p says. It comes before
// they are declared.
func (b *Bus) UsePositions(p Positions) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.positions = p
}

// KeepPositions keeps the positions of the durables that this process reads from,
// every five seconds and at the end. UsePositions comes before. It is a component that
// starts before those who read and so stops after them.
func (b *Bus) KeepPositions(ctx context.Context, ready func()) error {
	ready()
	tick := time.NewTicker(keepEvery)
	defer tick.Stop()
	kept := map[string]uint64{}
	for {
		select {
		case <-ctx.Done():
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), keepLast)
			defer cancel()
			b.keepAll(ctx, kept)
			return nil
		case <-tick.C:
			b.keepAll(ctx, kept)
		}
	}
}

// keepAll keeps what has moved. A durable or a store that is away is met again by
// those who read, who say so.
func (b *Bus) keepAll(ctx context.Context, kept map[string]uint64) {
	b.mu.Lock()
	list := slices.Clone(b.consumers)
	b.mu.Unlock()
	for _, c := range list {
		if err := b.keep(ctx, c, kept); err != nil && !errors.Is(err, jetstream.ErrConsumerNotFound) {
			b.log.DebugContext(ctx, "the position of a consumer is not kept this time", "stream", c.stream, "consumer", c.name, "error", err)
		}
	}
}

func (b *Bus) keep(ctx context.Context, c consumer, kept map[string]uint64) error {
	at, err := b.js.Consumer(ctx, c.stream, c.name)
	if err != nil {
		return err
	}
	acknowledged, key := at.CachedInfo().AckFloor.Stream, c.stream+" "+c.name
	if acknowledged == kept[key] {
		return nil
	}
	epoch, err := b.Epoch(ctx, c.stream)
	if err != nil {
		return err
	}
	b.mu.Lock()
	positions := b.positions
	b.mu.Unlock()
	if positions == nil {
		return errors.New("there is nowhere to keep it")
	}
	if err := positions.Keep(ctx, c.stream, c.name, epoch, acknowledged); err != nil {
		return fmt.Errorf("keep the position: %w", err)
	}
	kept[key] = acknowledged
	return nil
}
