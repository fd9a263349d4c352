//go:build unix

package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/stridelog/stridelog/platform/postgres"
	"github.com/stridelog/stridelog/platform/postgres/launcher"
	"github.com/stridelog/stridelog/platform/postgres/postgrestest"
	"github.com/stridelog/stridelog/platform/waittest"
)

// gate is a fixed address before a server that comes and goes, as a service has in
// a cluster. It listens only while it is open.
type gate struct {
	t       *testing.T
	address string

	mu       sync.Mutex
	listener net.Listener
	conns    []net.Conn
}

func newGate(t *testing.T) *gate {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	g := &gate{t: t, address: l.Addr().String()}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(g.shut)
	return g
}

// url is the database URL through the gate.
func (g *gate) url(databaseURL string) string {
	g.t.Helper()
	u, err := url.Parse(databaseURL)
	if err != nil {
		g.t.Fatal(err)
	}
	u.Host = g.address
	return u.String()
}

// open lets connections through to a database.
func (g *gate) open(databaseURL string) {
	g.t.Helper()
	u, err := url.Parse(databaseURL)
	if err != nil {
		g.t.Fatal(err)
	}
	l, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", g.address)
	if err != nil {
		g.t.Fatal(err)
	}
	g.mu.Lock()
	g.listener = l
	g.mu.Unlock()
	go func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			out, err := (&net.Dialer{}).DialContext(context.Background(), "tcp", u.Host)
			if err != nil {
				_ = in.Close()
				continue
			}
			g.join(in, out)
		}
	}()
}

func (g *gate) join(in, out net.Conn) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.conns = append(g.conns, in, out)
	for _, pair := range [][2]net.Conn{{in, out}, {out, in}} {
		go func() {
			_, _ = io.Copy(pair[0], pair[1])
			_ = pair[0].Close()
		}()
	}
}

// shut refuses connections and cuts those there are.
func (g *gate) shut() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.listener != nil {
		_ = g.listener.Close()
	}
	for _, c := range g.conns {
		_ = c.Close()
	}
	g.conns = nil
}

// waits is a log that says when somebody waits for the database.
type waits struct {
	slog.Handler
	told chan string
}

func newWaits() *waits { return &waits{slog.DiscardHandler, make(chan string, 100)} }

func (w *waits) Enabled(context.Context, slog.Level) bool { return true }

func (w *waits) Handle(_ context.Context, r slog.Record) error {
	w.told <- r.Message
	return nil
}

// folder is one that the user postgres can enter, unlike t.TempDir's when root
// runs the test.
func folder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "postgres-test-") //nolint:usetesting // see above
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	if err := os.Chmod(dir, 0o755); err != nil { //nolint:gosec // see above
		t.Fatal(err)
	}
	return dir
}

func startServer(t *testing.T, dir string) *launcher.Server {
	t.Helper()
	s, err := launcher.Start(t.Context(), launcher.Options{
		Dir: dir, BinDir: os.Getenv("STRIDELOG_PG_BIN"), Download: &launcher.Download{Registry: launcher.Registry(os.LookupEnv)},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stopServer(t, s) })
	return s
}

func stopServer(t *testing.T, s *launcher.Server) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), waittest.Bound(t)) // the test's own may have ended
	defer cancel()
	if err := s.Stop(ctx); err != nil {
		t.Error(err)
	}
}

func TestOpenWaitsForAServerThatStartsLate(t *testing.T) {
	// The URL must be known before the server is there.
	dir := folder(t)
	first := startServer(t, dir)
	stopServer(t, first)
	g, log := newGate(t), newWaits()
	opened := make(chan error, 1)
	go func() {
		pool, err := postgres.Open(t.Context(), g.url(first.URL()), postgres.Options{MaxConns: 1, Log: slog.New(log)})
		if err == nil {
			err = pool.Ping(t.Context())
			pool.Close()
		}
		opened <- err
	}()
	if message := <-log.told; !strings.Contains(message, "waiting") {
		t.Errorf("the log says %q", message)
	}
	g.open(startServer(t, dir).URL())
	if err := <-opened; err != nil {
		t.Errorf("the late server was not used: %v", err)
	}
	if n := len(log.told); n != 0 {
		t.Errorf("the log told of it %d times more", n)
	}
}

