package call

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/stridelog/stridelog/platform/telemetry"
)

// Metrics count the calls of providers. No label names a person.
type Metrics struct {
	requests *prometheus.CounterVec
	budget   *prometheus.HistogramVec
}

// NewMetrics makes the metrics and registers them, unless there is no registry.
func NewMetrics(r prometheus.Registerer) (*Metrics, error) {
	m := &Metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "stridelog_poller_provider_requests_total", Help: "Requests to providers by error class; ok for answers.",
		}, []string{"provider", "class"}),
		budget: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "stridelog_poller_budget_remaining", Help: "Requests left of a provider account's budget, seen at each answer.",
			Buckets: []float64{0, 1, 5, 10, 25, 50, 75, 100, 150, 300, 1000},
		}, []string{"provider"}),
	}
	return m, telemetry.Register(r, "calls", m.requests, m.budget)
}
