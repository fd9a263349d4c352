package bus

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"
)

// StreamState is where a stream stands.
type StreamState struct {
	Epoch string // see Epoch
	// LastSequence is the highest sequence the stream ever gave, also when that
	// message has been erased since; 0 for a stream that never had one.
	LastSequence uint64
}

// State reads epoch and last sequence in one round trip.
func (b *Bus) State(ctx context.Context, stream string) (StreamState, error) {
	s, err := b.streamOnceElected(ctx, stream)
	if err != nil {
		return StreamState{}, fmt.Errorf("read the state of stream %s: %w", stream, err)
	}
	info := s.CachedInfo()
	return StreamState{Epoch: info.Config.Metadata[metadataEpoch], LastSequence: info.State.LastSeq}, nil
}

// Position is where a durable consumer stands.
type Position struct {
	// Acknowledged is the sequence up to which everything is acknowledged.
	Acknowledged uint64
	Pending      uint64 // messages that were not delivered yet
}

// Position reads where a durable stands. ok is false when there is no such durable.
func (b *Bus) Position(ctx context.Context, stream, durable string) (p Position, ok bool, err error) {
	c, err := b.js.Consumer(ctx, stream, durable)
	if errors.Is(err, jetstream.ErrConsumerNotFound) {
		return Position{}, false, nil
	}
	if err != nil {
		return Position{}, false, fmt.Errorf("read the position of %s on %s: %w", durable, stream, err)
	}
	info := c.CachedInfo()
	return Position{Acknowledged: info.AckFloor.Stream, Pending: info.NumPending}, true, nil
}

// Subjects are the subjects of a stream that match filter, each with the number of its
// messages.
func (b *Bus) Subjects(ctx context.Context, stream, filter string) (map[string]uint64, error) {
	s, err := b.js.Stream(ctx, stream)
	if err == nil {
		var info *jetstream.StreamInfo
		if info, err = s.Info(ctx, jetstream.WithSubjectFilter(filter)); err == nil {
			return info.State.Subjects, nil
		}
	}
	return nil, fmt.Errorf("list the subjects of stream %s: %w", stream, err)
}
