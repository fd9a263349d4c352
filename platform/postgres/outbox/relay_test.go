package outbox

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"testing"
	"testing/fstest"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/platform/bus/bustest"
	"github.com/stridelog/stridelog/platform/natsserver"
	"github.com/stridelog/stridelog/platform/postgres"
	"github.com/stridelog/stridelog/platform/postgres/postgrestest"
	"github.com/stridelog/stridelog/platform/telemetry"
	"github.com/stridelog/stridelog/platform/waittest"
)

const (
	schema = "alpha"
	table  = `CREATE TABLE alpha.outbox (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, subject text NOT NULL,
		header jsonb NOT NULL, data bytea NOT NULL, parked text, created_at timestamptz NOT NULL DEFAULT now());`
)

func database(t *testing.T) *pgxpool.Pool {
	t.Helper()
	pool := postgrestest.New(t)
	files := fstest.MapFS{"001_outbox.sql": &fstest.MapFile{Data: []byte(table)}}
	if err := postgres.Migrate(t.Context(), pool, schema, files); err != nil {
		t.Fatal(err)
	}
	return pool
}

// somebody is the person of every event, and somebodyElse is another one.
const (
	somebody     = "00000000-0000-4000-8000-0000000000a1"
	somebodyElse = "00000000-0000-4000-8000-0000000000a2"
)

func event(n int) events.Event {
	id := fmt.Sprintf("event-%04d", n)
	at := time.Date(2026, 11, 23, 10, 0, n, 123456789, time.UTC)
	return events.Event{
		ID: id, Source: "stridelog/test", About: id, Time: at, Provider: "fitbit", UserID: somebody,
		Data: &events.ConnectionActivated{
			ConnectionID: events.SyncID(id), UserID: somebody, Provider: "fitbit", ProviderAccountID: "<&>\u2028",
			Scopes: []string{"activity"}, ActivatedAt: at,
		},
	}
}

