//go:build unix

package postgrestest_test

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"sync"
	"testing"

	"github.com/stridelog/stridelog/platform/postgres/launcher"
	"github.com/stridelog/stridelog/platform/postgres/postgrestest"
)

func TestEveryTestHasADatabaseOfItsOwn(t *testing.T) {
	var mu sync.Mutex
	names := map[string]bool{}
	t.Run("all", func(t *testing.T) {
		for range 4 {
			t.Run("one", func(t *testing.T) {
				t.Parallel()
				pool := postgrestest.New(t)
				if _, err := pool.Exec(t.Context(), "CREATE TABLE mine (n int)"); err != nil {
					t.Fatal(err)
				}
				var name string
				if err := pool.QueryRow(t.Context(), "SELECT current_database()").Scan(&name); err != nil {
					t.Fatal(err)
				}
				mu.Lock()
				defer mu.Unlock()
				names[name] = true
			})
		}
	})
	if len(names) != 4 {
		t.Fatalf("4 tests had %d databases", len(names))
	}
	pool := postgrestest.New(t)
	for name := range names {
		var there bool
		if err := pool.QueryRow(t.Context(), "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", name).Scan(&there); err != nil {
			t.Fatal(err)
		}
		if there {
			t.Errorf("database %s outlived its test", name)
		}
	}
}

// The server of TEST_DATABASE_URL is told by its port.
func TestAnExternalServerIsUsed(t *testing.T) {
	dir, err := os.MkdirTemp("", "postgrestest-") //nolint:usetesting // t.TempDir of root is closed to the server's user
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	external, err := launcher.Start(t.Context(), launcher.Options{Dir: dir, Throwaway: true, Download: &launcher.Download{Registry: launcher.Registry(os.LookupEnv)}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := external.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	t.Setenv("TEST_DATABASE_URL", external.URL())
	want, err := url.Parse(external.URL())
	if err != nil {
		t.Fatal(err)
	}
	got := postgrestest.New(t).Config().ConnConfig
	if fmt.Sprint(got.Port) != want.Port() || "/"+got.Database == want.Path {
		t.Errorf("the test's database is %s on port %d, want a new one on port %s", got.Database, got.Port, want.Port())
	}
}
