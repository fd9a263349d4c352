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
	idleTime        = 30 * time.Second // of each measurement
)

// idle measures what so many connections cost a poller with the default schedule:
// while none of them is due, and while they are due as the schedule has it and the
// provider has nothing new. There is no goal.
func idle(ctx context.Context, s *stores, out io.Writer, _ *slog.Logger) error {
	settings, err := config.Load(func(string) (string, bool) { return "", false }, config.Needs{Stores: config.StoresNone})
	if err != nil {
		return err
	}
	scans := settings.Poll.Rescan
	db, err := postgres.Open(ctx, s.databaseURL, postgres.Options{ApplicationName: "bench-idle", MaxConns: 2})
	if err != nil {
		return err
	}
	defer db.Close()
	rate := 0.0
	for _, scan := range scans {
		rate += idleConnections / scan.Every.Seconds()
	}
	fmt.Fprintf(out, `%d connections in the tables of one poller with %d workers, default schedule, %.0f s each
  nothing due: the first scan is an hour away. As scheduled: %.0f scans a second become due; the provider answers an empty page at once.
  %-14s %-10s %-14s %-8s %-40s %-12s %s
`, idleConnections, backfillWorkers, idleTime.Seconds(), rate,
		"", "syncs/s", "overdue after", "RSS", "CPU s per minute: all = own+NATS+Postgres", "statements/s", "others' CPU")
	for _, phase := range []struct {
		name  string
		delay time.Duration
	}{{"nothing due", time.Hour}, {"as scheduled", 0}} {
		if err := idlePhase(ctx, s, db, out, phase.name, idleOrder{s.databaseURL, s.natsURL, scans}, phase.delay); err != nil {
			return fmt.Errorf("%s: %w", phase.name, err)
		}
	}
	return nil
}

func idlePhase(ctx context.Context, s *stores, db *pgxpool.Pool, out io.Writer, name string, order idleOrder, delay time.Duration) error {
	// A poller makes the tables, another one finds them full.
	var before, after idleResult
	c, err := s.startChild(ctx, childIdle, order)
	if err != nil {
		return err
	}
	if err := c.ask(&before); err != nil {
		return err
	}
	if err := c.end(); err != nil {
		return err
	}
	if err := fillPoller(ctx, db, order.Scans, delay); err != nil {
		return err
	}
	if err := s.settle(ctx); err != nil {
		return err
	}
	if c, err = s.startChild(ctx, childIdle, order); err != nil {
		return err
	}
	if err := c.ask(&before); err != nil {
		return err
	}
	began, cpu := time.Now(), s.spent()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(idleTime):
	}
	if err := c.ask(&after); err != nil {
		return err
	}
	spent, took := s.spent().minus(cpu), time.Since(began)
	var overdue int
	if err := db.QueryRow(ctx, "SELECT count(*) FROM poller.targets WHERE due_at < now()").Scan(&overdue); err != nil {
		return err
	}
	minute := time.Minute.Seconds() / took.Seconds()
	fmt.Fprintf(out, "  %-14s %-10.1f %-14d %-8s %-41s %-12.1f %.0f %%\n", name, float64(after.Pages-before.Pages)/took.Seconds(), overdue,
		fmt.Sprintf("%d MB", after.Memory>>20),
		fmt.Sprintf("%.2f = %.2f + %.2f + %.2f", spent.involved()*minute, spent.own*minute, spent.nats*minute, spent.postgres*minute),
		float64(after.Statements-before.Statements)/took.Seconds(), 100*spent.foreign())
	return c.end()
}

// fillPoller puts connections into a poller's tables as it would hold them, each
// scan due at some moment of its interval after a delay.
func fillPoller(ctx context.Context, db *pgxpool.Pool, scans []poller.Scan, delay time.Duration) error {
	run := func(sql string, args ...any) error {
		_, err := db.Exec(ctx, sql, args...)
		return err
	}
	if err := run("TRUNCATE poller.connections, poller.targets, poller.scans, poller.windows, poller.budgets"); err != nil {
		return err
	}
	if err := run(`INSERT INTO poller.connections (id, user_id, provider, status, sequence)
		SELECT md5('c' || n)::uuid, md5('u' || n)::uuid, $1, 'active', n FROM generate_series(1, $2::int) n`, quietProvider, idleConnections); err != nil {
		return err
	}
	for _, scan := range scans {
		if err := run(`INSERT INTO poller.scans (user_id, provider, span_seconds, next_due)
			SELECT user_id, provider, $1, now() + $2::interval + random() * $3::interval FROM poller.connections`,
			int64(scan.Span/time.Second), delay, scan.Every); err != nil {
			return err
		}
	}
	if err := run(`INSERT INTO poller.targets (user_id, provider, connection_id, provider_account_id, scopes, activated_sequence, status, last_synced_at,
		    last_outcome, due_at, due_priority)
		SELECT c.user_id, c.provider, c.id, 'account ' || c.sequence, '{activity}', c.sequence, 'active', now(), 'success', min(s.next_due), 20
		  FROM poller.connections c JOIN poller.scans s USING (user_id, provider) GROUP BY c.id`); err != nil {
		return err
	}
	return run("VACUUM (ANALYZE) poller.connections, poller.targets, poller.scans, poller.windows, poller.budgets")
}
