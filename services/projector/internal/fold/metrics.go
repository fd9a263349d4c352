package fold

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/platform/bus"
)

// Metrics count what the fold does. No label holds an id.
type Metrics struct {
	facts     *prometheus.CounterVec // by kind
	failures  prometheus.Counter
	rejected  prometheus.Counter
	retries   *prometheus.CounterVec // by kind
	announced prometheus.Counter
	batch     prometheus.Histogram
}

const (
	kindActivity   = "activity"
	kindConnection = "connection"
	kindFact       = "fact"
	kindSync       = "sync"

	lagTimeout = 2 * time.Second
)

// NewMetrics registers the fold's metrics; a nil registry leaves them
// unregistered.
func NewMetrics(r prometheus.Registerer, b *bus.Bus) (*Metrics, error) {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: "stridelog_projector_" + name, Help: help})
	}
	m := &Metrics{
		facts: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "stridelog_projector_facts_total", Help: "Facts folded into the tables, redeliveries included.",
		}, []string{"kind"}),
		failures: counter("failures_total", "Records that could not be normalized."),
		rejected: counter("dead_letters_total", "Events given up as dead letters."),
		retries: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "stridelog_projector_retries_total", Help: "Batches given back because something failed.",
		}, []string{"kind"}),
		announced: counter("announced_total", "Workout events published."),
		batch: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "stridelog_projector_batch_size", Help: "Facts in one batch.", Buckets: prometheus.ExponentialBuckets(1, 4, 6),
		}),
	}
	if r == nil {
		return m, nil
	}
	pending := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "stridelog_projector_pending_facts", Help: "Facts in the log that were not folded yet; NaN when the log cannot be asked.",
	}, func() float64 { return lag(b) })
	for _, c := range []prometheus.Collector{m.facts, m.failures, m.rejected, m.retries, m.announced, m.batch, pending} {
		if err := r.Register(c); err != nil {
			return nil, fmt.Errorf("register the projector's metrics: %w", err)
		}
	}
	return m, nil
}

// FactsGivenBack counts a batch of facts that comes again.
func (m *Metrics) FactsGivenBack() { m.retries.WithLabelValues(kindFact).Inc() }

// SyncsGivenBack counts a batch of syncs that comes again.
func (m *Metrics) SyncsGivenBack() { m.retries.WithLabelValues(kindSync).Inc() }

func lag(b *bus.Bus) float64 {
	ctx, cancel := context.WithTimeout(context.Background(), lagTimeout)
	defer cancel()
	p, ok, err := b.Position(ctx, events.StreamFacts, Durable)
	if err != nil || !ok {
		return math.NaN()
	}
	return float64(p.Pending)
}
