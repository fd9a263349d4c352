package telemetry

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"

	"github.com/google/uuid"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/stridelog/stridelog/platform/env"
)

const (
	variableDisabled       = "OTEL_SDK_DISABLED"
	variableExporter       = "OTEL_TRACES_EXPORTER"
	variableEndpoint       = "OTEL_EXPORTER_OTLP_ENDPOINT"
	variableTracesEndpoint = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"
	variableProtocol       = "OTEL_EXPORTER_OTLP_PROTOCOL"
	variableTracesProtocol = "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"

	exporterOTLP = "otlp"
	exporterNone = "none"
	protocolHTTP = "http/protobuf"
)

// TracingWanted reads from OpenTelemetry's own variables whether spans shall be
// exported: when an OTLP endpoint is set, or OTEL_TRACES_EXPORTER is otlp, unless
// OTEL_SDK_DISABLED is true. It checks what would fail later. With nothing set
// there is no tracing: OpenTelemetry's default, a collector on localhost, would
// cost every installation that has none.
func TracingWanted(r *env.Reader) bool {
	disabled := r.Bool(variableDisabled, false)
	exporter := r.String(variableExporter, "")
	endpoint := r.URL(variableTracesEndpoint, r.URL(variableEndpoint, ""))
	protocol := r.String(variableTracesProtocol, r.String(variableProtocol, protocolHTTP))
	switch {
	case disabled:
		return false
	case exporter != "" && exporter != exporterOTLP && exporter != exporterNone:
		r.Fault(variableExporter, "must be "+exporterOTLP+" or "+exporterNone)
		return false
	case exporter == exporterNone, exporter == "" && endpoint == "":
		return false
	case protocol != protocolHTTP:
		r.Fault(variableProtocol, "must be "+protocolHTTP+": send to the collector's HTTP port, mostly 4318")
		return false
	}
	return true
}

// Tracing exports the spans of a process. The zero value records nothing and
// carries on the traces that come in.
type Tracing struct {
	Version  string // of the program; empty: what its stamps say
	spans    sdktrace.SpanProcessor
	instance string
}

// NewExporter sends spans to a collector over OTLP/HTTP. It reads the standard
// OTEL_EXPORTER_OTLP_ variables of the process.
func NewExporter(ctx context.Context) (sdktrace.SpanExporter, error) {
	exporter, err := otlptracehttp.New(ctx)
	if err != nil {
		return nil, fmt.Errorf("export traces: %w; check the OTEL_EXPORTER_OTLP_ variables", err)
	}
	return exporter, nil
}

// NewTracing exports spans in batches. Batches, the limits of spans and the sampler
// follow the standard OTEL_* variables of the process. What cannot be exported is
// lost and logged; nothing else fails because of it.
func NewTracing(exporter sdktrace.SpanExporter, log *slog.Logger) *Tracing {
	return &Tracing{spans: sdktrace.NewBatchSpanProcessor(redactingExporter{exporter, log}), instance: uuid.NewString()}
}

// Provider makes tracers for one service of the process. OTEL_SERVICE_NAME and
// OTEL_RESOURCE_ATTRIBUTES override what the spans say about the service.
func (t *Tracing) Provider(ctx context.Context, service string) (trace.TracerProvider, error) {
	if t == nil || t.spans == nil {
		return noop.NewTracerProvider(), nil
	}
	about, err := resource.New(ctx,
		resource.WithAttributes(
			semconv.ServiceName(service), semconv.ServiceVersion(cmp.Or(t.Version, ReadBuild("", "", "").Version)), semconv.ServiceInstanceID(t.instance)),
		resource.WithTelemetrySDK(),
		resource.WithFromEnv())
	if err != nil {
		return nil, fmt.Errorf("describe the service %s for its traces: %w; check OTEL_RESOURCE_ATTRIBUTES", service, err)
	}
	return sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(t.spans), sdktrace.WithResource(about)), nil
}

// Close exports what is left, as far as ctx allows.
func (t *Tracing) Close(ctx context.Context) error {
	if t == nil || t.spans == nil {
		return nil
	}
	if err := t.spans.Shutdown(ctx); err != nil {
		return fmt.Errorf("export the last traces: %w", err)
	}
	return nil
}
