package bus

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stridelog/stridelog/events"
)

// unitFrom is how many events PublishAll stores as one unit: the server then waits
// for its disk once and not once for each. A unit waits about as often as 12 single
// ones do (measured on one disk, server included).
const unitFrom = 16

// PublishAll stores events of one stream, in this order, and returns once the stream
// has acknowledged all of them. After an error some may be stored and some not: with
// deterministic ids, publishing all again is no fault.
func (b *Bus) PublishAll(ctx context.Context, list []events.Event) (err error) {
	list, end := b.sending(ctx, list)
	defer func() { end(err) }()
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, pageTimeout)
		defer cancel()
	}
	for chunk := range slices.Chunk(list, MaxPage) {
		if err := b.publishChunk(ctx, chunk); err != nil {
			return err
		}
	}
	return nil
}

func (b *Bus) publishChunk(ctx context.Context, list []events.Event) error {
	messages, stream, err := pageMessages(list)
	if err != nil {
		return fmt.Errorf("publish %d events: %w", len(list), err)
	}
	if len(list) >= unitFrom && isAtomic(stream) {
		began := b.refusals.now()
		_, err := b.storePage(ctx, messages)
		fault := publishFault(err)
		switch {
		case errors.Is(fault, ErrDuplicate), errors.Is(fault, ErrPageTooLong):
			// Nothing was stored. One by one, the server tells which it has already.
			if messages, _, err = pageMessages(list); err != nil { // a unit has marked the first ones
				return err
			}
		case err != nil:
			b.wrote(stream, began, err)
			return fmt.Errorf("publish %d events to %s: %w", len(list), stream, fault)
		default:
			b.wrote(stream, began, nil)
			return nil
		}
	}
	return b.pipeline(ctx, stream, list, messages)
}

func isAtomic(stream string) bool {
	return slices.ContainsFunc(events.Streams(), func(s events.Stream) bool { return s.Name == stream && s.Atomic })
}

// pipeline publishes one by one, with all in flight.
func (b *Bus) pipeline(ctx context.Context, stream string, list []events.Event, messages []*nats.Msg) (err error) {
	began := b.refusals.now()
	written := false // beyond what the stream had already
	defer func() {
		if err != nil || written {
			b.wrote(stream, began, err)
		}
	}()
	futures := make([]jetstream.PubAckFuture, 0, len(list))
	var failed []error
	for i, m := range messages {
		f, err := b.js.PublishMsgAsync(m)
		if err != nil {
			failed = append(failed, fmt.Errorf("publish %s %s: %w", list[i].Type(), list[i].ID, publishFault(err)))
			break
		}
		futures = append(futures, f)
	}
	for i, f := range futures {
		select {
		case ack := <-f.Ok():
			written = written || !ack.Duplicate
		case err := <-f.Err():
			failed = append(failed, fmt.Errorf("publish %s %s: %w", list[i].Type(), list[i].ID, publishFault(err)))
		case <-ctx.Done():
			failed = append(failed, fmt.Errorf("publish %d events: %w", len(list), ctx.Err()))
			return errors.Join(failed...)
		}
	}
	return errors.Join(failed...)
}
