package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/stridelog/stridelog/events/rpc"
	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/platform/postgres"
	"github.com/stridelog/stridelog/platform/telemetry"
	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/services/poller"
)

// childReading is the first argument of the process that is one poller, which reads
// the past of whoever connects.
const childReading = "reading"

// readingOrder is what that process is told, readingResult what it answers each time.
type (
	readingOrder  struct{ DatabaseURL, NATSURL, Provider, Address, Token string }
	readingResult struct{ Now, Peak int64 } // resident, bytes
)

// openStores opens the database and the log.
func openStores(ctx context.Context, databaseURL, natsURL string, log *slog.Logger) (*pgxpool.Pool, *bus.Bus, error) {
	db, err := postgres.Open(ctx, databaseURL, postgres.Options{ApplicationName: "bench-backfill", MaxConns: 16})
	if err != nil {
		return nil, nil, err
	}
	b, err := openBus(ctx, natsURL, "bench-backfill", log)
	if err != nil {
		db.Close()
		return nil, nil, err
	}
	return db, b, nil
}

// openBus connects to the log and declares its streams. Whoever is done closes the
// connection of the bus.
func openBus(ctx context.Context, natsURL, name string, log *slog.Logger) (*bus.Bus, error) {
	nc, err := bus.Connect(ctx, natsURL, name, log)
	if err != nil {
		return nil, err
	}
	b, err := bus.New(nc, log)
	if err == nil {
		err = b.DeclareStreams(ctx)
	}
	if err != nil {
		nc.Close()
		return nil, err
	}
	return b, nil
}

// startReading runs the product until stop, with somebody who gives it tokens by
// connection. stop may be called again.
func startReading(ctx context.Context, db *pgxpool.Pool, b *bus.Bus, of longHistory, connector *provider.Connector, token func(connection string) string, log *slog.Logger) (stop func() error, err error) {
	server, err := b.Serve("oauth", log,
		bus.Method[rpc.TokenRequest, rpc.TokenResponse](rpc.OAuthToken, func(_ context.Context, r rpc.TokenRequest) (rpc.TokenResponse, error) {
			return rpc.TokenResponse{AccessToken: token(r.ConnectionID), TokenVersion: 1}, nil
		}))
	if err != nil {
		return nil, err
	}
	service, err := poller.New(poller.Config{
		Log: log, DB: db, Bus: b, Connectors: provider.Connectors{of.provider: connector}, InitialDays: of.years*366 + 1,
		Workers: backfillWorkers, Registry: telemetry.NewRegistry(),
	})
	if err != nil {
		return nil, err
	}
	running, cancel := context.WithCancel(ctx)
	ready, ended := make(chan struct{}), make(chan error, 1)
	go func() { ended <- service.Run(running, func() { close(ready) }) }()
	stop = sync.OnceValue(func() error { cancel(); err := <-ended; server.Stop(); return err })
	select {
	case <-ready:
		return stop, nil
	case err := <-ended:
		ended <- err
		return stop, fmt.Errorf("the poller ended early: %w", err)
	}
}

// runReading is the process of one poller. Everybody who connects has one token.
func runReading(ctx context.Context) error {
	var o readingOrder
	if err := json.Unmarshal([]byte(os.Args[2]), &o); err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))
	db, b, err := openStores(ctx, o.DatabaseURL, o.NATSURL, log)
	if err != nil {
		return err
	}
	defer db.Close()
	defer b.Conn().Close()
	of := allHistories()[o.Provider]
	stop, err := startReading(ctx, db, b, of, connectorTo(of, o.Address), func(string) string { return o.Token }, log)
	if err != nil {
		return err
	}
	return errors.Join(report(func() readingResult { return readingResult{residentMemory(), peakMemory()} }), stop())
}
