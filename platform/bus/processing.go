package bus

import (
	"context"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/platform/telemetry"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
)

// Processing is a batch under way, as traces tell of it: one span of the whole
// batch, where the work is, and in each trace that its events belong to a span
// that lasts as long. They link to each other.
type Processing struct {
	batch trace.Span
	parts []trace.Span
}

// Process begins the spans of a batch. The deliveries' events continue their
// traces there, so that what is published because of them is a part of these. A
// batch of which nothing is sampled has no span. End must be called.
func (b *Bus) Process(ctx context.Context, durable string, deliveries []Delivery) (context.Context, *Processing) {
	p := &Processing{batch: noop.Span{}}
	if !b.traced {
		return ctx, p
	}
	var traced []*events.Event
	for i, d := range deliveries {
		if d.Err == nil && sampled(d.Event.TraceParent) {
			traced = append(traced, &deliveries[i].Event)
		}
	}
	if len(traced) == 0 {
		return ctx, p
	}
	// Sampled for sure: it hangs together with traces that are.
	ctx, p.batch = b.tracer.Start(telemetry.WithTraceParent(ctx, traced[0].TraceParent), "fold "+durable, trace.WithAttributes(
		semconv.MessagingSystemKey.String(system), semconv.MessagingConsumerGroupName(durable),
		semconv.MessagingBatchMessageCount(len(deliveries))))
	order, members := origins(traced)
	for _, o := range order {
		started, span := b.tracer.Start(telemetry.WithTraceParent(ctx, o.trace), "process "+template(o.kind),
			trace.WithSpanKind(trace.SpanKindConsumer), trace.WithLinks(trace.Link{SpanContext: p.batch.SpanContext()}),
			messaging(o.kind, "process", semconv.MessagingOperationTypeProcess,
				semconv.MessagingBatchMessageCount(len(members[o])), semconv.MessagingConsumerGroupName(durable)))
		p.batch.AddLink(trace.Link{SpanContext: span.SpanContext()})
		p.parts = append(p.parts, span)
		for _, e := range members[o] {
			e.TraceParent = telemetry.TraceParent(started)
		}
	}
	return ctx, p
}

// End says how the batch ended.
func (p *Processing) End(err error) {
	for _, s := range p.parts {
		telemetry.End(s, err)
	}
	telemetry.End(p.batch, err)
}

func sampled(traceParent string) bool {
	return trace.SpanContextFromContext(telemetry.WithTraceParent(context.Background(), traceParent)).IsSampled()
}
