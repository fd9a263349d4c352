package rest

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"
	"go.opentelemetry.io/otel/codes"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/platform/telemetry"
)

const scope = "github.com/stridelog/stridelog/services/gateway"

// trace makes a request's span, in its caller's trace where it has one. The span
// names the route and neither path nor query, which can hold a person's data: that
// is why the ready-made middleware is of no use here.
func (s *server) trace() gin.HandlerFunc {
	tracer := s.o.Traces.Tracer(scope)
	return func(c *gin.Context) {
		method, route := semconv.HTTPRequestMethodKey.String(c.Request.Method), c.FullPath()
		name := c.Request.Method
		if knownMethod(name) != name {
			name, method = "HTTP", semconv.HTTPRequestMethodOther
		}
		ctx := telemetry.WithTraceParent(c.Request.Context(), c.GetHeader(events.HeaderTraceParent))
		ctx, span := tracer.Start(ctx, strings.TrimSpace(name+" "+route), trace.WithSpanKind(trace.SpanKindServer),
			trace.WithAttributes(method, semconv.HTTPRoute(route)))
		defer span.End()
		c.Request = c.Request.WithContext(ctx)
		c.Next()
		status := c.Writer.Status()
		span.SetAttributes(semconv.HTTPResponseStatusCode(status))
		if status >= http.StatusInternalServerError {
			span.SetStatus(codes.Error, "")
			span.SetAttributes(semconv.ErrorTypeKey.String(strconv.Itoa(status)))
		}
	}
}

// knownMethod keeps a stranger from making names of his own.
func knownMethod(method string) string {
	switch method {
	case http.MethodGet, http.MethodPost, http.MethodPatch, http.MethodDelete, http.MethodPut, http.MethodHead, http.MethodOptions:
		return method
	default:
		return "other"
	}
}
