package bus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"strconv"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/events/rpc"
	"github.com/stridelog/stridelog/platform/telemetry"
	"go.opentelemetry.io/otel/trace"
)

const (
	// methodConcurrency bounds the requests of one method that run at once in this
	// process; more wait. It is per method, so that slow erasures do not hold up tokens.
	methodConcurrency = 32
	// maxRequestTime bounds one request whatever its caller says.
	maxRequestTime = 10 * time.Minute
	rpcStopWait    = 20 * time.Second
)

// RPCHandler answers one method.
type RPCHandler struct {
	method rpc.Method
	answer func(ctx context.Context, request []byte) ([]byte, error)
}

// Method makes a handler of a typed function. An error that holds an *rpc.Error
// reaches the caller as it is; any other becomes CodeInternal without its text, or
// CodeUnavailable where a store is away (WithAway).
func Method[Req, Resp any](m rpc.Method, fn func(ctx context.Context, req Req) (Resp, error)) RPCHandler {
	return RPCHandler{method: m, answer: func(ctx context.Context, request []byte) ([]byte, error) {
		var req Req
		if err := json.Unmarshal(request, &req); err != nil {
			// The decoder's text may quote the request.
			return nil, &rpc.Error{Code: rpc.CodeInvalidArgument, Detail: fmt.Sprintf("The request to %s is not the JSON that this version expects.", m)}
		}
		resp, err := fn(ctx, req)
		if err != nil {
			return nil, err
		}
		data, err := json.Marshal(resp)
		if err != nil {
			return nil, fmt.Errorf("write the answer of %s: %w", m, err)
		}
		return data, nil
	}}
}

// Until is fn with a context that also ends with stop: for requests that take long and
// may be made again, so that a service that stops need not wait for them.
func Until[Req, Resp any](stop context.Context, fn func(context.Context, Req) (Resp, error)) func(context.Context, Req) (Resp, error) {
	return func(ctx context.Context, req Req) (Resp, error) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		defer context.AfterFunc(stop, cancel)()
		return fn(ctx, req)
	}
}

// RPCServer answers requests until it is stopped.
type RPCServer struct {
	bus    *Bus
	log    *slog.Logger
	ctx    context.Context
	cancel context.CancelFunc
	subs   []*nats.Subscription
	// running counts requests being answered. A request is counted before the
	// subscription's goroutine moves on, and Stop waits only after those have ended.
	running sync.WaitGroup
	ended   sync.WaitGroup // subscriptions
}

// Serve answers methods. All processes of a service share the requests (the queue
// group is the service's name). It returns once the server knows of the
// subscriptions, so a request that comes later finds them.
func (b *Bus) Serve(service string, log *slog.Logger, handlers ...RPCHandler) (*RPCServer, error) {
	s := &RPCServer{bus: b, log: log}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	for _, h := range handlers {
		slots := make(chan struct{}, methodConcurrency)
		sub, err := b.nc.QueueSubscribe(string(h.method), service, func(m *nats.Msg) {
			slots <- struct{}{}
			s.running.Add(1)
			go func() {
				defer func() { <-slots; s.running.Done() }()
				s.serve(h, m)
			}()
		})
		if err != nil {
			s.Stop()
			return nil, fmt.Errorf("serve %s: %w", h.method, err)
		}
		s.ended.Add(1)
		sub.SetClosedHandler(func(string) { s.ended.Done() })
		s.subs = append(s.subs, sub)
	}
	if err := b.confirm(); err != nil {
		s.Stop()
		return nil, fmt.Errorf("serve the methods of %s: the NATS server does not confirm: %w", service, err)
	}
	return s, nil
}

// confirm waits until the server knows what was sent before. A connection that is lost
// meanwhile breaks the waiting off; it comes back with its subscriptions.
func (b *Bus) confirm() error {
	for deadline := time.Now().Add(apiTimeout); ; {
		err := b.nc.FlushTimeout(max(time.Until(deadline), time.Millisecond))
		if !errors.Is(err, nats.ErrConnectionClosed) || b.nc.IsClosed() {
			return err
		}
	}
}

