package erasure

import (
	"context"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"
)

// scrapeTimeout bounds what one scrape asks the database.
const scrapeTimeout = 2 * time.Second

// open shows at each scrape how many erasures are not done, and when the oldest of them
// was asked for. Every process of the gateway shows the same. What the database does not
// tell is left out.
type open struct {
	db             *pgxpool.Pool
	log            *slog.Logger
	count, longest *prometheus.Desc
}

// NewMetrics makes the collector of the erasures that are not done.
func NewMetrics(db *pgxpool.Pool, log *slog.Logger) prometheus.Collector {
	return &open{db: db, log: log,
		count: prometheus.NewDesc("stridelog_erasures_open",
			"Erasures that were asked for and are not done; each gateway shows all.", nil, nil),
		longest: prometheus.NewDesc("stridelog_erasures_oldest_age_seconds",
			"How long ago the oldest erasure that is not done was asked for; 0 where all are done.", nil, nil),
	}
}

// Describe implements prometheus.Collector.
func (o *open) Describe(to chan<- *prometheus.Desc) { to <- o.count; to <- o.longest }

// Collect implements prometheus.Collector.
func (o *open) Collect(to chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), scrapeTimeout)
	defer cancel()
	var count, age float64
	err := o.db.QueryRow(ctx, `SELECT count(*)::float8, coalesce(extract(epoch FROM now() - min(requested_at)), 0)::float8
		FROM gateway.erasures WHERE state <> 'done'`).Scan(&count, &age)
	if err != nil {
		o.log.WarnContext(ctx, "a scrape does not say how many erasures are open", "error", err)
		return
	}
	to <- prometheus.MustNewConstMetric(o.count, prometheus.GaugeValue, count)
	to <- prometheus.MustNewConstMetric(o.longest, prometheus.GaugeValue, max(age, 0))
}
