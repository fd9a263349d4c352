package bus

import (
	"context"
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/stridelog/stridelog/events/rpc"
	"github.com/stridelog/stridelog/platform/telemetry"
)

// lagTimeout bounds what one scrape asks the server.
const lagTimeout = 2 * time.Second

// metrics are the figures of one service's bus. No label holds an id.
type metrics struct {
	calls       *prometheus.HistogramVec
	deadLetters *prometheus.CounterVec
	declared    *prometheus.CounterVec
}

func newMetrics() *metrics {
	return &metrics{
		calls: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "stridelog_rpc_duration_seconds", Help: "Time until another service answered a request, as the caller sees it, by the answer's code.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 15},
		}, []string{"method", "code"}),
		deadLetters: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "stridelog_dead_letters_total", Help: "Events given up as dead letters, by their stream.",
		}, []string{"stream"}),
		declared: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "stridelog_consumer_declared_again_total", Help: "How often a consumer was declared again that somebody had deleted.",
		}, []string{"stream", "consumer"}),
	}
}

func (m *metrics) called(method rpc.Method, err error, took time.Duration) {
	code := "ok"
	var answer *rpc.Error
	if errors.As(err, &answer) {
		code = answer.Code
	} else if err != nil {
		code = rpc.CodeInternal
	}
	m.calls.WithLabelValues(string(method), code).Observe(took.Seconds())
}

func (b *Bus) register(r prometheus.Registerer) error {
	connected := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "stridelog_nats_connected", Help: "1 while the connection to NATS is there.",
	}, func() float64 {
		if b.nc.IsConnected() {
			return 1
		}
		return 0
	})
	reconnects := prometheus.NewCounterFunc(prometheus.CounterOpts{
		Name: "stridelog_nats_reconnects_total", Help: "How often the connection to NATS was lost and made again.",
	}, func() float64 { return float64(b.nc.Stats().Reconnects) })
	return telemetry.Register(r, "the bus", b.metrics.calls, b.metrics.deadLetters, b.metrics.declared, connected, reconnects, newLagCollector(b), newRefusalCollector(b), newMissingCollector(b))
}

// lagCollector asks at each scrape how far this process's consumers are. What the
// server does not tell is left out.
type lagCollector struct {
	bus             *Bus
	pending, behind *prometheus.Desc
}

func newLagCollector(b *Bus) *lagCollector {
	labels := []string{"stream", "consumer"}
	return &lagCollector{
		bus:     b,
		pending: prometheus.NewDesc("stridelog_consumer_pending_events", "Events that a consumer has not finished yet.", labels, nil),
		behind:  prometheus.NewDesc("stridelog_consumer_lag_seconds", "Age of the oldest event that a consumer has not finished; 0 when there is none.", labels, nil),
	}
}

// Describe implements prometheus.Collector.
func (c *lagCollector) Describe(to chan<- *prometheus.Desc) {
	to <- c.pending
	to <- c.behind
}

// Collect implements prometheus.Collector.
func (c *lagCollector) Collect(to chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), lagTimeout)
	defer cancel()
	lags, err := c.bus.Lags(ctx)
	if err != nil {
		c.bus.log.WarnContext(ctx, "a scrape does not say how far consumers are behind", "error", err)
	}
	for _, l := range lags {
		to <- prometheus.MustNewConstMetric(c.pending, prometheus.GaugeValue, float64(l.Pending), l.Stream, l.Consumer)
		to <- prometheus.MustNewConstMetric(c.behind, prometheus.GaugeValue, l.Behind.Seconds(), l.Stream, l.Consumer)
	}
}

// refusalCollector tells at each scrape which streams take no writes.
type refusalCollector struct {
	bus     *Bus
	refuses *prometheus.Desc
}

func newRefusalCollector(b *Bus) *refusalCollector {
	return &refusalCollector{bus: b, refuses: prometheus.NewDesc("stridelog_stream_refuses_writes",
		"1 while a stream does not take what this service writes: its disk is full, or was.", []string{"stream"}, nil)}
}

// Describe implements prometheus.Collector.
func (c *refusalCollector) Describe(to chan<- *prometheus.Desc) { to <- c.refuses }

// Collect implements prometheus.Collector.
func (c *refusalCollector) Collect(to chan<- prometheus.Metric) {
	for _, r := range c.bus.Refusals() {
		to <- prometheus.MustNewConstMetric(c.refuses, prometheus.GaugeValue, 1, r.Stream)
	}
}
