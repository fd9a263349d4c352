package bus

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

const (
	readChunk = 500
	// readerIdle is when the server forgets a reader that stopped asking.
	readerIdle = 5 * time.Minute
	// readTries is how often a read starts over from where it stands before it
	// gives up: a lost connection, a server that restarts.
	readTries = 20
	readPause = 250 * time.Millisecond
)

// Read gives yield every message on subjects (none: all) from sequence `from` to
// the end of the stream as of the call, in order. It returns the stream's last
// sequence as of the call; a caller that stored a higher one knows that the log was
// replaced. An error of yield ends the reading and is returned as it is, with the
// last sequence that yield accepted.
func (b *Bus) Read(ctx context.Context, stream string, subjects []string, from uint64, yield func(Delivery) error) (last uint64, err error) {
	return b.walk(ctx, stream, subjects, from, false, func(m jetstream.Msg, _ uint64) error {
		d, err := received(m)
		if err != nil {
			return err
		}
		d.Deliveries = 0
		return yield(d)
	})
}

// walk is Read before decoding. With headersOnly the server leaves the payloads out.
func (b *Bus) walk(ctx context.Context, stream string, subjects []string, from uint64, headersOnly bool, yield func(m jetstream.Msg, sequence uint64) error) (last uint64, err error) {
	s, err := b.js.Stream(ctx, stream)
	if err != nil {
		return 0, fmt.Errorf("read %s: %w", stream, err)
	}
	w := walker{
		bus: b, stream: s, subjects: subjects, headersOnly: headersOnly, yield: yield,
		next: max(from, 1), end: s.CachedInfo().State.LastSeq,
	}
	for failures := 0; w.next <= w.end; {
		before := w.next
		done, err := w.pass(ctx)
		switch {
		case w.refused != nil:
			return w.next - 1, w.refused
		case done:
			return w.end, nil
		case err == nil:
			continue
		case ctx.Err() != nil:
			return w.next - 1, fmt.Errorf("read %s from %d: %w", stream, w.next, ctx.Err())
		}
		if w.next > before {
			failures = 0
		}
		if failures++; failures >= readTries {
			return w.next - 1, fmt.Errorf("read %s from %d: gave up after %d tries: %w; check the NATS server", stream, w.next, failures, err)
		}
		select {
		case <-ctx.Done():
			return w.next - 1, fmt.Errorf("read %s from %d: %w", stream, w.next, ctx.Err())
		case <-time.After(readPause):
		}
	}
	return w.end, nil
}

// walker stands between two messages of a stream. A pass reads on from there with
// a consumer of its own, which acknowledges nothing: what counts is only what
// yield accepted.
type walker struct {
	bus         *Bus
	stream      jetstream.Stream
	subjects    []string
	headersOnly bool
	yield       func(jetstream.Msg, uint64) error

	next, end uint64
	refused   error // what yield said
}

// errGap says that a message of a pass got lost on the way.
var errGap = errors.New("a message is missing from the delivery")

func (w *walker) pass(ctx context.Context) (done bool, err error) {
	c, err := w.stream.CreateConsumer(ctx, jetstream.ConsumerConfig{
		FilterSubjects:    w.subjects,
		DeliverPolicy:     jetstream.DeliverByStartSequencePolicy,
		OptStartSeq:       w.next,
		AckPolicy:         jetstream.AckNonePolicy,
		MemoryStorage:     true,
		Replicas:          1,
		InactiveThreshold: readerIdle,
		HeadersOnly:       w.headersOnly,
	})
	if err != nil {
		return false, fmt.Errorf("make a reader: %w", err)
	}
	defer func() {
		// Its idle time removes it too; this only tidies up sooner.
		_ = w.stream.DeleteConsumer(context.WithoutCancel(ctx), c.CachedInfo().Name)
	}()
	if c.CachedInfo().NumPending == 0 {
		return w.ended(ctx)
	}
	for delivered := uint64(0); ; {
		batch, err := c.FetchNoWait(readChunk)
		if err != nil {
			return false, err
		}
		got := 0
		for m := range batch.Messages() {
			if done || err != nil || w.refused != nil {
				continue // empties the batch, so that its goroutine ends
			}
			got++
			delivered++
			done, err = w.accept(ctx, m, delivered)
		}
		switch {
		case w.refused != nil || err != nil:
			return w.refused != nil, err
		case done && w.next <= w.end: // nothing is left for this consumer, which may be behind
			return w.ended(ctx)
		case done:
			return true, nil
		}
		if batch.Error() != nil {
			return false, batch.Error()
		}
		if got > 0 {
			continue
		}
		// Nothing came: either the rest was deleted meanwhile or the answer was lost.
		info, err := c.Info(ctx)
		if err != nil {
			return false, err
		}
		if info.NumPending == 0 && info.Delivered.Consumer == delivered {
			return w.ended(ctx)
		}
		if info.Delivered.Consumer != delivered {
			return false, errGap
		}
	}
}

// errBehind says that the consumer's server lacks messages that the stream has.
var errBehind = errors.New("a replica of the stream is behind")

// ended says whether a pass whose consumer has nothing left has seen all. The consumer
// reads one replica, and that may be behind.
func (w *walker) ended(ctx context.Context) (done bool, err error) {
	if w.stream.CachedInfo().Config.Replicas <= 1 {
		return true, nil
	}
	more, err := w.bus.more(ctx, w.stream.CachedInfo().Config.Name, w.subjects, w.next)
	if err != nil {
		return false, err
	}
	if more {
		return false, errBehind
	}
	return true, nil
}

func (w *walker) accept(ctx context.Context, m jetstream.Msg, delivered uint64) (done bool, err error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	meta, err := m.Metadata()
	if err != nil {
		return false, err
	}
	if meta.Sequence.Consumer != delivered {
		return false, errGap
	}
	if meta.Sequence.Stream > w.end {
		w.next = w.end + 1 // it read past all that was asked for
		return true, nil
	}
	w.refused = w.yield(m, meta.Sequence.Stream)
	if w.refused != nil {
		return true, nil //nolint:nilerr // the caller's own error goes back by itself, never to be tried again
	}
	w.next = meta.Sequence.Stream + 1
	return meta.NumPending == 0 || w.next > w.end, nil
}
