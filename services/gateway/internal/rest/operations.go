package rest

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/platform/health"
	"github.com/stridelog/stridelog/services/gateway/internal/api"
	"github.com/stridelog/stridelog/services/gateway/internal/problem"
)

// operations are the routes for operators. They say nothing about people.
func (s *server) operations(r gin.IRouter, page []byte) {
	r.GET("/healthz", func(c *gin.Context) {
		c.Data(http.StatusOK, "application/json; charset=utf-8", []byte(`{"status":"ok"}`))
	})
	r.GET("/readyz", s.ready)
	r.GET("/metrics", gin.WrapH(promhttp.HandlerFor(s.o.Registry, promhttp.HandlerOpts{DisableCompression: true})))
	r.GET("/openapi.json", func(c *gin.Context) { c.Data(http.StatusOK, "application/json", api.Document()) })
	r.GET("/asyncapi.json", func(c *gin.Context) { c.Data(http.StatusOK, "application/json", events.AsyncAPI()) })
	r.GET(events.SchemaPath+":name", schema)
	r.GET("/docs", func(c *gin.Context) {
		c.Header("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
		c.Data(http.StatusOK, "text/html; charset=utf-8", page)
	})
}

// schema serves the JSON Schema of an event's payload under the path that the event's
// ce-dataschema names.
func schema(c *gin.Context) {
	text, ok := events.SchemaFile(c.Param("name"))
	if !ok {
		refuse(c, problem.New(http.StatusNotFound, problem.CodeNotFound,
			"There is no such schema: take the last part of an event's ce-dataschema; /asyncapi.json lists the types."))
		return
	}
	c.Data(http.StatusOK, "application/schema+json", text)
}

// readiness is the answer of a system that is ready.
type readiness struct {
	Status string            `json:"status"`
	Checks map[string]string `json:"checks,omitempty"`
}

func (s *server) ready(c *gin.Context) {
	verbose, asked := c.Request.URL.Query().Has("verbose"), s.reporter.Report
	if verbose {
		asked = s.reporter.Verbose
	}
	report := asked(c)
	answer := readiness{Status: "ready"}
	switch {
	case !report.Ready:
		refuse(c, notReady(report))
		return
	case verbose:
		answer.Checks = report.Says
	case len(report.Notices) > 0:
		answer.Checks = report.Notices
	}
	c.JSON(http.StatusOK, answer)
}

// notReady says how each check stands, in words and for programs.
func notReady(report health.Report) *problem.Problem {
	says := make([]string, 0, len(report.Says))
	for _, name := range slices.Sorted(maps.Keys(report.Says)) {
		says = append(says, name+" "+report.Says[name])
	}
	p := problem.Unavailable("Not ready: "+strings.Join(says, ", ")+". Check that database and NATS run and can be reached.", report.Err)
	p.Checks = report.Says
	return p
}

// newReporter asks database and NATS, what the process has beside them, and in detail
// which of the other services have published what the API reads.
func newReporter(o Options) *health.Reporter {
	return &health.Reporter{Log: o.Log, Buses: o.Buses, Checks: func() []health.Check {
		if o.DB == nil || o.Bus == nil {
			return nil // a handler that serves what needs no stores
		}
		checks := []health.Check{health.Database(o.DB), health.NATS(o.Bus)}
		if o.Checks != nil {
			checks = append(checks, o.Checks()...)
		}
		for service, view := range map[string]string{
			"oauth": "oauth.view_connections_v1", "poller": "poller.view_targets_v1", "projector": "projector.view_workouts_v1",
		} {
			checks = append(checks, health.Check{Name: service, Detail: true, Probe: func(ctx context.Context) (string, error) {
				var published bool
				if err := o.DB.QueryRow(ctx, `SELECT to_regclass($1) IS NOT NULL`, view).Scan(&published); err != nil {
					return "", err
				}
				return map[bool]string{true: health.OK, false: "has not published its views yet"}[published], nil
			}})
		}
		return checks
	}}
}

// metrics are the figures of the HTTP side.
type metrics struct{ requests *prometheus.HistogramVec }

func newMetrics(r prometheus.Registerer) (*metrics, error) {
	m := &metrics{requests: prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "stridelog_http_request_duration_seconds", Help: "Time to answer a request, by route and status.",
		Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10},
	}, []string{"method", "route", "status"})}
	return m, r.Register(m.requests)
}

func (m *metrics) observe(method, route string, status int, took time.Duration) {
	m.requests.WithLabelValues(knownMethod(method), route, strconv.Itoa(status)).Observe(took.Seconds())
}
