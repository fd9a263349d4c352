package bus_test

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/events/rpc"
	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/platform/bus/bustest"
	"github.com/stridelog/stridelog/platform/telemetry"
	"github.com/stridelog/stridelog/platform/waittest"
)

// recorded is a bus whose spans a test can look at.
func recorded(t *testing.T) (*bus.Bus, trace.Tracer, *tracetest.SpanRecorder) {
	t.Helper()
	spans := tracetest.NewSpanRecorder()
	traces := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans))
	b, err := bus.New(bustest.New(t).Conn(), bustest.Logger(t), bus.WithTraces(traces))
	if err != nil {
		t.Fatal(err)
	}
	return b, traces.Tracer("test"), spans
}

// named is the one ended span of a name.
func named(t *testing.T, spans *tracetest.SpanRecorder, name string) sdktrace.ReadOnlySpan {
	t.Helper()
	var found sdktrace.ReadOnlySpan
	waittest.Until(t, name+" has ended", func() bool {
		i := slices.IndexFunc(spans.Ended(), func(s sdktrace.ReadOnlySpan) bool { return s.Name() == name })
		if i >= 0 {
			found = spans.Ended()[i]
		}
		return i >= 0
	})
	return found
}

func attributes(s sdktrace.ReadOnlySpan) map[string]string {
	m := map[string]string{}
	for _, a := range s.Attributes() {
		m[string(a.Key)] = a.Value.String()
	}
	return m
}

const (
	publishActivated = "publish stridelog.connection.activated.{provider}.{user_id}"
	processActivated = "process stridelog.connection.activated.{provider}.{user_id}"
	publishFetched   = "publish stridelog.activity.fetched.{provider}.{user_id}"
	processFetched   = "process stridelog.activity.fetched.{provider}.{user_id}"
)

func TestAHandlerContinuesTheTraceOfItsEvent(t *testing.T) {
	b, tracer, spans := recorded(t)
	handled := make(chan string, 1)
	runRouter(t, b, connections(func(ctx context.Context, _ bus.Delivery) error {
		handled <- telemetry.TraceParent(ctx)
		return bus.Permanent(errors.New("no"))
	}))
	ctx, root := tracer.Start(t.Context(), "request")
	e := activated(u1)
	if _, err := b.Publish(ctx, e); err != nil {
		t.Fatal(err)
	}
	root.End()
	seen := waittest.Receive(t, "the event", handled)
	sent, handling := named(t, spans, publishActivated), named(t, spans, processActivated)
	if sent.Parent().SpanID() != root.SpanContext().SpanID() || sent.SpanKind() != trace.SpanKindProducer {
		t.Errorf("the publication is no part of the request: %v", sent)
	}
	if handling.Parent().SpanID() != sent.SpanContext().SpanID() || handling.SpanKind() != trace.SpanKindConsumer || handling.Status().Code != codes.Error {
		t.Errorf("the handling does not continue the publication, or does not tell that it failed: %v", handling)
	}
	if !strings.Contains(seen, handling.SpanContext().SpanID().String()) {
		t.Errorf("the handler works in %s, not in its span", seen)
	}
	want := map[string]string{
		"messaging.system": "nats", "messaging.destination.template": "stridelog.connection.activated.{provider}.{user_id}",
		"messaging.operation.name": "process", "messaging.operation.type": "process", "messaging.message.id": e.ID,
		"messaging.consumer.group.name": "tester-connections",
	}
	if got := attributes(handling); !maps.Equal(got, want) {
		t.Errorf("attributes are %v, want %v", got, want)
	}
}

func TestWhatNobodyAskedForMakesNoSpan(t *testing.T) {
	b, _, spans := recorded(t)
	handled := make(chan string, 1)
	runRouter(t, b, connections(func(ctx context.Context, _ bus.Delivery) error {
		handled <- telemetry.TraceParent(ctx)
		return nil
	}))
	publish(t, b, activated(u1))
	if got := waittest.Receive(t, "the event", handled); got != "" {
		t.Errorf("the handler has the trace %s", got)
	}
	if got := spans.Started(); len(got) > 0 {
		t.Errorf("there are spans: %v", got)
	}
}

