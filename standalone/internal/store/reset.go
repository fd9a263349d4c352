package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/stridelog/stridelog/platform/postgres/launcher"
)

// marker is the file that says that a demo made this data directory, so that everything
// in it is made up and may be deleted.
const marker = "made-by-stridelog-demo"

// MarkDemo marks a data directory as the demo's, before anything is in it. One that
// holds something already is left as it is: nobody knows whose that is.
func MarkDemo(dataDir string) error {
	entries, err := os.ReadDir(dataDir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("look into the demo's data directory: %w", err)
	}
	if len(entries) > 0 {
		return nil
	}
	if err := makeDirs(dataDir); err != nil {
		return err
	}
	err = os.WriteFile(filepath.Join(dataDir, marker),
		[]byte("`stridelog demo` made this folder for simulated people. `stridelog demo --reset` deletes what is in it.\n"), 0o600)
	if err != nil {
		return fmt.Errorf("mark the demo's data directory: %w", err)
	}
	return nil
}

// UnmarkDemo is for a system with real people on a data directory: from then on no
// reset deletes it.
func UnmarkDemo(dataDir string) error {
	if err := os.Remove(filepath.Join(dataDir, marker)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("take the demo's mark off the data directory: %w", err)
	}
	return nil
}

// ResetDemo deletes what is in the demo's data directory. It refuses one without the
// demo's mark, and one that a process uses. One that is not there is empty already.
func ResetDemo(ctx context.Context, dataDir string, log *slog.Logger) error {
	if _, err := os.Stat(dataDir); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	entries, err := os.ReadDir(dataDir)
	if err != nil {
		return fmt.Errorf("reset the demo: %w", err)
	}
	if len(entries) == 0 {
		return nil
	}
	if info, err := os.Lstat(filepath.Join(dataDir, marker)); err != nil || !info.Mode().IsRegular() {
		return fmt.Errorf("reset the demo: %s has no file %s, so it may hold what no demo made: look into it, and delete it yourself", dataDir, marker)
	}
	reserved, err := launcher.Reserve(ctx, dataDir, log)
	if err != nil {
		return fmt.Errorf("reset the demo: %w", err)
	}
	for _, e := range entries {
		// The database's folder has the lock; the mark goes last, so that a reset that
		// was cut off can be done again.
		if e.Name() == launcher.Folder || e.Name() == marker {
			continue
		}
		if err := os.RemoveAll(filepath.Join(dataDir, e.Name())); err != nil {
			return errors.Join(fmt.Errorf("reset the demo: %w", err), reserved.Release())
		}
	}
	if err := reserved.Delete(); err != nil {
		return fmt.Errorf("reset the demo: %w", err)
	}
	if err := os.Remove(filepath.Join(dataDir, marker)); err != nil {
		return fmt.Errorf("reset the demo: %w", err)
	}
	return nil
}
