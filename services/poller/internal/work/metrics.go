package work

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/stridelog/stridelog/platform/telemetry"
)

// Metrics count what the poller does. No label names a person.
type Metrics struct {
	runs      *prometheus.CounterVec
	published *prometheus.CounterVec
}

// NewMetrics makes the metrics and registers them, unless there is no registry.
func NewMetrics(r prometheus.Registerer) (*Metrics, error) {
	m := &Metrics{
		runs: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "stridelog_poller_runs_total", Help: "Syncs by how they ended or were put off.",
		}, []string{"provider", "trigger", "status"}),
		published: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "stridelog_poller_activities_published_total", Help: "Activity facts put into the log.",
		}, []string{"provider"}),
	}
	return m, telemetry.Register(r, "polling", m.runs, m.published)
}
