//go:build unix

package launcher

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stridelog/stridelog/platform/waittest"
)

// A folder is deleted once nobody runs a server on it, and not before.
func TestAFolderIsReservedWhileNoServerRunsOnIt(t *testing.T) {
	dir, log := folder(t), slog.New(slog.DiscardHandler)
	s := start(t, dir)
	if _, err := Reserve(waittest.Context(t), dir, log); err == nil || !strings.Contains(err.Error(), "another process") {
		t.Errorf("beside a server: %v", err)
	}
	if err := s.Stop(waittest.Context(t)); err != nil {
		t.Fatal(err)
	}
	r, err := Reserve(waittest.Context(t), dir, log)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Start(waittest.Context(t), Options{Dir: dir, Download: fromNPM(), Log: log}); err == nil || !strings.Contains(err.Error(), "another process") {
		t.Errorf("a server starts on a reserved folder: %v", err)
	}
	if err := r.Delete(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, Folder)); !os.IsNotExist(err) {
		t.Errorf("the clusters are still there: %v", err)
	}
}
