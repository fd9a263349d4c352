package store

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stridelog/stridelog/platform/postgres/launcher"
	"github.com/stridelog/stridelog/standalone/internal/config"
)

// Nothing is started beside one store that is named: the pair would be of two systems.
func TestNothingIsEmbeddedBesideANamedStore(t *testing.T) {
	for _, c := range []config.Config{{DatabaseURL: "postgres://nobody@127.0.0.1:1/none"}, {NATSURL: "nats://127.0.0.1:1"}} {
		c.DataDir, c.PGBin = t.TempDir(), "/nowhere"
		if _, err := Embed(t.Context(), c, slog.New(slog.DiscardHandler), nil); !errors.Is(err, ErrHalf) {
			t.Errorf("got %v", err)
		}
		if files, err := os.ReadDir(c.DataDir); err != nil || len(files) > 0 {
			t.Errorf("the data directory holds %v (%v)", files, err)
		}
	}
	both := config.Config{DatabaseURL: "postgres://nobody@127.0.0.1:1/none", NATSURL: "nats://127.0.0.1:1", DataDir: t.TempDir(), PGBin: "/nowhere"}
	s, err := Embed(t.Context(), both, slog.New(slog.DiscardHandler), nil)
	if err != nil || s.DatabaseURL != both.DatabaseURL || s.NATSURL != both.NATSURL {
		t.Errorf("with both named the stores are %+v, %v", s, err)
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
