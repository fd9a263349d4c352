package telemetry

import (
	"context"
	"log/slog"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// discreet exports spans without the texts of errors. Libraries put an error's
// whole text into a span, and a database's can quote what a row holds: the text
// belongs into the log of the service that knows what it says. The fact that
// something failed stays.
type discreet struct {
	sdktrace.SpanExporter
	log *slog.Logger
}

// ExportSpans logs a failure itself: the SDK would hand it to a global handler.
func (d discreet) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	out := make([]sdktrace.ReadOnlySpan, len(spans))
	for i, s := range spans {
		out[i] = wordless{s}
	}
	if err := d.SpanExporter.ExportSpans(ctx, out); err != nil {
		d.log.WarnContext(ctx, "traces could not be exported and are lost", "spans", len(spans), "error", err)
	}
	return nil
}

// wordless is a span without its events, which are recorded errors, and without
// the description of its status.
type wordless struct{ sdktrace.ReadOnlySpan }

func (wordless) Events() []sdktrace.Event { return nil }

func (w wordless) Status() sdktrace.Status {
	return sdktrace.Status{Code: w.ReadOnlySpan.Status().Code}
}
