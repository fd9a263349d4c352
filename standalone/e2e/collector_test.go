package e2e

import (
	"compress/gzip"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	wire "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// span is what a collector was told about one piece of work.
type span struct {
	Service, Name     string
	Kind              wire.Span_SpanKind
	Trace, ID, Parent string
	Links             []string // span ids
	Start, End        time.Time
	Attributes        map[string]string
	Failed            bool
	Said              string // texts beside the attributes: a status's description, events
}

// traceCollector takes spans over OTLP/HTTP as any collector would.
type traceCollector struct {
	url string

	mu    sync.Mutex
	spans []span
	fault error
}

func newCollector(t *testing.T) *traceCollector {
	t.Helper()
	c := &traceCollector{}
	site := httptest.NewServer(c)
	t.Cleanup(site.Close)
	c.url = site.URL
	return c
}

// environment makes a process send its spans here, soon.
func (c *traceCollector) environment() []string {
	return []string{"OTEL_EXPORTER_OTLP_ENDPOINT=" + c.url, "OTEL_BSP_SCHEDULE_DELAY=50"}
}

// ServeHTTP implements http.Handler.
func (c *traceCollector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	spans, err := decodeSpans(r)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.spans = append(c.spans, spans...)
	if err != nil {
		c.fault = err
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "application/x-protobuf")
}

func decodeSpans(r *http.Request) ([]span, error) {
	if r.URL.Path != "/v1/traces" || r.Header.Get("Content-Type") != "application/x-protobuf" {
		return nil, fmt.Errorf("%s %s of type %s is no export of traces", r.Method, r.URL.Path, r.Header.Get("Content-Type"))
	}
	body := io.Reader(r.Body)
	if r.Header.Get("Content-Encoding") == "gzip" {
		unzipped, err := gzip.NewReader(r.Body)
		if err != nil {
			return nil, err
		}
		body = unzipped
	}
	data, err := io.ReadAll(body)
	if err != nil {
		return nil, err
	}
	var export collector.ExportTraceServiceRequest
	if err := proto.Unmarshal(data, &export); err != nil {
		return nil, err
	}
	var spans []span
	for _, resource := range export.ResourceSpans {
		about := texts(resource.Resource.Attributes)
		for _, scope := range resource.ScopeSpans {
			for _, s := range scope.Spans {
				spans = append(spans, newSpan(about["service.name"], s))
			}
		}
	}
	return spans, nil
}

func newSpan(service string, s *wire.Span) span {
	out := span{
		Service: service, Name: s.Name, Kind: s.Kind, Trace: hex.EncodeToString(s.TraceId), ID: hex.EncodeToString(s.SpanId),
		Parent: hex.EncodeToString(s.ParentSpanId), Start: time.Unix(0, int64(s.StartTimeUnixNano)), End: time.Unix(0, int64(s.EndTimeUnixNano)),
		Attributes: texts(s.Attributes), Failed: s.Status.GetCode() == wire.Status_STATUS_CODE_ERROR, Said: s.Status.GetMessage() + s.TraceState,
	}
	for _, l := range s.Links {
		out.Links = append(out.Links, hex.EncodeToString(l.SpanId))
		out.Said += fmt.Sprint(texts(l.Attributes))
	}
	for _, e := range s.Events {
		out.Said += e.Name + fmt.Sprint(texts(e.Attributes))
	}
	return out
}

func texts(attributes []*common.KeyValue) map[string]string {
	m := map[string]string{}
	for _, a := range attributes {
		switch v := a.Value.Value.(type) {
		case *common.AnyValue_StringValue:
			m[a.Key] = v.StringValue
		case *common.AnyValue_IntValue:
			m[a.Key] = fmt.Sprint(v.IntValue)
		default:
			m[a.Key] = a.Value.String()
		}
	}
	return m
}

// all are the spans that have come, in the order in which they began.
func (c *traceCollector) all(t *testing.T) []span {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.fault != nil {
		t.Fatalf("the collector cannot read an export: %v", c.fault)
	}
	list := slices.Clone(c.spans)
	slices.SortStableFunc(list, func(a, b span) int { return a.Start.Compare(b.Start) })
	return list
}
