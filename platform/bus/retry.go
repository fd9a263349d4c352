package bus

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"github.com/stridelog/stridelog/events/rpc"
	"github.com/stridelog/stridelog/platform/telemetry"
)

// ErrNotHandled says that a service has no handler for an event.
var ErrNotHandled = errors.New("the service has no handler for this event")

// ErrUnknownType says that a dead letter stays: an older program gave the event up,
// and this one does not know its type either.
var ErrUnknownType = errors.New("this program does not know the event's type; requeue it with a later one")

// RetryMethod answers rpc.<service>.v1.retry: it reads the event from its stream
// and hands it to handle, which must return an error instead of making another
// dead letter. The error's text reaches the caller, as a dead letter's reason
// does: it must hold no secret and no person's data.
func (b *Bus) RetryMethod(service string, handle func(ctx context.Context, d Delivery) error) RPCHandler {
	return Method(rpc.Retry(service), func(ctx context.Context, q rpc.RetryRequest) (rpc.RetryResponse, error) {
		d, err := b.Get(ctx, q.Stream, q.Sequence)
		if errors.Is(err, ErrNoMessage) {
			return rpc.RetryResponse{}, &rpc.Error{Code: rpc.CodeNotFound,
				Detail: fmt.Sprintf("%s has no event %d any more: it was erased, or its time is over.", q.Stream, q.Sequence)}
		}
		if err != nil {
			return rpc.RetryResponse{}, err
		}
		ctx = telemetry.WithLogAttrs(ctx, slog.String("event_id", d.Event.ID))
		if err := handle(ctx, d); err != nil {
			return rpc.RetryResponse{}, &rpc.Error{Code: rpc.CodeConflict,
				Detail: fmt.Sprintf("%s cannot handle event %d of %s: %s", service, q.Sequence, q.Stream, oneLine(err))}
		}
		return rpc.RetryResponse{}, nil
	})
}

// retry hands an event to the handler that would get it from its durable.
func (r *Router) retry(ctx context.Context, d Delivery) error {
	for _, h := range r.runners {
		if h.handler.Stream == d.Stream && covers(h.handler.Subjects, d.Message.Subject) {
			return h.again(ctx, d)
		}
	}
	return ErrNotHandled
}

// again is one try outside the durable. Its failure makes no dead letter: there
// is one already.
func (h handlerRunner) again(ctx context.Context, d Delivery) (err error) {
	ctx, cancel := context.WithTimeout(ctx, h.handler.AckWait)
	defer cancel()
	defer func() {
		if v := recover(); v != nil {
			err = panicked(v)
		}
	}()
	if d.Err != nil {
		return d.Err
	}
	if d.Event.Unknown() {
		return ErrUnknownType
	}
	return h.handler.Handle(ctx, d)
}

// covers says whether one of a durable's subjects, which may hold wildcards,
// matches a subject. No subjects at all are every one.
func covers(filters []string, subject string) bool {
	tokens := strings.Split(subject, ".")
	for _, f := range filters {
		if matches(strings.Split(f, "."), tokens) {
			return true
		}
	}
	return len(filters) == 0
}

func matches(filter, tokens []string) bool {
	for i, f := range filter {
		switch {
		case f == ">":
			return len(tokens) > i
		case i >= len(tokens), f != "*" && f != tokens[i]:
			return false
		}
	}
	return len(filter) == len(tokens)
}
