package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/stridelog/stridelog/platform/postgres"
	"github.com/stridelog/stridelog/services/poller"
	"github.com/stridelog/stridelog/standalone/internal/config"
)

const (
	idleConnections = 100_000
	// idleScanned of them become due within a measurement. They have a log.
	idleScanned = 4_000
	idleTime    = 30 * time.Second // of each measurement
	idleNews    = 20               // one scan in so many finds something, where some do
)

// idlePhase is one measurement.
type idlePhase struct {
	name        string
	connections int
	due         bool // as the schedule has it
	news        int  // one scan in so many finds something; 0: none
}

// idle measures what connections cost a poller with the default schedule: while none of
// them is due, while they are due as the schedule has it and the provider has nothing
// new, and while some scans find something.
func idle(ctx context.Context, s *stores, out io.Writer, log *slog.Logger) error {
	settings, err := config.Load(func(string) (string, bool) { return "", false }, config.Needs{Stores: config.StoresNone})
	if err != nil {
		return err
	}
	scans := settings.Poll.Rescan
	counted, err := s.countStatements(ctx)
	if err != nil {
		return err
	}
	db, err := postgres.Open(ctx, s.databaseURL, postgres.Options{ApplicationName: "bench-idle", MaxConns: 2})
	if err != nil {
		return err
	}
	defer db.Close()
	rate := 0.0
	for _, scan := range scans {
		rate += idleConnections / scan.Every.Seconds()
	}
	history, err := newIdleHistory(ctx, s.natsURL, log)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, `one poller with %d workers, default schedule, %.0f s each; %.0f scans a second become due, as of %d connections
  behind the %d connections that are due: a log of %d days, %d activities each. Tables have statistics. The provider answers at once.
  %-34s %-9s %-9s %-7s %-41s %-9s %-12s %-26s %s
`, backfillWorkers, idleTime.Seconds(), rate, idleConnections, idleScanned, idleDays, idleRecords,
		"", "scans/s", "overdue", "RSS", "CPU ms a scan: all = own+NATS+Postgres", "per min", "statements", "slowest statement: mean", "others' CPU")
	for _, phase := range []idlePhase{
		{"nothing due", idleConnections, false, 0},
		{"as scheduled", idleConnections, true, 0},
		{fmt.Sprintf("%d %% find something", 100/idleNews), idleConnections, true, idleNews},
		{"as scheduled, of 1,000,000", 10 * idleConnections, true, 0},
	} {
		m := idleMeasurement{stores: s, db: db, phase: phase, scans: scans, history: history, rate: rate, counted: counted}
		if err := m.run(ctx, out); err != nil {
			return fmt.Errorf("%s: %w", phase.name, err)
		}
	}
	return nil
}

type idleMeasurement struct {
	*stores
	db      *pgxpool.Pool
	phase   idlePhase
	scans   []poller.Scan
	history *idleHistory
	rate    float64 // scans a second that become due
	counted bool    // by pg_stat_statements
}

func (m *idleMeasurement) run(ctx context.Context, out io.Writer) error {
	order := idleOrder{m.databaseURL, m.natsURL, m.scans, m.history.base, m.phase.news}
	// A poller makes the tables, another one finds them full.
	var before, after idleResult
	c, err := m.startChild(ctx, childIdle, order)
	if err != nil {
		return err
	}
	if err := c.ask(&before); err != nil {
		return err
	}
	if err := c.end(); err != nil {
		return err
	}
	if err := m.fill(ctx); err != nil {
		return err
	}
	if err := m.settle(ctx); err != nil {
		return err
	}
	if c, err = m.startChild(ctx, childIdle, order); err != nil {
		return err
	}
	if err := c.ask(&before); err != nil {
		return err
	}
	if m.counted {
		if _, err := m.db.Exec(ctx, "SELECT pg_stat_statements_reset()"); err != nil {
			return err
		}
	}
	began, cpu := time.Now(), m.spent()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(idleTime):
	}
	if err := c.ask(&after); err != nil {
		return err
	}
	spent, took := m.spent().minus(cpu), time.Since(began)
	statements, slowest := after.Statements-before.Statements, "not known"
	if m.counted {
		if statements, slowest, err = slowestStatement(ctx, m.db); err != nil {
			return err
		}
	}
	var overdue int
	if err := m.db.QueryRow(ctx, "SELECT count(*) FROM poller.targets WHERE due_at < now()").Scan(&overdue); err != nil {
		return err
	}
	scans := float64(after.Pages - before.Pages)
	each, text := 1000/scans, fmt.Sprintf("%.1f a scan", float64(statements)/scans)
	if scans == 0 {
		each, text = 0, fmt.Sprintf("%.1f/s", float64(statements)/took.Seconds())
	}
	fmt.Fprintf(out, "  %-34s %-9.1f %-9d %-7s %-41s %-9s %-12s %-26s %.0f %%\n", m.phase.name, scans/took.Seconds(), overdue,
		fmt.Sprintf("%d MB", after.Memory>>20),
		fmt.Sprintf("%.2f = %.2f + %.2f + %.2f", spent.involved()*each, spent.own*each, spent.nats*each, spent.postgres*each),
		fmt.Sprintf("%.1f s", spent.involved()*time.Minute.Seconds()/took.Seconds()), text, slowest, 100*spent.foreign())
	return c.end()
}

