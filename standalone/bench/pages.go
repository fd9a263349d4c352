package main

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/stridelog/stridelog/platform/telemetry"
	"github.com/stridelog/stridelog/provider/catalog"
	"github.com/stridelog/stridelog/services/projector"
	"github.com/stridelog/stridelog/standalone/internal/installation"
)

//go:embed pages.sql
var insertWorkouts string

const (
	// goalPages is how much more the first page of a person with 20,000 workouts may
	// cost than that of one with 500.
	goalPages    = 1.2
	pageRequests = 300
	pageClients  = 4
	chunkOfRows  = 10_000
)

// histories are how many workouts the people have.
func histories() []int { return []int{500, 20_000, 1_000_000} }

// pageKinds are queries, and whether the goal is about them.
func pageKinds() []pageKind {
	recently := time.Now().AddDate(0, 0, -5)
	return []pageKind{
		{name: "first page", goal: true},
		{name: "type of a sixth", query: url.Values{"record_type": {"running"}}, goal: true},
		{name: "type of three", query: url.Values{"record_type": {"rowing"}}, goal: true},
		{name: "type of none", query: url.Values{"record_type": {"golf"}}, goal: true},
		{name: "three types", query: url.Values{"record_type": {"running,rowing,golf"}}, goal: true},
		{name: "provider of none", query: url.Values{"provider": {elsewhere()}}, goal: true},
		{name: "five days", query: url.Values{"start_date": {recently.Format(time.DateOnly)}}, goal: true},
		{name: "all days", query: url.Values{"start_date": {"1901-01-01"}}},
	}
}

type pageKind struct {
	name  string
	query url.Values
	goal  bool

	buffers []int // by history
	cost    []*variant
}

// pages measures what a first page costs by how much a person did, in the buffers of
// its statements and in CPU of gateway and Postgres.
func pages(ctx context.Context, s *stores, out io.Writer, log *slog.Logger) error {
	p := &projection{stores: s, log: log}
	var err error
	if p.bus, err = openBus(ctx, s.natsURL, "bench-pages", log); err != nil {
		return err
	}
	defer p.bus.Conn().Close()
	seen := &batches{}
	db, err := p.pagesDatabase(ctx, seen)
	if err != nil {
		return err
	}
	defer db.Close()
	address, end, err := p.gateway(ctx, db)
	if err != nil {
		return err
	}
	for n := range histories() {
		if err := fillHistory(ctx, db, n); err != nil {
			return err
		}
	}
	if _, err := db.Exec(ctx, "VACUUM ANALYZE"); err != nil {
		return err
	}
	kinds := pageKinds()
	var all []*variant
	for k := range kinds {
		if err := p.explain(ctx, db, seen, address, &kinds[k]); err != nil {
			return err
		}
		all = append(all, kinds[k].cost...)
	}
	if err := interleave(ctx, s, all...); err != nil {
		return err
	}
	printPages(out, s.rounds, kinds)
	return end()
}

// pagesDatabase is a projector's and a gateway's database, whose statements are seen.
func (p *projection) pagesDatabase(ctx context.Context, seen *batches) (*pgxpool.Pool, error) {
	plain, err := p.stores.freshDatabase(ctx, productDatabase)
	if err != nil {
		return nil, err
	}
	defer plain.Close()
	service, err := projector.New(projector.Config{
		Log: p.log, DB: plain, Bus: p.bus, Normalizers: catalog.Normalizers(), Sources: catalog.Sources(), Registry: telemetry.NewRegistry(),
	})
	if err != nil {
		return nil, err
	}
	running, cancel := context.WithCancel(ctx)
	defer cancel()
	if err := service.Run(running, cancel); err != nil {
		return nil, err
	}
	config := plain.Config()
	config.ConnConfig.Tracer = seen
	return pgxpool.NewWithConfig(ctx, config)
}

func fillHistory(ctx context.Context, db *pgxpool.Pool, n int) error {
	if _, err := db.Exec(ctx, "INSERT INTO gateway.users (id) VALUES ($1)", userID(n)); err != nil {
		return err
	}
	count := histories()[n]
	for first := 1; first <= count; first += chunkOfRows {
		if _, err := db.Exec(ctx, insertWorkouts, userID(n), first, min(first+chunkOfRows-1, count), count, measured); err != nil {
			return fmt.Errorf("store %d workouts: %w", count, err)
		}
	}
	return nil
}

