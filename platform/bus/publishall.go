package bus

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stridelog/stridelog/events"
)

// PublishAll stores events one by one, in this order, with many in flight, and
// returns once the stream has acknowledged all of them. After an error some may be
// stored and some not: with deterministic ids, publishing all again is no fault.
func (b *Bus) PublishAll(ctx context.Context, list []events.Event) (err error) {
	list, end := b.sending(ctx, list)
	defer func() { end(err) }()
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, pageTimeout)
		defer cancel()
	}
	began := b.refusals.now()
	var stream string
	written := false // beyond what the stream had already
	defer func() {
		if err != nil || written {
			b.wrote(stream, began, err)
		}
	}()
	futures := make([]jetstream.PubAckFuture, 0, len(list))
	var failed []error
	for _, e := range list {
		to, m, err := wireMessage(e)
		if err == nil {
			stream = to
			var f jetstream.PubAckFuture
			if f, err = b.js.PublishMsgAsync(m); err == nil {
				futures = append(futures, f)
				continue
			}
		}
		failed = append(failed, fmt.Errorf("publish %s %s: %w", e.Type(), e.ID, publishFault(err)))
		break
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
