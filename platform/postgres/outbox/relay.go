package outbox

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/nats-io/nats.go"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/platform/postgres"
)

const (
	batchSize      = 100
	lookEvery      = 5 * time.Second // beside notifications, for another relay's leftovers
	publishTimeout = 10 * time.Second
	tidyTimeout    = 5 * time.Second
	retryFirst     = 100 * time.Millisecond
	retryMost      = 10 * time.Second
)

// Relay publishes what Append stored. Every process of a service runs one; one of
// them at a time drains the table.
type Relay struct {
	pool   *pgxpool.Pool
	bus    *bus.Bus
	schema string
	log    *slog.Logger
	every  time.Duration
}

// NewRelay makes the relay of one service's schema.
func NewRelay(pool *pgxpool.Pool, b *bus.Bus, schema string, log *slog.Logger) *Relay {
	return &Relay{pool: pool, bus: b, schema: schema, log: log.With("outbox", schema), every: lookEvery}
}

// Run publishes until ctx ends. When NATS or the database is away it tries again
// for ever; events wait in the table.
//
// A crash between the acknowledgement and the deletion publishes the event again
// with the same id: within the stream's duplicate window the server drops it,
// after that its readers do, who know the id.
func (r *Relay) Run(ctx context.Context, ready func()) error {
	if err := postgres.CheckSchema(r.schema); err != nil {
		return fmt.Errorf("outbox relay: %w", err)
	}
	if err := postgres.Patiently(ctx, r.log, func(ctx context.Context) error {
		_, err := r.pool.Exec(ctx, "SELECT parked FROM "+r.schema+".outbox LIMIT 0")
		return err
	}); err != nil {
		return fmt.Errorf("outbox relay of %s: the table must exist before, by the service's migration: %w", r.schema, err)
	}
	wake, err := postgres.Listen(ctx, r.pool, channel(r.schema))
	if err != nil {
		return fmt.Errorf("outbox relay of %s: %w", r.schema, err)
	}
	ready()
	for retry := retryFirst; ; {
		err := r.drain(ctx)
		if ctx.Err() != nil {
			return nil //nolint:nilerr // being stopped is no failure
		}
		if err == nil {
			retry = retryFirst
			select {
			case <-wake:
			case <-time.After(r.every):
			}
			continue
		}
		r.log.Warn("events wait in the outbox; trying again", "within", 2*retry, "error", err)
		select { // a notification must not cut this pause short
		case <-ctx.Done():
		case <-time.After(retry/2 + rand.N(retry)):
		}
		retry = min(2*retry, retryMost)
	}
}

// drain publishes all there is, unless another relay does just that: a row that
// it may have missed has woken it, too.
func (r *Relay) drain(ctx context.Context) error {
	conn, err := r.pool.Acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release()
	var mine bool
	// Trying, not waiting: a waiting session holds its snapshot and with it the
	// clean-up of dead rows in the whole database.
	if err := conn.QueryRow(ctx, "SELECT pg_try_advisory_lock(hashtextextended($1, 0))", lockName(r.schema)).Scan(&mine); err != nil || !mine {
		return err
	}
	defer r.unlock(ctx, conn)
	for {
		n, err := r.batch(ctx, conn)
		if err != nil || n < batchSize {
			return err
		}
	}
}

// unlock also runs when ctx has ended. A connection that cannot unlock is broken
// and closed; the server then unlocks by itself.
func (r *Relay) unlock(ctx context.Context, conn *pgxpool.Conn) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), tidyTimeout)
	defer cancel()
	if _, err := conn.Exec(ctx, "SELECT pg_advisory_unlock(hashtextextended($1, 0))", lockName(r.schema)); err != nil {
		_ = conn.Conn().Close(ctx)
	}
}

// lockName is whose lock the one relay that drains a table holds.
func lockName(schema string) string { return "stridelog outbox " + schema }

type row struct {
	ID      int64
	Subject string
	Header  map[string][]string
	Data    []byte
}

// batch publishes up to batchSize rows in order and deletes those that were
// acknowledged, also when a later one failed. It gives how many it is done with.
func (r *Relay) batch(ctx context.Context, conn *pgxpool.Conn) (done int, err error) {
	rows, err := conn.Query(ctx, "SELECT id, subject, header, data FROM "+r.schema+".outbox WHERE parked IS NULL ORDER BY id LIMIT $1", batchSize)
	if err != nil {
		return 0, fmt.Errorf("read the outbox: %w", err)
	}
	waiting, err := pgx.CollectRows(rows, pgx.RowToStructByPos[row])
	if err != nil {
		return 0, fmt.Errorf("read the outbox: %w", err)
	}
	var acked []int64
	var failed error
	for _, m := range waiting {
		failed = r.publish(ctx, m)
		switch {
		case failed == nil:
			acked = append(acked, m.ID)
		case refusedForGood(m, failed):
			failed = r.park(ctx, conn, m, failed)
		}
		if failed != nil {
			break
		}
		done++
	}
	if len(acked) == 0 {
		return done, failed
	}
	// Not ctx: what is acknowledged should be deleted even when we are stopped.
	tidy, cancel := context.WithTimeout(context.WithoutCancel(ctx), tidyTimeout)
	defer cancel()
	if _, err := conn.Exec(tidy, "DELETE FROM "+r.schema+".outbox WHERE id = ANY($1)", acked); err != nil {
		return 0, fmt.Errorf("delete published events from the outbox: %w", err)
	}
	return done, failed
}

// publish sends the stored bytes as they are: a message that this version could
// not decode is still an event that happened.
func (r *Relay) publish(ctx context.Context, m row) error {
	ctx, cancel := context.WithTimeout(ctx, publishTimeout)
	defer cancel()
	err := r.bus.PublishStored(ctx, streamOf(m), &nats.Msg{Subject: m.Subject, Header: m.Header, Data: m.Data})
	if err != nil {
		return fmt.Errorf("publish outbox row %d: %w", m.ID, err)
	}
	return nil
}

// streamOf is the stream of a stored event; empty for a type that this version does
// not know.
func streamOf(m row) string {
	d, err := events.Describe(events.Type(nats.Header(m.Header).Get(events.HeaderType)))
	if err != nil {
		return ""
	}
	return d.Stream
}
