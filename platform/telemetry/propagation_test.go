package telemetry_test

import (
	"context"
	"regexp"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/trace/noop"

	"github.com/stridelog/stridelog/platform/telemetry"
)

const traceParent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

func TestTraceParent(t *testing.T) {
	if got := telemetry.TraceParent(context.Background()); got != "" {
		t.Errorf("an empty context has %q", got)
	}
	ctx := telemetry.WithTraceParent(t.Context(), traceParent)
	if got := telemetry.TraceParent(ctx); got != traceParent {
		t.Errorf("it carries %q, want %q", got, traceParent)
	}
	for _, bad := range []string{
		"", "00", strings.ToUpper(traceParent[:2] + "-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-bbbbbbbbbbbbbbbb-01"), traceParent + "-x", traceParent + "\n",
		"00-" + strings.Repeat("0", 32) + traceParent[35:], traceParent[:36] + strings.Repeat("0", 16) + "-01",
	} {
		if got := telemetry.TraceParent(telemetry.WithTraceParent(ctx, bad)); got != traceParent {
			t.Errorf("%q was taken: %q", bad, got)
		}
	}
}

// Switched off, nothing is recorded and what came in goes on.
func TestATraceGoesThroughAProcessThatRecordsNothing(t *testing.T) {
	traces, err := (*telemetry.Tracing)(nil).Provider(t.Context(), "test")
	if err != nil || telemetry.Records(traces) || telemetry.Records(nil) || telemetry.Records(noop.NewTracerProvider()) {
		t.Fatalf("it records: %v", err)
	}
	ctx, span := telemetry.StartChild(telemetry.WithTraceParent(t.Context(), traceParent), traces.Tracer("test"), "work")
	defer telemetry.End(span, nil)
	if got := telemetry.TraceParent(ctx); got != traceParent || span.IsRecording() {
		t.Errorf("the trace goes on as %q, recording %v", got, span.IsRecording())
	}
}

func FuzzTraceParent(f *testing.F) {
	f.Add(traceParent)
	f.Add("00-\r\nx")
	form := regexp.MustCompile(`\A00-[0-9a-f]{32}-[0-9a-f]{16}-0[0-3]\z`)
	f.Fuzz(func(t *testing.T, s string) {
		got := telemetry.TraceParent(telemetry.WithTraceParent(context.Background(), s))
		if got != "" && !form.MatchString(got) {
			t.Errorf("%q became %q", s, got)
		}
	})
}
