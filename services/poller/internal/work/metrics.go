package work

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/stridelog/stridelog/platform/telemetry"
)

// Metrics count what the poller does. No label names a person.
type Metrics struct {
	runs      *prometheus.CounterVec
	requests  *prometheus.CounterVec
	published *prometheus.CounterVec
	budget    *prometheus.HistogramVec
}

// NewMetrics makes the metrics and registers them, unless there is no registry.
func NewMetrics(r prometheus.Registerer) (*Metrics, error) {
	m := &Metrics{
		runs: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "stridelog_poller_runs_total", Help: "Syncs by how they ended or were put off.",
		}, []string{"provider", "trigger", "status"}),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "stridelog_poller_provider_requests_total", Help: "Requests to providers by error class; ok for answers.",
		}, []string{"provider", "class"}),
		published: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "stridelog_poller_activities_published_total", Help: "Activity facts put into the log.",
		}, []string{"provider"}),
		budget: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "stridelog_poller_budget_remaining", Help: "Requests left of a provider account's budget, seen at each answer.",
			Buckets: []float64{0, 1, 5, 10, 25, 50, 75, 100, 150, 300, 1000},
		}, []string{"provider"}),
	}
	return m, telemetry.Register(r, "polling", m.runs, m.requests, m.published, m.budget)
}