// explain counts the buffers of a kind's statements, with values as they are, and makes
// its variants.
func (p *projection) explain(ctx context.Context, db *pgxpool.Pool, seen *batches, address string, kind *pageKind) error {
	for n, count := range histories() {
		page := fmt.Sprintf("http://%s/api/v1/users/%s/events/workouts?%s", address, userID(n), kind.query.Encode())
		l := load{Key: installation.AdminKey, Clients: pageClients, Requests: pageRequests, Addresses: []string{page}}
		list, err := seen.during(func() error { return l.get(ctx, page) })
		if err != nil {
			return err
		}
		buffers := 0
		for _, q := range list {
			read, err := buffersOf(ctx, db, q)
			if err != nil {
				return fmt.Errorf("%s: %w", kind.name, err)
			}
			buffers += read
		}
		kind.buffers = append(kind.buffers, buffers)
		kind.cost = append(kind.cost, &variant{name: fmt.Sprintf("%s of %d", kind.name, count), run: func(ctx context.Context, start, stop func()) (int, error) {
			start()
			_, err := p.stores.request(ctx, l)
			stop()
			return l.Requests, err
		}})
	}
	return nil
}

func buffersOf(ctx context.Context, db *pgxpool.Pool, q statement) (int, error) {
	var text string
	if err := db.QueryRow(ctx, "EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) "+q.sql, q.args...).Scan(&text); err != nil {
		return 0, err
	}
	var plans []struct {
		Plan struct {
			Hit  int `json:"Shared Hit Blocks"`
			Read int `json:"Shared Read Blocks"`
		} `json:"Plan"`
	}
	if err := json.Unmarshal([]byte(text), &plans); err != nil {
		return 0, err
	}
	return plans[0].Plan.Hit + plans[0].Plan.Read, nil
}

func printPages(out io.Writer, rounds int, kinds []pageKind) {
	var counts []string
	for _, n := range histories() {
		counts = append(counts, fmt.Sprint(n))
	}
	fmt.Fprintf(out, `first pages of 50 of people with %s workouts, by %d clients, %d requests a round, %d rounds
  buffers: of the statements of one page. CPU: gateway and Postgres, ms a page. Ratios are over the first person's.
  %-18s %-28s %-28s %s
`, strings.Join(counts, ", "), pageClients, pageRequests, rounds, "", "buffers (ratios)", "CPU ms (ratios)", fmt.Sprintf("20,000 / 500; goal at most %.1f", goalPages))
	for _, k := range kinds {
		var cost []float64
		var buffers []float64
		for n, v := range k.cost {
			cost, buffers = append(cost, v.per(v.cpu.involved())), append(buffers, float64(k.buffers[n]))
		}
		met := "no goal"
		if k.goal {
			met = map[bool]string{true: "met", false: "MISSED"}[cost[1]/cost[0] <= goalPages && buffers[1]/buffers[0] <= goalPages]
		}
		fmt.Fprintf(out, "  %-18s %-28s %-28s %s\n", k.name, growing(buffers, "%.0f"), growing(cost, "%.2f"), met)
	}
}

// growing writes figures and how they grow over the first.
func growing(list []float64, format string) string {
	var figures, ratios []string
	for n, f := range list {
		figures = append(figures, fmt.Sprintf(format, f))
		if n > 0 {
			ratios = append(ratios, fmt.Sprintf("%.2f", f/list[0]))
		}
	}
	return strings.Join(figures, " ") + " (" + strings.Join(ratios, " ") + ")"
}

// statement is what was asked of the database.
type statement struct {
	sql  string
	args []any
}

// batches remembers what the batches of a pool ask.
type batches struct {
	mu      sync.Mutex
	watched bool
	list    []statement
}

// during are the statements of the batches that fn sends.
func (s *batches) during(fn func() error) ([]statement, error) {
	s.mu.Lock()
	s.watched, s.list = true, nil
	s.mu.Unlock()
	err := fn()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.watched = false
	return s.list, err
}

// TraceBatchQuery implements pgx.BatchTracer.
func (s *batches) TraceBatchQuery(_ context.Context, _ *pgx.Conn, d pgx.TraceBatchQueryData) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.watched {
		s.list = append(s.list, statement{d.SQL, d.Args})
	}
}

// TraceBatchStart implements pgx.BatchTracer.
func (*batches) TraceBatchStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceBatchStartData) context.Context {
	return ctx
}

// TraceBatchEnd implements pgx.BatchTracer.
func (*batches) TraceBatchEnd(context.Context, *pgx.Conn, pgx.TraceBatchEndData) {}

// TraceQueryStart implements pgx.QueryTracer.
func (*batches) TraceQueryStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	return ctx
}

// TraceQueryEnd implements pgx.QueryTracer.
func (*batches) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}
