package work

import (
	"context"
	"errors"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"github.com/stridelog/stridelog/platform/telemetry"
	"github.com/stridelog/stridelog/services/poller/internal/store"
)

// Scope is the name that the spans' tracer has.
const Scope = "github.com/stridelog/stridelog/services/poller"

// traced does a window's next piece of work in a span: of the trace of whoever
// asked for the sync, or of a new one for a sync by timetable.
func (p *Pool) traced(ctx context.Context, name string, w store.Window, work func(context.Context) error) error {
	ctx, span := p.Tracer.Start(telemetry.WithTraceParent(ctx, w.Trace), name, trace.WithAttributes(
		attribute.String("stridelog.provider", w.Provider), attribute.String("stridelog.sync.id", w.ID),
		attribute.String("stridelog.sync.trigger", w.Trigger)))
	err := work(ctx)
	failed := err
	if errors.Is(err, errDone) {
		failed = nil
	}
	telemetry.End(span, failed)
	return err
}
