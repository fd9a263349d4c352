//go:build unix

// Package postgrestest gives every test an empty database of its own on a real
// PostgreSQL. A test without one fails; it never skips.
package postgrestest

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/stridelog/stridelog/platform/postgres"
	"github.com/stridelog/stridelog/platform/postgres/launcher"
	"github.com/stridelog/stridelog/platform/waittest"
)

const (
	// startLimit leaves time for a download, which happens once on a machine
	// without PostgreSQL; tests of other packages wait for it.
	startLimit = 10 * time.Minute
	maxConns   = 8
)

// server is the throwaway server of this test process. It is a global because
// tests of a process share nothing else, and a server each would cost every test
// half a second. It stops with the process, see launcher.
//
//nolint:gochecknoglobals // see above
var server = sync.OnceValues(func() (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), startLimit)
	defer cancel()
	s, err := launcher.Start(ctx, launcher.Options{
		Throwaway: true,
		BinDir:    os.Getenv("STRIDELOG_PG_BIN"),
		Download:  &launcher.Download{Registry: launcher.Registry(os.LookupEnv)},
	})
	if err != nil {
		return "", err
	}
	return s.URL(), nil
})

// New is a pool on an empty database that only this test uses. The server is
// TEST_DATABASE_URL, as a role with CREATEDB, or a throwaway one that the tests
// of this process share. The database is dropped at the end; that of a failed
// test stays on TEST_DATABASE_URL, to be looked at.
func New(t testing.TB) *pgxpool.Pool {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), waittest.Bound(t))
	defer cancel()
	pool, err := postgres.Open(ctx, URL(t), postgres.Options{ApplicationName: "test", MaxConns: maxConns})
	if err != nil {
		t.Fatalf("open the test's database: %v", err)
	}
	t.Cleanup(func() { closePool(t, pool) })
	return pool
}

// URL is like New, for tests that connect by themselves or start processes.
func URL(t testing.TB) string {
	t.Helper()
	admin, external := os.Getenv("TEST_DATABASE_URL"), true
	if admin == "" {
		var err error
		if admin, err = server(); err != nil {
			t.Fatalf("this test needs a PostgreSQL server: set TEST_DATABASE_URL (a role with CREATEDB), or have one started: %v", err)
		}
		external = false
	}
	u, err := url.Parse(admin)
	if err != nil || u.Host == "" {
		t.Fatal("TEST_DATABASE_URL must be postgres://user:password@host:5432/database")
	}
	name := "stridelog_test_" + strings.ToLower(rand.Text())
	// file_copy is the faster way where nothing is synced to a disk.
	create := "CREATE DATABASE " + name + " TEMPLATE template0"
	if !external {
		create += " STRATEGY file_copy"
	}
	if err := run(t, admin, create); err != nil {
		t.Fatalf("make the test's database: %v", err)
	}
	t.Cleanup(func() {
		if t.Failed() && external {
			t.Logf("database %s is kept; drop it when you have seen it", name)
			return
		}
		if err := run(t, admin, "DROP DATABASE "+name+" WITH (FORCE)"); err != nil {
			t.Errorf("drop the test's database: %v", err)
		}
	})
	u.Path = "/" + name
	return u.String()
}

func run(t testing.TB, admin, sql string) error {
	ctx, cancel := context.WithTimeout(context.Background(), waittest.Bound(t))
	defer cancel()
	conn, err := pgx.Connect(ctx, admin)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	_, err = conn.Exec(ctx, sql)
	if closed := conn.Close(ctx); err == nil {
		err = closed
	}
	return err
}

// closePool finds connections that the test took and never gave back: Close
// waits for them for ever.
func closePool(t testing.TB, pool *pgxpool.Pool) {
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		pool.Close()
	}()
	select {
	case <-closed:
	case <-time.After(waittest.Bound(t)):
		t.Error("a database connection was taken from the pool and never released")
	}
}
