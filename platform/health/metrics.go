package health

import (
	"context"

	"github.com/prometheus/client_golang/prometheus"
)

// collector tells at each scrape how the checks of a process stand. A scrape asks the
// stores no more often than others who ask.
type collector struct {
	reporter *Reporter
	ok       *prometheus.Desc
}

// NewCollector has stridelog_check_ok for each check that counts for readiness.
func NewCollector(r *Reporter) prometheus.Collector {
	return collector{reporter: r, ok: prometheus.NewDesc("stridelog_check_ok",
		"1 while a check of /readyz passes, 0 while it does not.", []string{"check"}, nil)}
}

// Describe implements prometheus.Collector.
func (c collector) Describe(to chan<- *prometheus.Desc) { to <- c.ok }

// Collect implements prometheus.Collector.
func (c collector) Collect(to chan<- prometheus.Metric) {
	report := c.reporter.Report(context.Background())
	for name := range report.Says {
		value := 1.0
		if report.Failed[name] {
			value = 0
		}
		to <- prometheus.MustNewConstMetric(c.ok, prometheus.GaugeValue, value, name)
	}
}
