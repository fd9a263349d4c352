package rest

import (
	"context"
	"net/http"
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
	r.GET("/healthz", func(c *gin.Context) { c.JSON(http.StatusOK, gin.H{"status": "ok"}) })
	r.GET("/readyz", s.ready)
	r.GET("/metrics", gin.WrapH(promhttp.HandlerFor(s.o.Registry, promhttp.HandlerOpts{})))
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

func (s *server) ready(c *gin.Context) {
	checks := []health.Check{health.Database(s.o.DB), health.NATS(s.o.Bus)}
	if s.o.Checks != nil {
		checks = append(checks, s.o.Checks()...)
	}
	report := health.Ask(c, checks)
	if !report.Ready {
		says := make([]string, 0, len(checks))
		for _, check := range checks {
			says = append(says, check.Name+" "+report.Says[check.Name])
		}
		refuse(c, problem.Unavailable("Not ready: "+strings.Join(says, ", ")+". Check that database and NATS run and can be reached.", report.Err))
		return
	}
	answer := gin.H{"status": "ready"}
	if c.Request.URL.Query().Has("verbose") {
		if err := s.views(c, report.Says); err != nil {
			refuse(c, problem.Unavailable("The database stopped answering: try again.", err))
			return
		}
		if s.o.Buses != nil {
			report.Lags(c, s.o.Buses()...)
		}
		answer["checks"] = report.Says
	} else if len(report.Notices) > 0 {
		answer["checks"] = report.Notices
	}
	c.JSON(http.StatusOK, answer)
}

// views notes which of the other services have published what the API reads.
func (s *server) views(ctx context.Context, checks map[string]string) error {
	ctx, cancel := context.WithTimeout(ctx, health.Timeout)
	defer cancel()
	for service, view := range map[string]string{
		"oauth": "oauth.view_connections_v1", "poller": "poller.view_targets_v1", "projector": "projector.view_workouts_v1",
	} {
		var published bool
		if err := s.o.DB.QueryRow(ctx, `SELECT to_regclass($1) IS NOT NULL`, view).Scan(&published); err != nil {
			return err
		}
		checks[service] = map[bool]string{true: "ok", false: "has not published its views yet"}[published]
	}
	return nil
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
