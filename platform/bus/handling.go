package bus

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"runtime/debug"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/stridelog/stridelog/platform/bus/pubsub"
	"github.com/stridelog/stridelog/platform/telemetry"
)

// handlerRunner is one handler with what surrounds it: the middleware of the router, from
// the outside in deadLetter, recover.
type handlerRunner struct {
	bus     *Bus
	service string
	handler Handler
	log     *slog.Logger
}

var errNotOurs = errors.New("message did not come from our subscriber")

// errUnanswered is the reason of a dead letter whose tries all ended with no answer.
var errUnanswered = errors.New("every try ended with no answer: the process died or ran out of time")

func (h handlerRunner) delivery(m *message.Message) (Delivery, error) {
	original, ok := pubsub.Original(m)
	if !ok {
		return Delivery{}, errNotOurs
	}
	return received(original)
}

// handle is the innermost part. It leaves the event's trace and id in the message's
// context, for the log lines of the others.
func (h handlerRunner) handle(m *message.Message) error {
	d, err := h.delivery(m)
	if err != nil {
		return err
	}
	if d.Err != nil {
		return Permanent(d.Err)
	}
	if d.Event.Unknown() {
		h.log.DebugContext(m.Context(), "an event of a type that this program does not know is passed over",
			"stream", d.Stream, "sequence", d.Sequence, "event_id", d.Event.ID, "type", d.Event.Type())
		return nil
	}
	ctx, span := h.bus.handling(m.Context(), h.handler.Name, d.Event)
	m.SetContext(ctx)
	err = errUnanswered // what a panic leaves
	defer func() { telemetry.End(span, err) }()
	err = h.handler.Handle(ctx, d)
	return err
}

// deadLetter decides what becomes of a failure: the message is given back, to come
// again later, or is stored as a dead letter. An error that leaves it is one of ours.
//
// The server's own delivery limit is off, because the server would drop a message
// at that limit with only a notice that nobody may be there to hear. A try that
// ends with no answer (the process died) is seen at the next one: past MaxDeliver
// the message gets one more try, for a process that was merely stopped, and then
// becomes a dead letter unseen.
func (h handlerRunner) deadLetter(next message.HandlerFunc) message.HandlerFunc {
	return func(m *message.Message) ([]*message.Message, error) {
		d, err := h.delivery(m)
		if err != nil {
			return nil, err
		}
		limit := uint64(h.handler.MaxDeliver)
		if d.Deliveries > limit+1 {
			return nil, h.giveUp(m.Context(), d, errUnanswered)
		}
		_, err = next(m)
		var final permanent
		switch {
		case err == nil:
			return nil, nil
		case errors.As(err, &final), d.Deliveries >= limit && m.Context().Err() == nil:
			return nil, h.giveUp(m.Context(), d, err)
		default:
			h.postpone(m.Context(), d, err)
			m.Nack() // and no error: Watermill would log it as one that nobody expects
			return nil, nil
		}
	}
}

func (h handlerRunner) postpone(ctx context.Context, d Delivery, reason error) {
	level := slog.LevelWarn
	var early notYet
	if errors.As(reason, &early) {
		level = slog.LevelDebug
	}
	h.log.Log(ctx, level, "an event could not be handled; it comes again",
		"stream", d.Stream, "sequence", d.Sequence, "deliveries", d.Deliveries, "error", oneLine(reason))
}

// giveUp stores the dead letter even when the context is ending: the decision is made.
func (h handlerRunner) giveUp(ctx context.Context, d Delivery, reason error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), apiTimeout)
	defer cancel()
	if err := h.bus.DeadLetter(ctx, h.service, d, reason); err != nil {
		return err
	}
	h.log.ErrorContext(ctx, "gave up on an event; it is in the dead letters",
		"stream", d.Stream, "sequence", d.Sequence, "event_id", d.Event.ID, "type", d.Event.Type(), "deliveries", d.Deliveries, "reason", oneLine(reason))
	return nil
}

// recover turns a panic into an error. Watermill's own Recoverer writes the panic's
// value into the error's text, and that may hold a person's data.
func (h handlerRunner) recover(next message.HandlerFunc) message.HandlerFunc {
	return func(m *message.Message) (out []*message.Message, err error) {
		defer func() {
			if v := recover(); v != nil {
				err = panicked(v)
				h.log.ErrorContext(m.Context(), "handler panicked", "error", err, "stack", string(debug.Stack()))
			}
		}()
		return next(m)
	}
}

// panicked describes a panic without its value, unless the runtime raised it.
func panicked(v any) error {
	var fault runtime.Error
	if err, ok := v.(error); ok && errors.As(err, &fault) {
		return fmt.Errorf("handler panicked: %w", fault)
	}
	return fmt.Errorf("handler panicked with a %T", v)
}
