package store

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stridelog/stridelog/platform/postgres/launcher"
	"github.com/stridelog/stridelog/standalone/internal/config"
)

// A database that does not answer is its services' error; nothing else is started
// in its place.
func TestANamedDatabaseIsNeverFallenBackFrom(t *testing.T) {
	c := config.Config{DatabaseURL: "postgres://nobody@127.0.0.1:1/none", DataDir: t.TempDir(), PGBin: "/nowhere"}
	s, err := Embed(t.Context(), c, slog.New(slog.DiscardHandler), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if s.DatabaseURL != c.DatabaseURL || s.NATSURL == "" {
		t.Errorf("the stores are %+v, want the named database and an embedded NATS", s)
	}
	if _, err := os.Stat(filepath.Join(c.DataDir, "pg")); !os.IsNotExist(err) {
		t.Errorf("a database was made (%v)", err)
	}
}

// A named folder of programs is used or an error, also where others are installed
// or may be downloaded.
func TestANamedFolderOfProgramsIsNeverFallenBackFrom(t *testing.T) {
	dir, err := os.MkdirTemp("", "store-test-") //nolint:usetesting // t.TempDir of root is closed to the server's user
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	c := config.Config{DataDir: dir, PGBin: filepath.Join(dir, "none")}
	s, err := Embed(t.Context(), c, slog.New(slog.DiscardHandler), &launcher.Download{})
	if err == nil {
		s.Close()
		t.Fatal("there is no error")
	}
	if !strings.Contains(err.Error(), "STRIDELOG_PG_BIN") || !strings.Contains(err.Error(), c.PGBin) {
		t.Errorf("got %v", err)
	}
}
