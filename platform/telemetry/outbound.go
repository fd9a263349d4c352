package telemetry

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/codes"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
)

const scope = "github.com/stridelog/stridelog/platform/telemetry"

// Outbound traces and measures the requests of one service to clouds. Neither
// path nor query is recorded, which can name a person's account, and no
// traceparent leaves with a request: how we work is none of a cloud's business.
type Outbound struct {
	tracer   trace.Tracer
	duration *prometheus.HistogramVec
}

// NewOutbound registers the metrics; a nil registry keeps none.
func NewOutbound(traces trace.TracerProvider, r prometheus.Registerer) (*Outbound, error) {
	o := &Outbound{
		tracer: traces.Tracer(scope),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "stridelog_provider_request_duration_seconds", Help: "Time of a request to a provider until its answer was read, by status; error for none.",
			Buckets: []float64{.01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30},
		}, []string{"provider", "method", "status"}),
	}
	return o, Register(r, "requests to providers", o.duration)
}

// Client is given with its requests to one provider traced and measured; nil is a
// client without settings of its own.
func (o *Outbound) Client(provider string, given *http.Client) *http.Client {
	c := http.Client{}
	if given != nil {
		c = *given
	}
	t := &transport{o: o, provider: provider, base: c.Transport}
	if t.base == nil {
		t.base = http.DefaultTransport
	}
	c.Transport = t
	return &c
}

type transport struct {
	o        *Outbound
	provider string
	base     http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	began := time.Now()
	port, _ := strconv.Atoi(r.URL.Port())
	ctx, span := StartChild(r.Context(), t.o.tracer, r.Method, trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(
		semconv.HTTPRequestMethodKey.String(r.Method), semconv.ServerAddress(r.URL.Hostname()), semconv.ServicePeerName(t.provider)))
	if port > 0 {
		span.SetAttributes(semconv.ServerPort(port))
	}
	answer, err := t.base.RoundTrip(r.WithContext(ctx))
	status := "error"
	if err == nil {
		status = strconv.Itoa(answer.StatusCode)
		span.SetAttributes(semconv.HTTPResponseStatusCode(answer.StatusCode))
		if answer.StatusCode >= http.StatusBadRequest {
			fail(span, status)
		}
	} else {
		fail(span, failureType(err))
	}
	end := sync.OnceFunc(func() {
		span.End()
		t.o.duration.WithLabelValues(t.provider, r.Method, status).Observe(time.Since(began).Seconds())
	})
	if err != nil {
		end()
		return nil, err
	}
	answer.Body = &countedBody{ReadCloser: answer.Body, end: end}
	return answer, nil
}

// fail marks a span; errorType is a word of a small vocabulary.
func fail(span trace.Span, errorType string) {
	span.SetStatus(codes.Error, "")
	span.SetAttributes(semconv.ErrorTypeKey.String(errorType))
}

func failureType(err error) string {
	var slow net.Error
	switch {
	case errors.Is(err, context.Canceled):
		return "cancelled"
	case errors.As(err, &slow) && slow.Timeout():
		return "timeout"
	default:
		return "connection"
	}
}

// countedBody ends a request's time when its answer is read or given up.
type countedBody struct {
	io.ReadCloser
	end func()
}

func (b *countedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil {
		b.end()
	}
	return n, err
}

func (b *countedBody) Close() error {
	b.end()
	return b.ReadCloser.Close()
}