func appendIn(t *testing.T, pool *pgxpool.Pool, numbers ...int) {
	t.Helper()
	err := pgx.BeginFunc(t.Context(), pool, func(tx pgx.Tx) error {
		for _, n := range numbers {
			if err := Append(t.Context(), tx, schema, event(n)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// run starts a relay; the test fails unless it is ready, and stops well.
func run(t *testing.T, r *Relay) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ready, ended := make(chan struct{}), make(chan error, 1)
	go func() { ended <- r.Run(ctx, func() { close(ready) }) }()
	select {
	case <-ready:
	case err := <-ended:
		cancel()
		t.Fatalf("the relay ended before it was ready: %v", err)
	}
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the relay stopped with %v", err)
		}
	}
	t.Cleanup(stop)
	return stop
}

// relay looks at the table only when it is told to: a test that passes shows
// that notifications work.
func relay(t *testing.T, pool *pgxpool.Pool, b *bus.Bus) *Relay {
	r := NewRelay(pool, b, schema, bustest.Logger(t))
	r.every = time.Hour
	return r
}

// arrivals waits for n events of the facts stream and returns their ids in order.
func arrivals(t *testing.T, b *bus.Bus, n int) []bus.Delivery {
	t.Helper()
	ctx := waittest.Context(t)
	got, err := b.Batches(ctx, bus.BatchOptions{Name: "arrivals-" + events.NewID(), Stream: events.StreamFacts})
	if err != nil {
		t.Fatal(err)
	}
	var all []bus.Delivery
	for len(all) < n {
		batch, err := got.Next(ctx)
		if err != nil {
			t.Fatalf("%d of %d events arrived: %v", len(all), n, err)
		}
		all = append(all, batch.Deliveries...)
	}
	return all
}

func wantInOrder(t *testing.T, got []bus.Delivery, numbers ...int) {
	t.Helper()
	if len(got) != len(numbers) {
		t.Fatalf("%d events are in the stream, want %d", len(got), len(numbers))
	}
	for i, n := range numbers {
		if got[i].Err != nil || got[i].Event.ID != event(n).ID {
			t.Fatalf("event %d of the stream is %q (%v), want %q", i, got[i].Event.ID, got[i].Err, event(n).ID)
		}
	}
}

func waiting(t *testing.T, pool *pgxpool.Pool) (n int) {
	t.Helper()
	if err := pool.QueryRow(t.Context(), "SELECT count(*) FROM alpha.outbox").Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func wantEmpty(t *testing.T, pool *pgxpool.Pool) {
	t.Helper()
	waittest.State(t, "the outbox is empty", func() (string, bool) {
		n := waiting(t, pool)
		return fmt.Sprintf("%d events wait in it", n), n == 0
	})
}

func TestOnlyCommittedEventsArriveInOrderAndUnchanged(t *testing.T) {
	pool, b := database(t), bustest.New(t)
	appendIn(t, pool, 1, 2) // before the relay runs
	giveUp := errors.New("give up")
	err := pgx.BeginFunc(t.Context(), pool, func(tx pgx.Tx) error {
		if err := Append(t.Context(), tx, schema, event(3)); err != nil {
			return err
		}
		return giveUp
	})
	if !errors.Is(err, giveUp) {
		t.Fatal(err)
	}
	run(t, relay(t, pool, b))
	arrivals(t, b, 2)
	appendIn(t, pool, 4) // wakes it
	got := arrivals(t, b, 3)
	wantInOrder(t, got, 1, 2, 4)
	want, err := event(1).Encode()
	if err != nil {
		t.Fatal(err)
	}
	if string(got[0].Message.Data) != string(want.Data) || got[0].Message.Subject != want.Subject {
		t.Errorf("the message is %s %s, want %s %s", got[0].Message.Subject, got[0].Message.Data, want.Subject, want.Data)
	}
	for name, value := range want.Header {
		if got := got[0].Message.Header[name]; len(got) != 1 || got[0] != value[0] {
			t.Errorf("header %s is %v, want %v", name, got, value)
		}
	}
	wantEmpty(t, pool)
}

func TestAppendTakesTheTraceOfItsContext(t *testing.T) {
	pool, b := database(t), bustest.New(t)
	trace := "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	ctx := telemetry.WithTraceParent(t.Context(), trace)
	err := pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error { return Append(ctx, tx, schema, event(1)) })
	if err != nil {
		t.Fatal(err)
	}
	run(t, relay(t, pool, b))
	if got := arrivals(t, b, 1)[0].Event.TraceParent; got != trace {
		t.Errorf("traceparent is %q, want %q", got, trace)
	}
}

func TestTwoRelaysKeepTheOrder(t *testing.T) {
	pool, url := database(t), bustest.StartServer(t)
	first, second := bustest.Connect(t, url, "one"), bustest.Connect(t, url, "two")
	if err := first.DeclareStreams(t.Context()); err != nil {
		t.Fatal(err)
	}
	run(t, relay(t, pool, first))
	stop := run(t, relay(t, pool, second))
	const n = 250 // more than two batches
	var numbers []int
	for i := range n {
		if i == n/2 {
			stop()
		}
		appendIn(t, pool, i)
		numbers = append(numbers, i)
	}
	wantEmpty(t, pool)
	appendIn(t, pool, n) // would come after anything doubled
	wantInOrder(t, arrivals(t, first, n+1), append(numbers, n)...)
}

// The rows cannot be deleted at first, as if the relay crashed after the
// acknowledgement: the second publication is dropped by its id.
func TestACrashBetweenAckAndDeleteDoublesNothing(t *testing.T) {
	pool, b := database(t), bustest.New(t)
	_, err := pool.Exec(t.Context(), `
		CREATE FUNCTION alpha.refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'not now'; END $$;
		CREATE TRIGGER refuse BEFORE DELETE ON alpha.outbox EXECUTE FUNCTION alpha.refuse();`)
	if err != nil {
		t.Fatal(err)
	}
	appendIn(t, pool, 1, 2)
	run(t, relay(t, pool, b))
	arrivals(t, b, 2)
	if n := waiting(t, pool); n != 2 {
		t.Fatalf("%d rows are left, want 2: the trigger must have kept them", n)
	}
	if _, err := pool.Exec(t.Context(), "DROP TRIGGER refuse ON alpha.outbox"); err != nil {
		t.Fatal(err)
	}
	wantEmpty(t, pool)
	appendIn(t, pool, 3)
	wantInOrder(t, arrivals(t, b, 3), 1, 2, 3)
}

func TestEventsWaitForNATSToComeBack(t *testing.T) {
	pool, dir := database(t), t.TempDir()
	server, err := natsserver.Start(natsserver.Options{StoreDir: dir, Log: bustest.Logger(t)})
	if err != nil {
		t.Fatal(err)
	}
	b := bustest.Connect(t, server.URL(), "outage")
	if err := b.DeclareStreams(t.Context()); err != nil {
		t.Fatal(err)
	}
	run(t, relay(t, pool, b))
	appendIn(t, pool, 1)
	arrivals(t, b, 1)
	u, err := url.Parse(server.URL())
	if err != nil {
		t.Fatal(err)
	}
	server.Stop()
	appendIn(t, pool, 2, 3)
	if n := waiting(t, pool); n < 2 {
		t.Fatalf("%d rows wait, want 2: nobody can have taken them", n)
	}
	again, err := natsserver.Start(natsserver.Options{StoreDir: dir, Addr: u.Host, Log: bustest.Logger(t)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(again.Stop)
	wantEmpty(t, pool)
	appendIn(t, pool, 4) // would come after anything doubled
	wantInOrder(t, arrivals(t, b, 4), 1, 2, 3, 4)
}

func TestTheRelayNeedsItsTable(t *testing.T) {
	r := relay(t, postgrestest.New(t), bustest.New(t))
	if err := r.Run(t.Context(), func() { t.Error("it called ready without a table") }); err == nil {
		t.Error("no error without a table")
	}
}
