package bus

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/stridelog/stridelog/platform/bus/pubsub"
)

const (
	defaultMaxDeliver = 20
	routerCloseWait   = 20 * time.Second
)

// Handler handles the events of one durable, one at a time.
type Handler struct {
	Name     string // of the durable; the position is kept under it
	Stream   string
	Subjects []string // none: all of the stream
	// MaxDeliver is how often an event is tried before it becomes a dead letter.
	// Default 20, which takes about ten minutes.
	MaxDeliver int
	// AckWait bounds one try: the handler's context ends then, and the event comes
	// again. Default 30 s.
	AckWait time.Duration
	// Handle must be idempotent: an event may come more than once, and after a
	// failure it comes after later ones. An error means again later (one from NotYet
	// without a warning), an error from Permanent never again.
	Handle func(ctx context.Context, d Delivery) error
}

// Router runs handlers: a Watermill router over our subscriber.
type Router struct {
	bus     *Bus
	service string
	log     *slog.Logger
	router  *message.Router
	runners []handlerRunner
	start   []func(ctx context.Context) error
}

// NewRouter wires handlers for a service. A handler that panics or fails is tried
// again with growing delays; after MaxDeliver tries, or on a Permanent error, or
// when the message is no event, it goes to the dead letters under the service's name.
// An event of a type that this program does not know (events.Unknown) reaches no
// handler and is acknowledged.
func (b *Bus) NewRouter(service string, log *slog.Logger, handlers ...Handler) (*Router, error) {
	if len(handlers) == 0 {
		return nil, fmt.Errorf("make router of %s: there is no handler", service)
	}
	wm := watermill.NewSlogLoggerWithLevelMapping(log, map[slog.Level]slog.Level{slog.LevelInfo: slog.LevelDebug})
	router, err := message.NewRouter(message.RouterConfig{CloseTimeout: routerCloseWait}, wm)
	if err != nil {
		return nil, fmt.Errorf("make router of %s: %w", service, err)
	}
	r := &Router{bus: b, service: service, log: log, router: router}
	names := map[string]bool{}
	for _, h := range handlers {
		if names[h.Name] {
			return nil, fmt.Errorf("make router of %s: two handlers are called %q", service, h.Name)
		}
		names[h.Name] = true
		if h.Name == "" || h.Stream == "" || h.Handle == nil {
			return nil, fmt.Errorf("make router of %s: handler %q needs a name, a stream and a function", service, h.Name)
		}
		if h.MaxDeliver <= 0 {
			h.MaxDeliver = defaultMaxDeliver
		}
		if h.AckWait <= 0 {
			h.AckWait = defaultAckWait
		}
		sub, err := pubsub.NewSubscriber(b.js, pubsub.SubscriberConfig{
			Stream: func(string) string { return h.Stream },
			Consumer: func(string) pubsub.Consumer {
				return pubsub.Consumer{Durable: h.Name, Subjects: h.Subjects, AckWait: h.AckWait}
			},
			Declare: b.declareDurable, Missing: b.missing, Declared: b.declaredAgain,
			Log: log,
		})
		if err != nil {
			return nil, fmt.Errorf("make router of %s: handler %s: %w", service, h.Name, err)
		}
		r.start = append(r.start, func(ctx context.Context) error { return sub.Declare(ctx, h.Name) })
		b.reads(consumer{h.Stream, h.Name, h.Subjects})
		runner := handlerRunner{bus: b, service: service, handler: h, log: log.With("handler", h.Name)}
		r.runners = append(r.runners, runner)
		router.AddConsumerHandler(h.Name, h.Name, sub, runner.handle).AddMiddleware(runner.deadLetter, runner.recover)
	}
	return r, nil
}

// Run declares the durables, calls ready once every handler listens, and blocks
// until the context ends. It then waits up to 20 s for running handlers. While it
// runs it answers rpc.<service>.v1.retry, so that a dead letter can be requeued.
func (r *Router) Run(ctx context.Context, ready func()) error {
	for _, declare := range r.start {
		if err := whileElecting(ctx, func() error { return declare(ctx) }); err != nil {
			return err
		}
	}
	server, err := r.bus.Serve(r.service, r.log, r.bus.RetryMethod(r.service, r.retry))
	if err != nil {
		return err
	}
	defer server.Stop()
	running, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		select {
		case <-r.router.Running():
			ready()
		case <-running.Done():
		}
	}()
	if err := r.router.Run(ctx); err != nil {
		return fmt.Errorf("run handlers: %w", err)
	}
	if ctx.Err() == nil {
		return errors.New("run handlers: all subscriptions ended though nobody asked them to; start the service again")
	}
	return nil
}

// permanent marks an error that trying again does not repair.
type permanent struct{ err error }

func (p permanent) Error() string { return p.err.Error() }
func (p permanent) Unwrap() error { return p.err }

// Permanent says that trying again will not help: the event becomes a dead letter
// at once. Permanent(nil) is nil.
func Permanent(err error) error {
	if err == nil {
		return nil
	}
	return permanent{err}
}

// notYet marks an error that is part of the normal course.
type notYet struct{ err error }

func (n notYet) Error() string { return n.err.Error() }
func (n notYet) Unwrap() error { return n.err }

// NotYet says that the event comes before something that it needs, as events of two
// streams can: it is tried again like any other, without a warning. NotYet(nil) is nil.
func NotYet(err error) error {
	if err == nil {
		return nil
	}
	return notYet{err}
}
