package telemetry_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/stridelog/stridelog/platform/env"
	"github.com/stridelog/stridelog/platform/telemetry"
)

func TestTheStandardVariablesDecideAboutTracing(t *testing.T) {
	const endpoint = "http://collector:4318"
	for _, c := range []struct {
		name  string
		env   map[string]string
		wants bool
		fault string
	}{
		{name: "nothing set"},
		{name: "an endpoint", env: map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint}, wants: true},
		{name: "an endpoint for traces", env: map[string]string{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": endpoint}, wants: true},
		{name: "the exporter", env: map[string]string{"OTEL_TRACES_EXPORTER": "otlp"}, wants: true},
		{name: "no exporter", env: map[string]string{"OTEL_TRACES_EXPORTER": "none", "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint}},
		{name: "switched off", env: map[string]string{"OTEL_SDK_DISABLED": "true", "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint}},
		{name: "another exporter", env: map[string]string{"OTEL_TRACES_EXPORTER": "zipkin"}, fault: "OTEL_TRACES_EXPORTER"},
		{name: "gRPC", env: map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, fault: "4318"},
		{name: "no URL", env: map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "collector:4318"}, fault: "OTEL_EXPORTER_OTLP_ENDPOINT"},
	} {
		r := env.New(func(name string) (string, bool) { v, ok := c.env[name]; return v, ok })
		got, err := telemetry.TracingWanted(r), r.Err()
		if got != c.wants || (err == nil) != (c.fault == "") || err != nil && !strings.Contains(err.Error(), c.fault) {
			t.Errorf("%s: wanted %v, %v", c.name, got, err)
		}
	}
}

// failing cannot export.
type failing struct{ sdktrace.SpanExporter }

func (failing) ExportSpans(context.Context, []sdktrace.ReadOnlySpan) error {
	return errors.New("the collector is away")
}
func (failing) Shutdown(context.Context) error { return nil }

func TestALostExportIsLoggedAndNothingElse(t *testing.T) {
	var log bytes.Buffer
	tracing := telemetry.NewTracing(failing{}, slog.New(slog.NewTextHandler(&log, nil)))
	traces, err := tracing.Provider(t.Context(), "stridelog-test")
	if err != nil {
		t.Fatal(err)
	}
	_, span := traces.Tracer("test").Start(t.Context(), "work")
	span.End()
	if err := tracing.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if !strings.Contains(log.String(), "the collector is away") {
		t.Errorf("the log says %q", &log)
	}
}

func TestSpansSayWhichServiceMadeThem(t *testing.T) {
	for variable, want := range map[string]string{"": "stridelog-poller", "OTEL_SERVICE_NAME": "ours"} {
		t.Run("with "+variable, func(t *testing.T) {
			t.Setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test")
			if variable != "" {
				t.Setenv(variable, want)
			}
			exported := &keeping{}
			tracing := telemetry.NewTracing(exported, slog.New(slog.DiscardHandler))
			traces, err := tracing.Provider(t.Context(), "stridelog-poller")
			if err != nil {
				t.Fatal(err)
			}
			_, span := traces.Tracer("test").Start(t.Context(), "work")
			span.End()
			if err := tracing.Close(t.Context()); err != nil {
				t.Fatal(err)
			}
			about := map[string]string{}
			for _, a := range exported.spans[0].Resource().Attributes() {
				about[string(a.Key)] = a.Value.String()
			}
			if about["service.name"] != want || about["deployment.environment.name"] != "test" || about["service.instance.id"] == "" {
				t.Errorf("the span is of %v", about)
			}
		})
	}
}

// keeping keeps what is exported.
type keeping struct {
	sdktrace.SpanExporter
	spans []sdktrace.ReadOnlySpan
}

func (k *keeping) ExportSpans(_ context.Context, spans []sdktrace.ReadOnlySpan) error {
	k.spans = append(k.spans, spans...)
	return nil
}
func (*keeping) Shutdown(context.Context) error { return nil }

func TestARequestToAProviderIsASpanAndAFigure(t *testing.T) {
	cloud := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("traceparent") != "" {
			t.Error("the cloud got a traceparent")
		}
		w.WriteHeader(http.StatusTooManyRequests)
		_, _ = io.WriteString(w, "slow down")
	}))
	defer cloud.Close()
	spans, registry := tracetest.NewSpanRecorder(), prometheus.NewRegistry()
	traces := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans))
	outbound, err := telemetry.NewOutbound(traces, registry)
	if err != nil {
		t.Fatal(err)
	}
	client := outbound.Client("fitbit", nil)
	ctx, root := traces.Tracer("test").Start(t.Context(), "page")
	for _, c := range []struct {
		ctx context.Context
		url string
	}{
		{ctx, cloud.URL + "/1/user/ABC123/activities.json?after=2026-01-01"},
		{ctx, "http://127.0.0.1:1/nobody"},
		{t.Context(), cloud.URL}, // nobody's trace
	} {
		request, err := http.NewRequestWithContext(c.ctx, http.MethodGet, c.url, nil)
		if err != nil {
			t.Fatal(err)
		}
		if answer, err := client.Do(request); err == nil {
			if _, err := io.Copy(io.Discard, answer.Body); err != nil {
				t.Fatal(err)
			}
			answer.Body.Close()
		}
	}
	root.End()
	ended := spans.Ended()
	if len(ended) != 3 {
		t.Fatalf("there are %d spans, want two requests and the page: %v", len(ended), ended)
	}
	for i, want := range []string{"429", "connection"} {
		s, attributes := ended[i], map[string]string{}
		for _, a := range ended[i].Attributes() {
			attributes[string(a.Key)] = a.Value.String()
			if strings.Contains(a.Value.String(), "ABC123") {
				t.Errorf("%s shows the account", a.Key)
			}
		}
		if s.Name() != "GET" || s.Status().Code != codes.Error || attributes["error.type"] != want || attributes["service.peer.name"] != "fitbit" {
			t.Errorf("request %d is %s with %v", i, s.Name(), attributes)
		}
	}
	if n := testutil.CollectAndCount(registry, "stridelog_provider_request_duration_seconds"); n != 2 {
		t.Errorf("there are %d series, want one of 429 and one of errors", n)
	}
}