// Stop takes no new requests, answers those that have come, up to 20 s, and then
// ends the contexts of the rest. Stopping twice is no fault.
func (s *RPCServer) Stop() {
	for _, sub := range s.subs {
		if err := sub.Drain(); err != nil && !errors.Is(err, nats.ErrBadSubscription) && !errors.Is(err, nats.ErrConnectionClosed) {
			s.log.Warn("cannot drain a subscription", "subject", sub.Subject, "error", err)
		}
	}
	idle := make(chan struct{})
	go func() {
		s.ended.Wait()
		s.running.Wait()
		close(idle)
	}()
	select {
	case <-idle:
	case <-time.After(rpcStopWait):
		s.log.Warn("requests still run; cancelling them", "after", rpcStopWait)
	}
	s.cancel()
}

func (s *RPCServer) serve(h RPCHandler, m *nats.Msg) {
	ctx, cancel := context.WithTimeout(s.ctx, requestTime(m))
	defer cancel()
	ctx, span := s.bus.calling(telemetry.WithTraceParent(ctx, m.Header.Get(events.HeaderTraceParent)), trace.SpanKindServer, h.method)
	reply := nats.NewMsg(m.Reply)
	data, err := s.answer(ctx, h, m.Data)
	telemetry.End(span, err)
	if err == nil {
		reply.Data = data
	} else {
		reply.Header.Set(headerStatus, statusError)
		reply.Data = s.errorData(ctx, h.method, err)
	}
	err = m.RespondMsg(reply)
	if errors.Is(err, nats.ErrMaxPayload) {
		reply.Header.Set(headerStatus, statusError)
		reply.Data = s.errorData(ctx, h.method, fmt.Errorf("an answer of %d bytes is larger than NATS allows", len(data)))
		err = m.RespondMsg(reply)
	}
	if err != nil {
		s.log.WarnContext(ctx, "cannot send an answer; the caller will see a timeout", "method", h.method, "error", err)
	}
}

func (s *RPCServer) answer(ctx context.Context, h RPCHandler, request []byte) (data []byte, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = panicked(v)
			s.log.ErrorContext(ctx, "request handler panicked", "method", h.method, "error", err, "stack", string(debug.Stack()))
		}
	}()
	return h.answer(ctx, request)
}

// errorData is what the caller is told.
func (s *RPCServer) errorData(ctx context.Context, m rpc.Method, err error) []byte {
	var known *rpc.Error
	if !errors.As(err, &known) && s.bus.away != nil && s.bus.away(err) {
		s.log.WarnContext(ctx, "request refused: a store is away", "method", m, "error", err)
		known = &rpc.Error{Code: rpc.CodeUnavailable, Detail: fmt.Sprintf("The database of the %s service is away: try again.", m.Service())}
	}
	if known == nil {
		s.log.ErrorContext(ctx, "request failed", "method", m, "error", err)
		known = &rpc.Error{Code: rpc.CodeInternal, Detail: fmt.Sprintf("%s failed; the log of the %s service has the reason.", m, m.Service())}
	}
	data, err := json.Marshal(known)
	if err != nil {
		s.log.ErrorContext(ctx, "cannot write an error as JSON", "method", m, "error", err)
		return []byte(`{"code":"` + rpc.CodeInternal + `","detail":"The error cannot be written as JSON."}`)
	}
	return data
}

func requestTime(m *nats.Msg) time.Duration {
	ms, err := strconv.ParseInt(m.Header.Get(headerTimeout), 10, 64)
	if err != nil || ms <= 0 {
		return callTimeout
	}
	return min(time.Duration(min(ms, maxRequestTime.Milliseconds()))*time.Millisecond, maxRequestTime)
}
