package bus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/events/rpc"
	"github.com/stridelog/stridelog/platform/telemetry"
	"go.opentelemetry.io/otel/trace"
)

// The headers of requests and replies.
const (
	// headerTimeout tells the answering side how long the caller waits, in milliseconds.
	headerTimeout = "Rpc-Timeout-Ms"
	// headerStatus is "error" when the reply's payload is an rpc.Error.
	headerStatus = "Rpc-Status"
	statusError  = "error"
)

// callTimeout bounds a call where the context has no deadline.
const callTimeout = 15 * time.Second

// Call asks the service of a method and waits for its answer, 15 s where the
// context has no deadline. Every error holds an *rpc.Error (errors.As): the
// service's own, or CodeUnavailable when nobody answers.
func Call[Req, Resp any](ctx context.Context, b *Bus, m rpc.Method, req Req) (Resp, error) {
	var resp Resp
	data, err := json.Marshal(req)
	if err != nil {
		return resp, &rpc.Error{Code: rpc.CodeInternal, Detail: fmt.Sprintf("The request to %s cannot be written as JSON.", m)}
	}
	reply, err := b.request(ctx, m, data)
	if err != nil {
		return resp, err
	}
	if err := json.Unmarshal(reply, &resp); err != nil {
		return resp, &rpc.Error{Code: rpc.CodeInternal, Detail: fmt.Sprintf("The answer of %s is not what this version expects; run the same version of all services.", m)}
	}
	return resp, nil
}

func (b *Bus) request(ctx context.Context, m rpc.Method, data []byte) (answer []byte, err error) {
	started := time.Now()
	ctx, span := b.calling(ctx, trace.SpanKindClient, m)
	defer func() {
		telemetry.End(span, err)
		b.metrics.called(m, err, time.Since(started))
	}()
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, callTimeout)
		defer cancel()
	}
	deadline, _ := ctx.Deadline()
	out := &nats.Msg{Subject: string(m), Header: nats.Header{}, Data: data}
	out.Header.Set(headerTimeout, strconv.FormatInt(max(time.Until(deadline).Milliseconds(), 1), 10))
	if parent := telemetry.TraceParent(ctx); parent != "" {
		out.Header.Set(events.HeaderTraceParent, parent)
	}
	in, err := b.nc.RequestMsgWithContext(ctx, out)
	if err != nil {
		return nil, unavailable(m, time.Since(started), err)
	}
	if in.Header.Get(headerStatus) != statusError {
		return in.Data, nil
	}
	var refusal rpc.Error
	if err := json.Unmarshal(in.Data, &refusal); err != nil || refusal.Code == "" {
		return nil, &rpc.Error{Code: rpc.CodeInternal, Detail: fmt.Sprintf("%s failed and its error cannot be read; run the same version of all services.", m)}
	}
	return nil, &refusal
}

// unavailable says why there is no answer and what to do. The cause stays in the
// chain, so that a caller can see its own cancellation.
func unavailable(m rpc.Method, waited time.Duration, cause error) error {
	answer := &rpc.Error{Code: rpc.CodeUnavailable}
	switch {
	case errors.Is(cause, nats.ErrNoResponders):
		answer.Detail = fmt.Sprintf("Nobody answers %s: start the %s service and check that it uses the same NATS server.", m, m.Service())
	case errors.Is(cause, context.Canceled):
		answer.Detail = fmt.Sprintf("The call of %s was cancelled before an answer came.", m)
	case errors.Is(cause, context.DeadlineExceeded), errors.Is(cause, nats.ErrTimeout):
		answer.Detail = fmt.Sprintf("No answer from %s within %v: try again; if it stays so, look at the log of the %s service.", m, waited.Round(time.Millisecond), m.Service())
	default:
		answer.Detail = fmt.Sprintf("The request %s could not be sent: check the connection to NATS and try again.", m)
	}
	return fmt.Errorf("%w (%w)", answer, cause)
}
