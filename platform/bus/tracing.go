package bus

import (
	"context"
	"log/slog"
	"slices"
	"strings"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/events/rpc"
	"github.com/stridelog/stridelog/platform/telemetry"
	"go.opentelemetry.io/otel/attribute"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
)

const (
	scope  = "github.com/stridelog/stridelog/platform/bus"
	system = "nats"
)

// template is the subject of a type without the person: what a span may show.
func template(t events.Type) string {
	return strings.Replace(events.TypeSubjects(t), "*.*", "{provider}.{user_id}", 1)
}

func messaging(t events.Type, operation string, more ...attribute.KeyValue) trace.SpanStartEventOption {
	return trace.WithAttributes(append(more,
		semconv.MessagingSystemKey.String(system), semconv.MessagingDestinationTemplate(template(t)),
		semconv.MessagingOperationName(operation))...)
}

// origin is what the events of one span have in common.
type origin struct {
	trace string // traceparent
	kind  events.Type
}

// origins groups events, in the order in which each group begins. Events of no
// trace are left out.
func origins(list []*events.Event) (order []origin, members map[origin][]*events.Event) {
	members = map[origin][]*events.Event{}
	for _, e := range list {
		if e.TraceParent == "" {
			continue
		}
		o := origin{e.TraceParent, e.Type()}
		if members[o] == nil {
			order = append(order, o)
		}
		members[o] = append(members[o], e)
	}
	return order, members
}

// sending makes the spans of a publication, one for each trace and type that its
// events belong to; the events' traces go on there. An event without a trace takes
// the context's. The caller's events stay as they are. end must be called.
func (b *Bus) sending(ctx context.Context, list []events.Event) (sent []events.Event, end func(error)) {
	own := telemetry.TraceParent(ctx)
	if own == "" && !b.traced {
		return list, func(error) {}
	}
	sent = slices.Clone(list)
	for i := range sent {
		if sent[i].TraceParent == "" {
			sent[i].TraceParent = own
		}
	}
	if !b.traced {
		return sent, func(error) {}
	}
	each := make([]*events.Event, len(sent))
	for i := range sent {
		each[i] = &sent[i]
	}
	var spans []trace.Span
	order, members := origins(each)
	for _, o := range order {
		parent := ctx
		if o.trace != own {
			parent = telemetry.WithTraceParent(ctx, o.trace)
		}
		about := semconv.MessagingBatchMessageCount(len(members[o]))
		if len(list) == 1 {
			about = semconv.MessagingMessageID(list[0].ID)
		}
		started, span := telemetry.StartChild(parent, b.tracer, "publish "+template(o.kind), trace.WithSpanKind(trace.SpanKindProducer),
			messaging(o.kind, "publish", semconv.MessagingOperationTypeSend, about))
		spans = append(spans, span)
		for _, e := range members[o] {
			e.TraceParent = telemetry.TraceParent(started)
		}
	}
	return sent, func(err error) {
		for _, s := range spans {
			telemetry.End(s, err)
		}
	}
}

// handling continues an event's trace for one handler, and lets its log lines say
// which event they are about.
func (b *Bus) handling(ctx context.Context, durable string, e events.Event) (context.Context, trace.Span) {
	ctx = telemetry.WithLogAttrs(telemetry.WithTraceParent(ctx, e.TraceParent), slog.String("event_id", e.ID))
	return telemetry.StartChild(ctx, b.tracer, "process "+template(e.Type()), trace.WithSpanKind(trace.SpanKindConsumer),
		messaging(e.Type(), "process", semconv.MessagingOperationTypeProcess,
			semconv.MessagingMessageID(e.ID), semconv.MessagingConsumerGroupName(durable)))
}

// calling makes the span of a request to another service, or of the answer.
func (b *Bus) calling(ctx context.Context, kind trace.SpanKind, m rpc.Method) (context.Context, trace.Span) {
	return telemetry.StartChild(ctx, b.tracer, string(m), trace.WithSpanKind(kind),
		trace.WithAttributes(semconv.RPCSystemNameKey.String(system), semconv.RPCMethod(string(m))))
}
