package bus

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// pendingIdle is when the server forgets a consumer that only counted.
const pendingIdle = 10 * time.Second

// From is the sequence from which a stream holds n messages on subjects, to its end as
// of the call; that of its first message where it holds fewer. It asks the server some
// twenty times, however many messages there are.
func (b *Bus) From(ctx context.Context, stream, subjects string, n uint64) (uint64, error) {
	s, err := b.js.Stream(ctx, stream)
	if err != nil {
		return 0, fmt.Errorf("find the last %d messages of %s: %w", n, stream, err)
	}
	state := s.CachedInfo().State
	// below has n messages or more from it on, or is the first; beyond has fewer.
	below, beyond := max(state.FirstSeq, 1), state.LastSeq+1
	for below+1 < beyond {
		middle := below + (beyond-below)/2
		left, err := pending(ctx, s, subjects, middle)
		if err != nil {
			return 0, fmt.Errorf("find the last %d messages of %s: %w", n, stream, err)
		}
		if left >= n {
			below = middle
		} else {
			beyond = middle
		}
	}
	return below, nil
}

// pending is how many messages on subjects a stream holds from a sequence on.
func pending(ctx context.Context, s jetstream.Stream, subjects string, from uint64) (uint64, error) {
	c, err := s.CreateConsumer(ctx, jetstream.ConsumerConfig{
		FilterSubjects:    []string{subjects},
		DeliverPolicy:     jetstream.DeliverByStartSequencePolicy,
		OptStartSeq:       from,
		AckPolicy:         jetstream.AckNonePolicy,
		MemoryStorage:     true,
		Replicas:          1,
		InactiveThreshold: pendingIdle,
	})
	if err != nil {
		return 0, fmt.Errorf("count what follows %d: %w", from, err)
	}
	info := c.CachedInfo()
	if err := s.DeleteConsumer(ctx, info.Name); err != nil && !errors.Is(err, jetstream.ErrConsumerNotFound) {
		return 0, fmt.Errorf("tidy up after counting: %w", err)
	}
	return info.NumPending, nil
}
