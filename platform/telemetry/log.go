// Package telemetry makes what tells how a process does: its logger, its metrics
// registry and its tracers, and it carries the trace context from HTTP over
// requests to events.
package telemetry

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"slices"

	"go.opentelemetry.io/otel/trace"
)

// NewLogger logs to w. Level is debug, info, warn or error; format is text or
// json. A record gets what its context says: the trace_id, and the attributes of
// WithLogAttrs.
func NewLogger(w io.Writer, level, format string) (*slog.Logger, error) {
	var l slog.Level
	switch level {
	case "debug":
		l = slog.LevelDebug
	case "info":
		l = slog.LevelInfo
	case "warn":
		l = slog.LevelWarn
	case "error":
		l = slog.LevelError
	default:
		return nil, fmt.Errorf("log level %q: use debug, info, warn or error", level)
	}
	o := &slog.HandlerOptions{Level: l}
	switch format {
	case "text":
		return slog.New(contextual{slog.NewTextHandler(w, o)}), nil
	case "json":
		return slog.New(contextual{slog.NewJSONHandler(w, o)}), nil
	default:
		return nil, fmt.Errorf("log format %q: use text or json", format)
	}
}

type logAttrsKey struct{}

// WithLogAttrs makes every record that is logged with the context tell what it is
// about: a request's id, an event's id. Never a person's data.
func WithLogAttrs(ctx context.Context, attrs ...slog.Attr) context.Context {
	return context.WithValue(ctx, logAttrsKey{}, slices.Concat(logAttrs(ctx), attrs))
}

func logAttrs(ctx context.Context) []slog.Attr {
	attrs, _ := ctx.Value(logAttrsKey{}).([]slog.Attr)
	return attrs
}

// contextual adds to a record what its context says.
type contextual struct{ slog.Handler }

func (h contextual) Handle(ctx context.Context, r slog.Record) error {
	if s := trace.SpanContextFromContext(ctx); s.HasTraceID() {
		r.AddAttrs(slog.String("trace_id", s.TraceID().String()))
	}
	r.AddAttrs(logAttrs(ctx)...)
	return h.Handler.Handle(ctx, r)
}

func (h contextual) WithAttrs(a []slog.Attr) slog.Handler { return contextual{h.Handler.WithAttrs(a)} }

func (h contextual) WithGroup(name string) slog.Handler { return contextual{h.Handler.WithGroup(name)} }
