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
	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/provider"
)

const (
	goalBackfill    = 0.6
	backfillWorkers = 8 // at once, as the product's poller
	backfillStream  = "BARE_BACKFILL"
)

// backfill measures how fast a running poller brings the whole history of new users
// into the log: lease, token, fetch, compare, publish, index, progress, report, all
// of it durable. The limit is a bare loop that fetches the same pages and publishes
// each as one atomic batch.
func backfill(of longHistory) func(context.Context, *stores, io.Writer, *slog.Logger) error {
	return func(ctx context.Context, s *stores, out io.Writer, log *slog.Logger) (err error) {
		b, err := newBackfilling(ctx, s, of, log)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, b.close()) }()
		product := &variant{name: "product", run: b.product}
		bare := &variant{name: "bare loop", run: b.bare}
		if err := interleave(ctx, s, product, bare); err != nil {
			return err
		}
		fmt.Fprintf(out, `backfill of %d records, the history of %d users (simulated %s cloud in a process of its own, latency 0), %d rounds, each for new users
  product: a poller with %d workers, from the facts of the consents to the reports of the syncs: pages of %d through the connector,
    compare with the index, publish what is new as an atomic page, store index and progress in Postgres.
  bare loop: %d loops, each user's pages of %d by net/http, encoding/json, each page an atomic batch. No index, no progress.
`, b.records, of.users, b.connector.DisplayName, s.rounds, backfillWorkers, of.pageSize, backfillWorkers, of.pageSize)
		table(out, "records", product, bare)
		goal(out, product, bare, goalBackfill)
		if err := b.stopPoller(); err != nil || !of.busiest {
			return err
		}
		if err := b.growth(ctx, out); err != nil {
			return err
		}
		return normalizing(ctx, s, b, out)
	}
}

// backfilling is what the variants share.
type backfilling struct {
	stores    *stores
	past      longHistory
	db        *pgxpool.Pool
	bus       *bus.Bus
	address   string // of the cloud
	life      io.Closer
	connector *provider.Connector
	tokens    []string // of its people
	records   int      // of one round

	stopPoller func() error
	mu         sync.Mutex
	users      map[string]string // token by connection
}

// newBackfilling starts the cloud and a poller.
func newBackfilling(ctx context.Context, s *stores, of longHistory, log *slog.Logger) (*backfilling, error) {
	b := &backfilling{stores: s, past: of, users: map[string]string{}}
	people, err := longHistories(of)
	if err != nil {
		return nil, err
	}
	if b.address, b.life, err = s.startCloud(of); err != nil {
		return nil, err
	}
	b.connector = connectorTo(of, b.address)
	if b.tokens, err = consents(ctx, of, b.connector, people); err != nil {
		return nil, err
	}
	if b.db, b.bus, err = openStores(ctx, s.databaseURL, s.natsURL, log); err != nil {
		return nil, err
	}
	// Storage and durability are those of the log.
	_, err = b.bus.JetStream().CreateStream(ctx, jetstream.StreamConfig{Name: backfillStream, Subjects: []string{"bare.>"}, AllowAtomicPublish: true})
	if err != nil {
		return nil, err
	}
	b.stopPoller, err = startReading(ctx, b.db, b.bus, of, b.connector, func(connection string) string {
		b.mu.Lock()
		defer b.mu.Unlock()
		return b.users[connection]
	}, log)
	return b, err
}

// close ends everything; the poller may have ended before.
func (b *backfilling) close() error {
	err := errors.Join(b.stopPoller(), b.life.Close())
	b.bus.Conn().Close()
	b.db.Close()
	return err
}

// product connects new users and waits until their histories are in the log.
func (b *backfilling) product(ctx context.Context, start, stop func()) (int, error) {
	var consents []events.Event
	var connections []string
	for i := range b.past.users {
		e, connection := b.consent(b.tokens[i%usualPeople])
		consents, connections = append(consents, e), append(connections, connection)
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

// consent is that of a new user, whose token is given.
func (b *backfilling) consent(token string) (e events.Event, connection string) {
	now := time.Now().UTC().Truncate(time.Microsecond)
	user, connection := uuid.NewString(), uuid.NewString()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.users[connection] = token
	return events.Event{ID: events.NewID(), Source: "stridelog/bench", Time: now, Provider: b.past.provider, UserID: user, Data: &events.ConnectionActivated{
		ConnectionID: connection, UserID: user, Provider: b.past.provider, ProviderAccountID: user, Scopes: []string{}, ActivatedAt: now,
	}}, connection
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
