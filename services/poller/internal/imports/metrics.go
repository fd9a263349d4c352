package imports

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/stridelog/stridelog/platform/telemetry"
	"github.com/stridelog/stridelog/services/poller/internal/store"
)

// Metrics count the imports that this process has brought to their end, but for dry
// runs. No label names a person. A nil one counts nothing.
type Metrics struct {
	ended   *prometheus.CounterVec
	records *prometheus.CounterVec
}

// NewMetrics makes the metrics and registers them, unless there is no registry.
func NewMetrics(r prometheus.Registerer) (*Metrics, error) {
	m := &Metrics{
		ended: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "stridelog_poller_imports_total", Help: "Imports that ended, by status and error code.",
		}, []string{"provider", "status", "code"}),
		records: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "stridelog_poller_import_records_total", Help: "Records of imports that ended, by what became of them.",
		}, []string{"provider", "result"}),
	}
	return m, telemetry.Register(r, "imports", m.ended, m.records)
}

// end counts an import that has ended.
func (m *Metrics) end(l store.ImportLease, status string, failure *store.ImportError, c Counts) {
	if m == nil || l.DryRun {
		return
	}
	code := ""
	if failure != nil {
		code = failure.Code
	}
	m.ended.WithLabelValues(l.Provider, status, code).Inc()
	for result, n := range map[string]int{
		"imported": c.Imported, "already_there": c.AlreadyThere, "enriched": c.Enriched,
		"skipped": c.Skipped, "rejected": c.Rejected, "superseded": c.Superseded, "restated": c.Restated,
	} {
		m.records.WithLabelValues(l.Provider, result).Add(float64(n))
	}
}
