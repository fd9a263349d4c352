package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/platform/telemetry"
	"github.com/stridelog/stridelog/provider/catalog"
	"github.com/stridelog/stridelog/services/projector"
)

const goalProjection = 0.5

// liveProjection measures how fast a running projector works off a log: consume,
// decode, normalize, version history, merge, an event for each workout, all of it
// durable and acknowledged. The limit is a bare program without normalizing,
// history and events; the rebuild and plain COPY stand beside them.
func liveProjection(ctx context.Context, s *stores, out io.Writer, log *slog.Logger) error {
	p, err := newProjection(ctx, s, log)
	if err != nil {
		return err
	}
	defer p.bus.Conn().Close()
	facts := p.backlog
	live := &variant{name: "product, live", run: p.live}
	rebuilt := &variant{name: "product, rebuild", run: p.rebuild}
	bare := &variant{name: "bare program", run: p.bare}
	indexed := &variant{name: "COPY alone, with its index", run: func(ctx context.Context, start, stop func()) (int, error) { return p.copy(ctx, true, start, stop) }}
	plain := &variant{name: "COPY alone, no index", run: func(ctx context.Context, start, stop func()) (int, error) { return p.copy(ctx, false, start, stop) }}
	if err := interleave(ctx, s, live, rebuilt, bare, indexed, plain); err != nil {
		return err
	}
	fmt.Fprintf(out, `live projection of %d facts about %d workouts of %d users (records of a simulated cloud; every tenth edited), %d rounds
  product: pull %d batches at once of up to 1,000, decode, normalize; one transaction a batch: version history, merge into workouts;
    publish Workout* events; acknowledge. Rebuild: the same tables from the log, without events.
  bare program: pull as many batches of 1,000 at once, read keys and record out of each fact, COPY to a temporary table, merge by
    (user, provider, record) where the sequence is higher; acknowledge. No normalizing, no history, no events.
  COPY alone: the bare program's rows, ready in memory, in one COPY.
`, facts.facts, facts.workouts, backlogUsers, s.rounds, bareLoops)
	table(out, "facts", live, rebuilt, bare, indexed, plain)
	goal(out, live, bare, goalProjection)
	fmt.Fprintf(out, "  %s / %s: %s\n", live.name, indexed.name, spread(live.ratios(indexed), "%.2f"))
	fmt.Fprintf(out, "  %s / %s: %s\n", live.name, plain.name, spread(live.ratios(plain), "%.2f"))
	fmt.Fprintf(out, "  %s / %s: %s\n", rebuilt.name, bare.name, spread(rebuilt.ratios(bare), "%.2f"))
	return nil
}

// projection is what the variants share.
type projection struct {
	stores  *stores
	bus     *bus.Bus
	log     *slog.Logger
	backlog backlog
}

// newProjection fills the log. Whoever is done closes the connection of its bus.
func newProjection(ctx context.Context, s *stores, log *slog.Logger) (*projection, error) {
	b, err := openBus(ctx, s.natsURL, "bench-projection", log)
	if err != nil {
		return nil, err
	}
	facts, err := fillLog(ctx, b)
	return &projection{stores: s, bus: b, log: log, backlog: facts}, err
}

const productDatabase = "product"

// live runs a projector on empty tables until it has acknowledged the whole log.
func (p *projection) live(ctx context.Context, start, stop func()) (int, error) {
	if err := p.forget(ctx, events.StreamFacts, "projector-facts"); err != nil {
		return 0, err
	}
	// The server takes an event with a known id for a repetition.
	if err := p.bus.JetStream().DeleteStream(ctx, events.StreamChanges); err != nil {
		return 0, err
	}
	db, service, err := p.projector(ctx)
	if err != nil {
		return 0, err
	}
	defer db.Close()
	running, cancel := context.WithCancel(ctx)
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- service.Run(running, start) }()
	if err := p.acknowledged(ctx, "projector-facts", ended); err != nil {
		return 0, err
	}
	stop()
	cancel()
	if err := <-ended; err != nil {
		return 0, err
	}
	announced, err := p.bus.State(ctx, events.StreamChanges)
	if err != nil {
		return 0, err
	}
	if announced.LastSequence < uint64(p.backlog.workouts) {
		return 0, fmt.Errorf("%d events for %d workouts", announced.LastSequence, p.backlog.workouts)
	}
	return p.backlog.facts, p.count(ctx, db, "SELECT count(*) FROM projector.view_workouts_v1")
}

func (p *projection) projector(ctx context.Context) (*pgxpool.Pool, *projector.Service, error) {
	db, err := p.stores.freshDatabase(ctx, productDatabase)
	if err != nil {
		return nil, nil, err
	}
	service, err := projector.New(projector.Config{
		Log: p.log, DB: db, Bus: p.bus, Normalizers: catalog.Normalizers(), Sources: catalog.Sources(), Registry: telemetry.NewRegistry(),
	})
	if err != nil {
		db.Close()
	}
	return db, service, err
}

// rebuild makes the tables from the log, as stridelog rebuild does.
func (p *projection) rebuild(ctx context.Context, start, stop func()) (int, error) {
	db, service, err := p.projector(ctx)
	if err != nil {
		return 0, err
	}
	defer db.Close()
	start()
	if _, err := service.Rebuild(ctx, nil); err != nil {
		return 0, err
	}
	stop()
	return p.backlog.facts, p.count(ctx, db, "SELECT count(*) FROM projector.view_workouts_v1")
}

// count checks that a variant did its work.
func (p *projection) count(ctx context.Context, db *pgxpool.Pool, sql string) error {
	var n int
	if err := db.QueryRow(ctx, sql).Scan(&n); err != nil {
		return err
	}
	if n != p.backlog.workouts {
		return fmt.Errorf("there are %d workouts, not %d", n, p.backlog.workouts)
	}
	return nil
}

// forget makes a durable start over.
func (p *projection) forget(ctx context.Context, stream, durable string) error {
	err := p.bus.JetStream().DeleteConsumer(ctx, stream, durable)
	if errors.Is(err, jetstream.ErrConsumerNotFound) {
		return nil
	}
	return err
}

// acknowledged waits until a durable has acknowledged the whole log, or what
// works on it has ended.
func (p *projection) acknowledged(ctx context.Context, durable string, ended chan error) error {
	tick := time.NewTicker(25 * time.Millisecond) // each look costs the server as much as some facts
	defer tick.Stop()
	for {
		position, known, err := p.bus.Position(ctx, events.StreamFacts, durable)
		if err != nil {
			return err
		}
		if known && position.Acknowledged >= p.backlog.last {
			return nil
		}
		select {
		case <-tick.C:
		case err := <-ended:
			return fmt.Errorf("it ended early: %w", errors.Join(err, ctx.Err()))
		}
	}
}
