package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/stridelog/stridelog/events/rpc"
	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/platform/postgres"
	"github.com/stridelog/stridelog/platform/telemetry"
	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/services/poller"
)

const (
	quietProvider = "quiet"
	// childIdle is the first argument of the process that is a poller alone.
	childIdle = "idle"
)

// idleOrder is what that process is told, idleResult what it answers each time.
type (
	idleOrder struct {
		DatabaseURL, NATSURL string
		Scans                []poller.Scan
		Base                 time.Time // of the people's activities
		News                 int       // one scan in so many finds something; 0: none
	}
	idleResult struct {
		Memory            int64 // resident, bytes
		Statements, Pages int64 // so far
	}
)

// quiet is a provider whose people have the activities of idleRecord. It counts what it
// is asked.
type quiet struct {
	pages atomic.Int64
	base  time.Time
	news  int // one in so many people has done something since; 0: none has
}

// List implements provider.Lister. The token is the connection's number.
func (q *quiet) List(_ context.Context, r provider.ListRequest) (provider.Page, error) {
	q.pages.Add(1)
	n, err := strconv.Atoi(r.Token.Reveal())
	if err != nil {
		return provider.Page{}, err
	}
	first := 0
	if q.news > 0 && n%q.news == 0 {
		first = -1
	}
	page := provider.Page{Quotas: []provider.Quota{{Limit: 150, Remaining: 149, ResetAt: time.Now().Truncate(time.Hour).Add(time.Hour)}}}
	for week := first; week < idleRecords; week++ {
		at := max(week, 0)
		record := idleRecord(q.base, n, at)
		if week < 0 {
			record = idleRecord(q.base.Add(time.Hour), n, 0)
			record.ExternalID = fmt.Sprintf("%d-new", n)
		}
		if !record.StartedAt.Before(r.Window.From) && record.StartedAt.Before(r.Window.To) {
			page.Records = append(page.Records, record)
		}
	}
	return page, nil
}

// statements counts what is sent to the database.
type statements struct{ sent atomic.Int64 }

// TraceQueryStart implements pgx.QueryTracer.
func (s *statements) TraceQueryStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	s.sent.Add(1)
	return ctx
}

// TraceQueryEnd implements pgx.QueryTracer.
func (s *statements) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

// runIdle is the process of one poller.
func runIdle(ctx context.Context) (err error) {
	var o idleOrder
	if err := json.Unmarshal([]byte(os.Args[2]), &o); err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))
	var sent statements
	db, err := countedPool(ctx, o.DatabaseURL, &sent)
	if err != nil {
		return err
	}
	defer db.Close()
	b, err := openBus(ctx, o.NATSURL, "bench-idle", log)
	if err != nil {
		return err
	}
	defer b.Conn().Close()
	numbers := map[string]string{}
	for n := 1; n <= idleScanned; n++ {
		numbers[md5UUID(fmt.Sprintf("c%d", n))] = strconv.Itoa(n)
	}
	tokens, err := b.Serve("oauth", log, bus.Method[rpc.TokenRequest, rpc.TokenResponse](rpc.OAuthToken,
		func(_ context.Context, r rpc.TokenRequest) (rpc.TokenResponse, error) {
			return rpc.TokenResponse{AccessToken: numbers[r.ConnectionID], TokenVersion: 1}, nil
		}))
	if err != nil {
		return err
	}
	defer tokens.Stop()
	cloud := &quiet{base: o.Base, news: o.News}
	service, err := poller.New(poller.Config{
		Log: log, DB: db, Bus: b, InitialDays: 30, Rescan: o.Scans, Jitter: 30 * time.Second, Workers: backfillWorkers, Registry: telemetry.NewRegistry(),
		Connectors: provider.Connectors{quietProvider: {Descriptor: provider.Descriptor{Name: quietProvider}, Sources: []provider.Source{{Name: "activity", Kind: "activity", List: cloud, ProvesAbsence: true, HashVersion: 1}}}},
	})
	if err != nil {
		return err
	}
	running, cancel := context.WithCancel(ctx)
	ready, ended := make(chan struct{}), make(chan error, 1)
	go func() { ended <- service.Run(running, func() { close(ready) }) }()
	select {
	case <-ready:
	case err := <-ended:
		cancel()
		return fmt.Errorf("the poller ended early: %w", err)
	}
	err = report(func() idleResult { return idleResult{residentMemory(), sent.sent.Load(), cloud.pages.Load()} })
	cancel()
	return errors.Join(err, <-ended)
}

// report answers every line of standard input until it ends.
func report[T any](now func() T) error {
	orders, answers := bufio.NewReader(os.Stdin), json.NewEncoder(os.Stdout)
	for {
		if _, err := orders.ReadString('\n'); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		if err := answers.Encode(now()); err != nil {
			return err
		}
	}
}

// countedPool is a pool whose statements are counted.
func countedPool(ctx context.Context, url string, count *statements) (*pgxpool.Pool, error) {
	plain, err := postgres.Open(ctx, url, postgres.Options{ApplicationName: "bench-idle", MaxConns: 16})
	if err != nil {
		return nil, err
	}
	settings := plain.Config()
	plain.Close()
	settings.ConnConfig.Tracer = count
	return pgxpool.NewWithConfig(ctx, settings)
}
