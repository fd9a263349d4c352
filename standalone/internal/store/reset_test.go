package store

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stridelog/stridelog/platform/postgres/launcher"
)

// files are the paths below a folder.
func files(t *testing.T, dir string) (list []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
		list = append(list, strings.TrimPrefix(path, dir))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func write(t *testing.T, path string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("kept"), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestAResetEmptiesTheDemosFolderAndNoOther(t *testing.T) {
	log := slog.New(slog.DiscardHandler)
	outside := t.TempDir()
	write(t, filepath.Join(outside, "precious"))
	dir := filepath.Join(t.TempDir(), "demo")
	if err := ResetDemo(t.Context(), dir, log); err != nil {
		t.Errorf("a folder that is not there: %v", err)
	}
	if err := MarkDemo(dir); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "nats", "log"))
	write(t, filepath.Join(dir, "pg", "17", "password"))
	if err := os.Symlink(outside, filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	if err := ResetDemo(t.Context(), dir, log); err != nil {
		t.Fatal(err)
	}
	if left := files(t, dir); len(left) != 1 {
		t.Errorf("the folder holds %v", left)
	}
	if left := files(t, outside); len(left) != 2 {
		t.Errorf("what a link led to holds %v", left)
	}
}

func TestAResetRefusesWhatNoDemoMade(t *testing.T) {
	log := slog.New(slog.DiscardHandler)
	real := t.TempDir()
	write(t, filepath.Join(real, "pg", "17", "password"))
	if err := MarkDemo(real); err != nil { // a demo that is started on it later
		t.Fatal(err)
	}
	taken := filepath.Join(t.TempDir(), "demo")
	if err := MarkDemo(taken); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(taken, "nats", "log"))
	if err := UnmarkDemo(taken); err != nil { // serve --embedded
		t.Fatal(err)
	}
	used := filepath.Join(t.TempDir(), "demo")
	if err := MarkDemo(used); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(used, "nats", "log"))
	reserved, err := launcher.Reserve(t.Context(), used, log) // as a running demo does
	if err != nil {
		t.Fatal(err)
	}
	for dir, why := range map[string]string{real: "no file " + marker, taken: "no file " + marker, used: "another process"} {
		before := files(t, dir)
		if err := ResetDemo(t.Context(), dir, log); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("got %v, want that it says %q", err, why)
		}
		if after := files(t, dir); len(after) != len(before) {
			t.Errorf("it held %v and holds %v", before, after)
		}
	}
	if err := reserved.Release(); err != nil {
		t.Fatal(err)
	}
	if err := ResetDemo(t.Context(), used, log); err != nil {
		t.Errorf("once nobody uses it: %v", err)
	}
}
