package telemetry

import (
	"context"
	"log/slog"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// redactingExporter exports spans without the texts of errors. Libraries put an error's
// whole text into a span, and a database's can quote what a row holds: the text
// belongs into the log of the service that knows what it says. The fact that
// something failed stays.
type redactingExporter struct {
	sdktrace.SpanExporter
	log *slog.Logger
}

// ExportSpans logs a failure itself: the SDK would hand it to a global handler.
func (e redactingExporter) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	out := make([]sdktrace.ReadOnlySpan, len(spans))
	for i, s := range spans {
		out[i] = redactedSpan{s}
	}
	if err := e.SpanExporter.ExportSpans(ctx, out); err != nil {
		e.log.WarnContext(ctx, "traces could not be exported and are lost", "spans", len(spans), "error", err)
	}
	return nil
}

// redactedSpan is a span without its events, which are recorded errors, and without
// the description of its status.
type redactedSpan struct{ sdktrace.ReadOnlySpan }

func (redactedSpan) Events() []sdktrace.Event { return nil }

func (s redactedSpan) Status() sdktrace.Status {
	return sdktrace.Status{Code: s.ReadOnlySpan.Status().Code}
}
