package telemetry

import (
	"context"

	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
)

const traceParentField = "traceparent"

// WithTraceParent continues the trace of a W3C traceparent in ctx. It comes from
// strangers: anything malformed is left out, so that it never reaches a header or
// a log. The tracestate beside it is not carried: an event has no place for it.
func WithTraceParent(ctx context.Context, traceParent string) context.Context {
	return propagation.TraceContext{}.Extract(ctx, propagation.MapCarrier{traceParentField: traceParent})
}

// TraceParent is the context's place in its trace as a W3C traceparent, or "". It
// is there, too, when this process records nothing and a caller sent one.
func TraceParent(ctx context.Context) string {
	carrier := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(ctx, carrier)
	return carrier[traceParentField]
}

// Records says whether a provider's tracers can record anything. Whoever would
// have to prepare spans leaves that out when they cannot.
func Records(traces trace.TracerProvider) bool {
	_, off := traces.(noop.TracerProvider)
	return traces != nil && !off
}

// StartChild starts a span in the trace of ctx. Where there is none it starts
// nothing: traces begin at a request and at a sync, and upkeep that nobody asked
// for is not worth one.
func StartChild(ctx context.Context, tracer trace.Tracer, name string, options ...trace.SpanStartOption) (context.Context, trace.Span) {
	if !trace.SpanContextFromContext(ctx).IsValid() {
		return ctx, noop.Span{}
	}
	return tracer.Start(ctx, name, options...)
}

// End ends a span and says whether what it stands for failed. The error's text
// stays in the log.
func End(span trace.Span, err error) {
	if err != nil {
		span.SetStatus(codes.Error, "")
	}
	span.End()
}
