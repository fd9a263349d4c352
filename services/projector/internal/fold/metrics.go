package fold

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/stridelog/stridelog/platform/telemetry"
)

// Metrics count what the fold does. No label holds an id.
type Metrics struct {
	facts     *prometheus.CounterVec // by kind
	failures  prometheus.Counter
	retries   *prometheus.CounterVec // by kind
	announced prometheus.Counter
	linked    prometheus.Counter
	tooLarge  prometheus.Counter
	batch     prometheus.Histogram
	unknown   prometheus.Gauge
}

const (
	kindActivity   = "activity"
	kindConnection = "connection"
	kindUnknown    = "unknown"
	kindFact       = "fact"
	kindSync       = "sync"
)

// NewMetrics registers the fold's metrics; a nil registry leaves them
// unregistered.
func NewMetrics(r prometheus.Registerer) (*Metrics, error) {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: "stridelog_projector_" + name, Help: help})
	}
	m := &Metrics{
		facts: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "stridelog_projector_facts_total", Help: "Facts folded into the tables, redeliveries included.",
		}, []string{"kind"}),
		failures: counter("failures_total", "Records that could not be normalized."),
		retries: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "stridelog_projector_retries_total", Help: "Batches given back because something failed.",
		}, []string{"kind"}),
		announced: counter("announced_total", "Workout events published."),
		linked:    counter("links_announced_total", "Changes of links between duplicates published."),
		tooLarge:  counter("islands_too_large_total", "Times that more than 1,000 workouts of one person came to touch each other in time, so that none of them is linked."),
		batch: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "stridelog_projector_batch_size", Help: "Facts in one batch.", Buckets: prometheus.ExponentialBuckets(1, 4, 6),
		}),
	}
	m.unknown = prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "stridelog_projector_unknown_facts", Help: "Facts of a type, kind or format that no program here folds yet.",
	})
	return m, telemetry.Register(r, "the projector", m.facts, m.failures, m.retries, m.announced, m.linked, m.tooLarge, m.batch, m.unknown)
}

// FactsGivenBack counts a batch of facts that comes again.
func (m *Metrics) FactsGivenBack() { m.retries.WithLabelValues(kindFact).Inc() }

// SyncsGivenBack counts a batch of syncs that comes again.
func (m *Metrics) SyncsGivenBack() { m.retries.WithLabelValues(kindSync).Inc() }
