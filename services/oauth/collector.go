package oauth

import (
	"context"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/stridelog/stridelog/services/oauth/internal/store"
)

// collectTimeout bounds what one scrape asks the database.
const collectTimeout = 2 * time.Second

// connectionCollector shows at each scrape how many connections have which status. Every
// process of the service shows the same. What the database does not tell is left
// out.
type connectionCollector struct {
	log         *slog.Logger
	store       *store.Store
	connections *prometheus.Desc
}

func newConnectionCollector(log *slog.Logger, st *store.Store) *connectionCollector {
	return &connectionCollector{log: log, store: st, connections: prometheus.NewDesc("stridelog_oauth_connections",
		"Connections by provider and status; each process of the service shows all.", []string{"provider", "status"}, nil)}
}

// Describe implements prometheus.Collector.
func (c *connectionCollector) Describe(to chan<- *prometheus.Desc) { to <- c.connections }

// Collect implements prometheus.Collector.
func (c *connectionCollector) Collect(to chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), collectTimeout)
	defer cancel()
	list, err := c.store.CountConnections(ctx)
	if err != nil {
		c.log.WarnContext(ctx, "a scrape does not say how many connections there are", "error", err)
	}
	for _, x := range list {
		to <- prometheus.MustNewConstMetric(c.connections, prometheus.GaugeValue, float64(x.Connections), x.Provider, x.Status)
	}
}
