package rest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/stridelog/stridelog/platform/telemetry"
	"github.com/stridelog/stridelog/services/gateway/internal/apikey"
	"github.com/stridelog/stridelog/services/gateway/internal/rest"
)

// A request is a span of its caller's trace that names the route alone; its log
// line tells the trace and the request's id, which the answer has, too.
func TestARequestIsTracedAndIdentified(t *testing.T) {
	var log bytes.Buffer
	logger, err := telemetry.NewLogger(&log, "debug", "json")
	if err != nil {
		t.Fatal(err)
	}
	spans := tracetest.NewSpanRecorder()
	handler, err := rest.New(rest.Options{
		Log: logger, Registry: telemetry.NewRegistry(), Traces: sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans)),
		Keys: keys(func() (*apikey.Access, error) { return nil, nil }),
	})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(handler)
	const user = "7d3c8a52-07b5-4b7e-9a39-0d6f8f0f7a11"
	ask := func(method, id string) string {
		t.Helper()
		request, err := http.NewRequestWithContext(context.Background(), method, server.URL+"/api/v1/users/"+user+"?search=ada@example.org", nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("X-Request-Id", id)
		request.Header.Set("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
		answer, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		return answer.Header.Get("X-Request-Id")
	}
	if got := ask("GET", "from-the-client.1"); got != "from-the-client.1" {
		t.Errorf("a harmless id came back as %q", got)
	}
	if got := ask("BREW", "bad id\twith spaces"); got == "" || strings.Contains(got, "bad") {
		t.Errorf("a harmful id came back as %q", got)
	}
	server.Close() // waits for the log lines

	ended := spans.Ended()
	if len(ended) != 2 || ended[0].Name() != "GET /api/v1/users/:user_id" || ended[1].Name() != "HTTP" {
		t.Fatalf("the spans are %v", ended)
	}
	for _, s := range ended {
		if s.SpanKind() != trace.SpanKindServer || s.Parent().SpanID().String() != "b7ad6b7169203331" || !s.Parent().IsRemote() {
			t.Errorf("%s does not continue its caller's trace: %v", s.Name(), s.Parent())
		}
		for _, a := range s.Attributes() {
			if text := a.Value.String(); strings.Contains(text, user) || strings.Contains(text, "ada@") {
				t.Errorf("the attribute %s shows %s", a.Key, text)
			}
		}
	}
	var line map[string]any
	first, _, _ := strings.Cut(log.String(), "\n")
	if err := json.Unmarshal([]byte(first), &line); err != nil {
		t.Fatal(err)
	}
	if line["request_id"] != "from-the-client.1" || line["trace_id"] != "0af7651916cd43dd8448eb211c80319c" || line["route"] != "/api/v1/users/:user_id" {
		t.Errorf("the log says %v", line)
	}
}
