package postgres

import (
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"
)

// poolCollector shows what a pool knows of itself at each scrape.
type poolCollector struct {
	pool    *pgxpool.Pool
	figures []figure
}

type figure struct {
	desc  *prometheus.Desc
	kind  prometheus.ValueType
	value func(*pgxpool.Stat) float64
}

// NewCollector are the metrics of a pool. A process with several pools tells them
// apart by a label of its own.
func NewCollector(pool *pgxpool.Pool) prometheus.Collector {
	of := func(name, help string, kind prometheus.ValueType, value func(*pgxpool.Stat) float64) figure {
		return figure{prometheus.NewDesc("stridelog_postgres_pool_"+name, help, nil, nil), kind, value}
	}
	const gauge, counter = prometheus.GaugeValue, prometheus.CounterValue
	return &poolCollector{pool: pool, figures: []figure{
		of("max_connections", "Connections that the pool may have.", gauge, func(s *pgxpool.Stat) float64 { return float64(s.MaxConns()) }),
		of("used_connections", "Connections in use.", gauge, func(s *pgxpool.Stat) float64 { return float64(s.AcquiredConns()) }),
		of("idle_connections", "Connections that wait for use.", gauge, func(s *pgxpool.Stat) float64 { return float64(s.IdleConns()) }),
		of("acquires_total", "Connections taken from the pool.", counter, func(s *pgxpool.Stat) float64 { return float64(s.AcquireCount()) }),
		of("empty_acquires_total", "Connections that had to be waited for.", counter, func(s *pgxpool.Stat) float64 { return float64(s.EmptyAcquireCount()) }),
		of("wait_seconds_total", "Time spent waiting for connections.", counter, func(s *pgxpool.Stat) float64 { return s.EmptyAcquireWaitTime().Seconds() }),
	}}
}

// Describe implements prometheus.Collector.
func (c *poolCollector) Describe(to chan<- *prometheus.Desc) {
	for _, f := range c.figures {
		to <- f.desc
	}
}

// Collect implements prometheus.Collector.
func (c *poolCollector) Collect(to chan<- prometheus.Metric) {
	s := c.pool.Stat()
	for _, f := range c.figures {
		to <- prometheus.MustNewConstMetric(f.desc, f.kind, f.value(s))
	}
}