// What the server refuses is told at once, with what to look at.
func TestOpenDoesNotWaitForWhatIsWrong(t *testing.T) {
	good, err := url.Parse(postgrestest.URL(t))
	if err != nil {
		t.Fatal(err)
	}
	unknown, stranger := *good, *good
	unknown.Path = "/none"
	stranger.User = url.UserPassword("nobody", "h3sh")
	for name, u := range map[string]url.URL{"unknown database": unknown, "unknown role": stranger} {
		log := newWaits()
		pool, err := postgres.Open(t.Context(), u.String(), postgres.Options{Log: slog.New(log)})
		if err == nil {
			pool.Close()
			t.Errorf("%s: no error", name)
			continue
		}
		if !strings.Contains(err.Error(), "DATABASE_URL") || len(log.told) != 0 {
			t.Errorf("%s: it waited %d times, then: %v", name, len(log.told), err)
		}
	}
}

// The server is stopped while a migration runs, and comes back: the step that was
// cut off runs again, the one before it does not.
func TestMigrateSurvivesARestartInTheMiddle(t *testing.T) {
	dir := folder(t)
	server := startServer(t, dir)
	g := newGate(t)
	g.open(server.URL())
	pool, err := postgres.Open(t.Context(), g.url(server.URL()), postgres.Options{MaxConns: 4})
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	// The second step waits for a lock that the test holds.
	exec(t, pool, "CREATE TABLE gate ()")
	holder, err := pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := holder.Exec(t.Context(), "LOCK TABLE gate"); err != nil {
		t.Fatal(err)
	}
	migrated := make(chan error, 1)
	go func() {
		migrated <- postgres.Migrate(t.Context(), pool, "alpha", migrations(makeThing, "SELECT FROM gate; "+addColumn))
	}()
	awaitNumber(t, func() int64 {
		var n int64
		if err := pool.QueryRow(t.Context(), "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'gate'::regclass").Scan(&n); err != nil {
			t.Error(err)
		}
		return n
	}, 1)
	g.shut()
	stopServer(t, server)
	g.open(startServer(t, dir).URL())
	if err := <-migrated; err != nil {
		t.Fatalf("the migration was not finished: %v", err)
	}
	_ = holder.Rollback(t.Context()) // its connection is gone
	if v := version(t, pool, "alpha"); v != 2 {
		t.Errorf("version is %d, want 2", v)
	}
}

// A session that the administrator ends in the middle of a migration.
func TestMigrateSurvivesALostSession(t *testing.T) {
	pool := postgrestest.New(t)
	// The first try ends its own session; the sequence keeps counting all the same.
	exec(t, pool, "CREATE SEQUENCE tries")
	cut := makeThing + "SELECT CASE WHEN nextval('tries') = 1 THEN pg_terminate_backend(pg_backend_pid()) END;"
	if err := postgres.Migrate(t.Context(), pool, "alpha", migrations(cut)); err != nil {
		t.Fatal(err)
	}
	if v := version(t, pool, "alpha"); v != 1 {
		t.Errorf("version is %d, want 1", v)
	}
	awaitNumber(t, func() int64 {
		var n int64
		if err := pool.QueryRow(t.Context(), "SELECT last_value FROM tries").Scan(&n); err != nil {
			t.Error(err)
		}
		return n
	}, 2)
}

func awaitNumber(t *testing.T, read func() int64, want int64) {
	t.Helper()
	waittest.State(t, fmt.Sprintf("it is %d", want), func() (string, bool) {
		n := read()
		if t.Failed() {
			t.FailNow()
		}
		return fmt.Sprintf("it is %d", n), n == want
	})
}

func TestPatientlyWaitsOnlyForADatabaseThatIsAway(t *testing.T) {
	for _, c := range []struct {
		err  error
		wait bool
	}{
		{&pgconn.PgError{Code: "57P01"}, true},
		{&pgconn.PgError{Code: "57P02"}, true},
		{&pgconn.PgError{Code: "57P03"}, true},
		{io.ErrUnexpectedEOF, true},
		{&net.OpError{Op: "dial", Err: errors.New("connection refused")}, true},
		{&net.DNSError{Name: "postgres", IsNotFound: true}, true},
		{&pgconn.PgError{Code: "28P01"}, false},
		{&pgconn.PgError{Code: "3D000"}, false},
		{errors.Join(&net.OpError{Op: "dial", Err: errors.New("connection refused")}, &pgconn.PgError{Code: "28P01"}), false},
		{errors.New("something else"), false},
	} {
		calls := 0
		err := postgres.Patiently(t.Context(), nil, func(context.Context) error {
			if calls++; calls == 1 {
				return c.err
			}
			return nil
		})
		if waited := err == nil && calls == 2; waited != c.wait || (!c.wait && !errors.Is(err, c.err)) {
			t.Errorf("%v: %d calls and %v, want to wait: %v", c.err, calls, err, c.wait)
		}
	}
}