// slowestStatement says how many statements there were, and how long the slowest took
// on average in the executor.
func slowestStatement(ctx context.Context, db *pgxpool.Pool) (calls int64, slowest string, err error) {
	var mean float64
	var text string
	err = db.QueryRow(ctx, `
		SELECT (SELECT sum(calls)::bigint FROM pg_stat_statements), mean_exec_time, left(regexp_replace(query, '(--[^\n]*\n|\s)+', ' ', 'g'), 30)
		  FROM pg_stat_statements WHERE query LIKE '%poller.%' AND calls > 3 ORDER BY mean_exec_time DESC LIMIT 1`).Scan(&calls, &mean, &text)
	return calls, fmt.Sprintf("%.2f ms (%s)", mean, text), err
}

// fill puts connections into a poller's tables as it would hold them. Those that have a
// log come due one after the other, at the rate of the schedule, if any do.
func (m *idleMeasurement) fill(ctx context.Context) error {
	run := func(sql string, args ...any) error {
		_, err := m.db.Exec(ctx, sql, args...)
		return err
	}
	if err := run("TRUNCATE poller.connections, poller.targets, poller.scans, poller.sources, poller.windows, poller.budgets, poller.activity_index, poller.coverage"); err != nil {
		return err
	}
	if err := run(`INSERT INTO poller.connections (id, user_id, provider, status, sequence)
		SELECT md5('c' || n)::uuid, md5('u' || n)::uuid, $1, 'active', n FROM generate_series(1, $2::int) n`, quietProvider, m.phase.connections); err != nil {
		return err
	}
	delay, within := time.Hour, time.Duration(idleScanned/m.rate*float64(time.Second))
	if m.phase.due {
		delay = 0
	}
	for i, scan := range m.scans {
		if err := run(`INSERT INTO poller.scans (user_id, provider, span_seconds, next_due)
			SELECT user_id, provider, $1, now() + CASE WHEN $5 AND sequence <= $6 THEN $2::interval + random() * $4::interval ELSE interval '1 hour' + random() * $3::interval END
			  FROM poller.connections`, int64(scan.Span/time.Second), delay, scan.Every, within, i == 0, idleScanned); err != nil {
			return err
		}
	}
	if err := run(`INSERT INTO poller.sources (user_id, provider, source, kind, spans, dues, next_due, last_outcome)
		SELECT user_id, provider, 'activity', 'activity', array_agg(span_seconds ORDER BY span_seconds), array_agg(next_due ORDER BY span_seconds), min(next_due), 'success'
		  FROM poller.scans GROUP BY user_id, provider`); err != nil {
		return err
	}
	if err := run(`INSERT INTO poller.targets (user_id, provider, connection_id, provider_account_id, scopes, activated_sequence, status, last_synced_at,
		    last_outcome, due_at, due_priority)
		SELECT c.user_id, c.provider, c.id, 'account ' || c.sequence, '{activity}', c.sequence, 'active', now(), 'success', min(s.next_due), 20
		  FROM poller.connections c JOIN poller.scans s USING (user_id, provider) GROUP BY c.id`); err != nil {
		return err
	}
	if err := run(`INSERT INTO poller.coverage (user_id, provider, account, kind, covered_from, covered_to, scheduled)
		SELECT user_id, provider, provider_account_id, 'activity', now() - interval '90 days', now(), true FROM poller.targets`); err != nil {
		return err
	}
	if err := run(`INSERT INTO poller.budgets (provider, account, remaining, quota, told, reset_at, halvings, refused)
		SELECT provider, provider_account_id, 149, 150, true, date_trunc('hour', now()) + interval '1 hour', 0, false FROM poller.targets`); err != nil {
		return err
	}
	if err := m.history.index(ctx, m.db); err != nil {
		return err
	}
	return run("VACUUM (ANALYZE) poller.connections, poller.targets, poller.scans, poller.sources, poller.windows, poller.budgets, poller.activity_index, poller.coverage")
}
