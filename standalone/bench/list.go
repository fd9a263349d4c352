package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http/httptest"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/platform/telemetry"
	"github.com/stridelog/stridelog/provider/catalog"
	"github.com/stridelog/stridelog/services/gateway"
	"github.com/stridelog/stridelog/standalone/internal/installation"
)

const (
	goalList     = 0.8
	listClients  = 64
	listRequests = 6000
	listRows     = 50
)

// listWorkouts measures GET of a user's newest 50 workouts: the gateway, with all
// that a request passes there, against net/http with the same statements and
// encoding/json.
func listWorkouts(ctx context.Context, s *stores, out io.Writer, log *slog.Logger) error {
	return withServing(ctx, s, log, func(p *projection, db *pgxpool.Pool, address string) error {
		return p.listAgainstBare(ctx, s, db, address, out)
	})
}

// withServing runs fn beside a gateway over projected workouts of users that exist.
func withServing(ctx context.Context, s *stores, log *slog.Logger, fn func(p *projection, db *pgxpool.Pool, address string) error) error {
	p, err := newProjection(ctx, s, log)
	if err != nil {
		return err
	}
	defer p.bus.Conn().Close()
	if _, err := p.live(ctx, func() {}, func() {}); err != nil {
		return err
	}
	db, err := s.openDatabase(ctx, productDatabase)
	if err != nil {
		return err
	}
	defer db.Close()
	address, end, err := p.gateway(ctx, db)
	if err != nil {
		return err
	}
	for u := range backlogUsers {
		if _, err := db.Exec(ctx, "INSERT INTO gateway.users (id) VALUES ($1)", userID(u)); err != nil {
			return err
		}
	}
	if _, err := db.Exec(ctx, "VACUUM ANALYZE"); err != nil {
		return err
	}
	if err := fn(p, db, address); err != nil {
		return err
	}
	return end()
}

func (p *projection) listAgainstBare(ctx context.Context, s *stores, db *pgxpool.Pool, address string, out io.Writer) error {
	bare := httptest.NewServer(bareList{db})
	defer bare.Close()
	var waits, bareWaits []latencies
	product := &variant{name: "product", run: p.list("http://"+address+"/api/v1/users/%s/events/workouts?limit=%d", &waits)}
	limit := &variant{name: "bare net/http", run: p.list(bare.URL+"/?user=%s&limit=%d", &bareWaits)}
	if err := interleave(ctx, s, product, limit); err != nil {
		return err
	}
	fmt.Fprintf(out, `GET of a user's newest %d workouts by %d clients, %d requests a round, %d users with %d workouts each, %d rounds
  product: the gateway with key, contract check, access log, metrics; the stored documents are passed on as bytes.
  bare net/http: the same three statements (user, count, page) in one round trip by pgx, structs, encoding/json; no key, no checks.
`, listRows, listClients, listRequests, backlogUsers, perUser, s.rounds)
	table(out, "requests", product, limit)
	goal(out, product, limit, goalList)
	fmt.Fprintf(out, "  answer after, p50 and p99 of each round: %s %v, %s %v\n", product.name, waits, limit.name, bareWaits)
	return nil
}

// gateway starts one and returns its address.
func (p *projection) gateway(ctx context.Context, db *pgxpool.Pool) (address string, end func() error, err error) {
	g, err := gateway.New(gateway.Config{
		Log: slog.New(slog.NewTextHandler(io.Discard, nil)), DB: db, Bus: p.bus, Addr: "127.0.0.1:0", AdminKey: installation.AdminKey,
		Registry: telemetry.NewRegistry(), Catalog: catalog.Descriptors(), Kinds: events.Kinds(),
	})
	if err != nil {
		return "", nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	ended, ready := make(chan error, 1), make(chan struct{})
	go func() { ended <- g.Run(ctx, func() { close(ready) }) }()
	select {
	case <-ready:
	case err := <-ended:
		cancel()
		return "", nil, fmt.Errorf("start the gateway: %w", err)
	}
	return g.Addr().String(), func() error { cancel(); return <-ended }, nil
}

// list asks for one page of each user in turn. The address has places for user and
// limit.
func (p *projection) list(address string, waits *[]latencies) func(ctx context.Context, start, stop func()) (int, error) {
	l := load{Key: installation.AdminKey, Clients: listClients, Requests: listRequests, LeastSize: 20_000}
	for u := range backlogUsers {
		l.Addresses = append(l.Addresses, fmt.Sprintf(address, userID(u), listRows))
	}
	return func(ctx context.Context, start, stop func()) (int, error) {
		start()
		waited, err := p.stores.request(ctx, l)
		stop()
		*waits = append(*waits, waited)
		return l.Requests, err
	}
}