// A page is one publication; a batch that holds facts of two traces is one fold, in
// the first one's trace, and a span in each.
func TestABatchIsPartOfEveryTraceThatItFolds(t *testing.T) {
	b, tracer, spans := recorded(t)
	x := fold(t, b, 10)
	var roots []trace.Span
	for _, user := range []string{u1, u2} {
		ctx, root := tracer.Start(t.Context(), "sync of "+user)
		if _, _, err := b.PublishPage(ctx, activities(user, 0, 3), bus.Expect{Subjects: scope(user)}); err != nil {
			t.Fatal(err)
		}
		root.End()
		roots = append(roots, root)
	}
	publishPage(t, b, activities(u3, 0, 2), 0) // of no trace
	var deliveries []bus.Delivery
	for len(deliveries) < 8 {
		deliveries = append(deliveries, next(t, x).Deliveries...)
	}
	ctx, p := b.Process(t.Context(), "folder", deliveries)
	inside := trace.SpanContextFromContext(ctx)
	p.End(nil)

	batch := named(t, spans, "fold folder")
	if batch.SpanContext().SpanID() != inside.SpanID() || batch.SpanContext().TraceID() != roots[0].SpanContext().TraceID() {
		t.Errorf("the work of the batch is not in its span, or that is not in the first fact's trace: %v", batch)
	}
	parts := map[trace.TraceID]sdktrace.ReadOnlySpan{}
	for _, s := range spans.Ended() {
		if s.Name() == processFetched {
			parts[s.SpanContext().TraceID()] = s
		}
	}
	if len(parts) != 2 || len(batch.Links()) != 2 {
		t.Fatalf("%d traces have a span of the batch, which links to %d; want 2 and 2", len(parts), len(batch.Links()))
	}
	for i, root := range roots {
		part := parts[root.SpanContext().TraceID()]
		if got := attributes(part)["messaging.batch.message_count"]; got != "3" || part.Links()[0].SpanContext.SpanID() != inside.SpanID() {
			t.Errorf("the part of trace %d has %s facts and the links %v", i, got, part.Links())
		}
		if got := deliveries[3*i].Event.TraceParent; !strings.Contains(got, part.SpanContext().SpanID().String()) {
			t.Errorf("what follows from fact %d would go on as %s", 3*i, got)
		}
	}
	if got := deliveries[7].Event.TraceParent; got != "" {
		t.Errorf("a fact without a trace got %s", got)
	}
	// What is published because of the facts continues each one's own trace.
	var effects []events.Event
	for _, d := range deliveries {
		e := d.Event
		e.ID = events.NewID()
		effects = append(effects, e)
	}
	before := len(spans.Ended())
	if err := b.PublishAll(ctx, effects); err != nil {
		t.Fatal(err)
	}
	traces := map[trace.TraceID]bool{}
	for _, s := range spans.Ended()[before:] {
		if s.Name() == publishFetched {
			traces[s.SpanContext().TraceID()] = true
		}
	}
	if len(traces) != 2 {
		t.Errorf("the effects are part of %d traces, want 2", len(traces))
	}
}

func TestACallIsASpanOnBothSides(t *testing.T) {
	b, tracer, spans := recorded(t)
	serve(t, b, bus.Method(rpc.OAuthToken, func(context.Context, rpc.TokenRequest) (rpc.TokenResponse, error) {
		return rpc.TokenResponse{}, nil
	}))
	ctx, root := tracer.Start(t.Context(), "request")
	defer root.End()
	if _, err := token(ctx, b, "c1"); err != nil {
		t.Fatal(err)
	}
	kinds := map[trace.SpanKind]sdktrace.ReadOnlySpan{}
	waittest.Until(t, "both sides have ended", func() bool {
		for _, s := range spans.Ended() {
			kinds[s.SpanKind()] = s
		}
		return len(kinds) == 2
	})
	client, server := kinds[trace.SpanKindClient], kinds[trace.SpanKindServer]
	if client.Name() != string(rpc.OAuthToken) || server.Parent().SpanID() != client.SpanContext().SpanID() || client.Parent().SpanID() != root.SpanContext().SpanID() {
		t.Errorf("the two sides are %v and %v", client, server)
	}
}
