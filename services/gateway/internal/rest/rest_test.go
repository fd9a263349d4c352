package rest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/trace/noop"

	"github.com/stridelog/stridelog/platform/telemetry"
	"github.com/stridelog/stridelog/services/gateway/internal/apikey"
	"github.com/stridelog/stridelog/services/gateway/internal/rest"
)

type keys func() (*apikey.Access, error)

func (k keys) Access(context.Context, string) (*apikey.Access, error) { return k() }
func (k keys) Trusted(string) bool                                    { return false }
func (k keys) Forget()                                                {}

// A panic answers a 500 that says nothing of it; the log names the route and
// never the query.
func TestPanicAndAccessLog(t *testing.T) {
	var log bytes.Buffer
	registry := telemetry.NewRegistry()
	handler, err := rest.New(rest.Options{
		Log: slog.New(slog.NewTextHandler(&log, nil)), Registry: registry, Traces: noop.NewTracerProvider(),
		Keys: keys(func() (*apikey.Access, error) { panic("the secret inside") }),
	})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(handler)
	resp, err := http.Get(server.URL + "/api/v1/users?search=ada@example.org")
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	server.Close() // waits for the log line
	var p struct{ Code string }
	if err := json.Unmarshal(body, &p); err != nil || resp.StatusCode != 500 || p.Code != "internal" || bytes.Contains(body, []byte("secret")) {
		t.Errorf("a panic answered %d %s", resp.StatusCode, body)
	}
	if text := log.String(); !strings.Contains(text, "route=/api/v1/users status=500") || strings.Contains(text, "ada@") || strings.Contains(text, "search") {
		t.Errorf("the log says %s", text)
	}
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	counted := false
	for _, f := range families {
		counted = counted || f.GetName() == "stridelog_http_request_duration_seconds"
	}
	if !counted {
		t.Error("the request is not in the metrics")
	}
}
