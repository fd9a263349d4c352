package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/events/rpc"
	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/platform/postgres"
	"github.com/stridelog/stridelog/platform/telemetry"
	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/provider/fitbit"
	"github.com/stridelog/stridelog/services/poller"
)

const (
	goalBackfill    = 0.6
	backfillUsers   = 24 // a round
	backfillWorkers = 8  // at once, as the product's poller
	backfillStream  = "BARE_BACKFILL"
)

// backfill measures how fast a running poller brings the whole history of new users
// into the log: lease, token, fetch, compare, publish, index, progress, report, all
// of it durable. The limit is a bare loop that fetches the same pages and publishes
// each as one atomic batch.
func backfill(ctx context.Context, s *stores, out io.Writer, log *slog.Logger) (err error) {
	b, err := newBackfilling(ctx, s, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.close()) }()
	product := &variant{name: "product", run: b.product}
	bare := &variant{name: "bare loop", run: b.bare}
	if err := interleave(ctx, s, product, bare); err != nil {
		return err
	}
	fmt.Fprintf(out, `backfill of %d records, the history of %d users (simulated Fitbit cloud in a process of its own, latency 0), %d rounds, each for new users
  product: a poller with %d workers, from the facts of the consents to the reports of the syncs: pages of 100 through the connector,
    compare with the index, publish what is new as an atomic page, store index and progress in Postgres.
  bare loop: %d loops, each user's pages of 100 by net/http, encoding/json, each page an atomic batch. No index, no progress.
`, b.records, backfillUsers, s.rounds, backfillWorkers, backfillWorkers)
	table(out, "records", product, bare)
	goal(out, product, bare, goalBackfill)
	return nil
}

// backfilling is what the variants share.
type backfilling struct {
	stores  *stores
	db      *pgxpool.Pool
	bus     *bus.Bus
	address string   // of the cloud
	tokens  []string // of its people
	records int      // of one round
	stop    []func() error

	mu    sync.Mutex
	users map[string]string // token by connection
}

// newBackfilling starts the cloud and a poller.
func newBackfilling(ctx context.Context, s *stores, log *slog.Logger) (*backfilling, error) {
	b := &backfilling{stores: s, users: map[string]string{}}
	people, err := longHistories()
	if err != nil {
		return nil, err
	}
	address, life, err := s.startCloud()
	if err != nil {
		return nil, err
	}
	b.address = address
	b.stop = append(b.stop, life.Close)
	connector := connectorTo(address)
	if b.tokens, err = consents(ctx, connector, people); err != nil {
		return nil, err
	}
	if b.db, err = postgres.Open(ctx, s.databaseURL, postgres.Options{ApplicationName: "bench-backfill", MaxConns: 16}); err != nil {
		return nil, err
	}
	nc, err := bus.Connect(ctx, s.natsURL, "bench-backfill", log)
	if err != nil {
		return nil, err
	}
	if b.bus, err = bus.New(nc, log); err != nil {
		return nil, err
	}
	if err := b.bus.DeclareStreams(ctx); err != nil {
		return nil, err
	}
	// Storage and durability are those of the log.
	_, err = b.bus.JetStream().CreateStream(ctx, jetstream.StreamConfig{Name: backfillStream, Subjects: []string{"bare.>"}, AllowAtomicPublish: true})
	if err != nil {
		return nil, err
	}
	return b, b.startPoller(ctx, connector, log)
}

// startPoller runs the product until close, with somebody who gives it tokens.
func (b *backfilling) startPoller(ctx context.Context, connector *provider.Connector, log *slog.Logger) error {
	server, err := b.bus.Serve("oauth", log,
		bus.Method[rpc.TokenRequest, rpc.TokenResponse](rpc.OAuthToken, func(_ context.Context, r rpc.TokenRequest) (rpc.TokenResponse, error) {
			b.mu.Lock()
			defer b.mu.Unlock()
			return rpc.TokenResponse{AccessToken: b.users[r.ConnectionID], TokenVersion: 1}, nil
		}))
	if err != nil {
		return err
	}
	service, err := poller.New(poller.Config{
		Log: log, DB: b.db, Bus: b.bus, Connectors: provider.Connectors{fitbit.Name: connector}, InitialDays: historyYears*366 + 1,
		Workers: backfillWorkers, Registry: telemetry.NewRegistry(),
	})
	if err != nil {
		return err
	}
	running, cancel := context.WithCancel(ctx)
	ready, ended := make(chan struct{}), make(chan error, 1)
	go func() { ended <- service.Run(running, func() { close(ready) }) }()
	b.stop = append(b.stop, func() error { cancel(); err := <-ended; server.Stop(); return err })
	select {
	case <-ready:
		return nil
	case err := <-ended:
		ended <- err
		return fmt.Errorf("the poller ended early: %w", err)
	}
}

// close ends the poller before what it works on.
func (b *backfilling) close() error {
	var errs []error
	for i := len(b.stop) - 1; i >= 0; i-- {
		errs = append(errs, b.stop[i]())
	}
	b.bus.Conn().Close()
	b.db.Close()
	return errors.Join(errs...)
}

// product connects new users and waits until their histories are in the log.
func (b *backfilling) product(ctx context.Context, start, stop func()) (int, error) {
	var consents []events.Event
	var connections []string
	now := time.Now().UTC().Truncate(time.Microsecond)
	for i := range backfillUsers {
		user, connection := uuid.NewString(), uuid.NewString()
		b.mu.Lock()
		b.users[connection] = b.tokens[i%len(b.tokens)]
		b.mu.Unlock()
		connections = append(connections, connection)
		consents = append(consents, events.Event{ID: events.NewID(), Source: "stridelog/bench", Time: now, Provider: fitbit.Name, UserID: user, Data: &events.ConnectionActivated{
			ConnectionID: connection, UserID: user, Provider: fitbit.Name, ProviderAccountID: user, ActivatedAt: now,
		}})
	}
	start()
	for _, e := range consents {
		if _, err := b.bus.Publish(ctx, e); err != nil {
			return 0, err
		}
	}
	if err := b.done(ctx, connections); err != nil {
		return 0, err
	}
	stop()
	var indexed, said int
	err := b.db.QueryRow(ctx, `
		SELECT (SELECT count(*) FROM poller.activity_index i JOIN poller.targets t USING (user_id, provider) WHERE t.connection_id = ANY($1)),
		       (SELECT sum(new) FROM poller.windows WHERE connection_id = ANY($1))`, connections).Scan(&indexed, &said)
	if err == nil && (indexed != said || b.records != 0 && b.records != indexed) {
		err = fmt.Errorf("the index has %d records, the syncs told of %d, another round had %d", indexed, said, b.records)
	}
	b.records = indexed
	return indexed, err
}

// done waits until every connection has ended its sync and all was said.
func (b *backfilling) done(ctx context.Context, connections []string) error {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		var ended int
		var unsaid bool
		err := b.db.QueryRow(ctx, `SELECT (SELECT count(*) FROM poller.windows WHERE connection_id = ANY($1) AND status = 'done'), EXISTS (SELECT FROM poller.outbox)`,
			connections).Scan(&ended, &unsaid)
		if err != nil || ended == len(connections) && !unsaid {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
