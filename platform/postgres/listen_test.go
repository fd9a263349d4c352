package postgres_test

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/stridelog/stridelog/platform/postgres"
	"github.com/stridelog/stridelog/platform/postgres/postgrestest"
	"github.com/stridelog/stridelog/platform/waittest"
)

func listen(t *testing.T, pool *pgxpool.Pool) (<-chan struct{}, context.CancelFunc) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	wake, err := postgres.Listen(ctx, pool, "news")
	if err != nil {
		t.Fatal(err)
	}
	return wake, cancel
}

func await(t *testing.T, wake <-chan struct{}, what string) {
	t.Helper()
	select {
	case _, open := <-wake:
		if !open {
			t.Fatalf("the channel was closed before %s", what)
		}
	case <-time.After(waittest.Bound(t)):
		t.Fatalf("no wake-up for %s", what)
	}
}

func exec(t *testing.T, pool *pgxpool.Pool, sql string) {
	t.Helper()
	if _, err := pool.Exec(t.Context(), sql); err != nil {
		t.Fatal(err)
	}
}

func TestListenWakesOnConnectAndOnNotify(t *testing.T) {
	pool := postgrestest.New(t)
	wake, _ := listen(t, pool)
	await(t, wake, "the connection")
	exec(t, pool, "NOTIFY other; NOTIFY news")
	await(t, wake, "the notification")
}

// All of a hundred notifications come at once, by one commit each, while nobody
// takes the wake-ups: one waits afterwards.
func TestListenMakesOneWakeUpOfMany(t *testing.T) {
	pool := postgrestest.New(t)
	wake, cancel := listen(t, pool)
	for range 100 {
		exec(t, pool, "NOTIFY news")
	}
	await(t, wake, "the notifications")
	cancel()
	more := 0
	for range wake { // until it is closed
		more++
	}
	if more > 1 {
		t.Errorf("%d more wake-ups waited, want one at most", more)
	}
}

func TestListenReconnectsAndWakes(t *testing.T) {
	pool := postgrestest.New(t)
	wake, _ := listen(t, pool)
	await(t, wake, "the connection")
	for range 3 {
		var cut int
		err := pool.QueryRow(t.Context(), `SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
			WHERE datname = current_database() AND query = 'LISTEN "news"'`).Scan(&cut)
		if err != nil || cut == 0 { // the one cut before may still be ending
			t.Fatalf("%d connections were cut (%v), want 1", cut, err)
		}
		await(t, wake, "the new connection")
	}
	exec(t, pool, "NOTIFY news")
	await(t, wake, "a notification after that")
}

func TestListenEndsWithItsContext(t *testing.T) {
	wake, cancel := listen(t, postgrestest.New(t))
	await(t, wake, "the connection")
	cancel()
	select {
	case _, open := <-wake:
		if open {
			t.Error("a wake-up came after the end")
		}
	case <-time.After(waittest.Bound(t)):
		t.Error("the channel stays open")
	}
}

func TestListenFailsWhenItCannotConnect(t *testing.T) {
	pool := postgrestest.New(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := postgres.Listen(ctx, pool, "news"); err == nil {
		t.Error("no error")
	}
}
