package postgres

import (
	"github.com/exaring/otelpgx"
	"github.com/jackc/pgx/v5"
	metricnoop "go.opentelemetry.io/otel/metric/noop"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
)

// queryTracer makes a span of each query, batch and copy that is part of a trace. The
// statement is shown as it is written here; its arguments, which are people's data,
// never are. Preparing a statement is a part of its first query, and waiting for a
// connection is a metric of the pool.
func queryTracer(traces trace.TracerProvider, database string) pgx.QueryTracer {
	t := otelpgx.NewTracer(
		otelpgx.WithTracerProvider(traces),
		otelpgx.WithMeterProvider(metricnoop.NewMeterProvider()), // else it asks the process for a global one
		otelpgx.WithTracerAttributes(semconv.DBNamespace(database)),
		otelpgx.WithDisableConnectionDetailsInAttributes(),
	)
	return struct {
		pgx.QueryTracer
		pgx.BatchTracer
		pgx.CopyFromTracer
	}{t, t, t}
}
