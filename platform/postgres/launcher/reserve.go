//go:build unix

package launcher

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
)

// Folder is where the clusters lie below a data folder.
const Folder = "pg"

// Reserved is a data folder that no server runs on, and none starts on.
type Reserved struct {
	root string
	lock *lock
}

// Reserve takes a data folder's lock as a start does, and stops a server that a killed
// process left behind. It fails while another process uses the folder.
func Reserve(ctx context.Context, dir string, log *slog.Logger) (*Reserved, error) {
	root := filepath.Join(dir, Folder)
	if err := os.MkdirAll(root, 0o755); err != nil { //nolint:gosec // as makeRoot makes it
		return nil, fmt.Errorf("reserve the data folder %s: %w", dir, err)
	}
	held, err := takeLock(filepath.Join(root, "lock"))
	if errors.Is(err, errLocked) {
		return nil, fmt.Errorf("another process (pid %s) uses the data folder %s: stop it first", holder(root), dir)
	}
	if err != nil {
		return nil, fmt.Errorf("reserve the data folder %s: %w", dir, err)
	}
	r := &Reserved{root: root, lock: held}
	entries, err := os.ReadDir(root)
	for _, e := range entries {
		if _, number := strconv.Atoi(e.Name()); err == nil && number == nil {
			err = stopOrphan(ctx, filepath.Join(root, e.Name(), dataName), log)
		}
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("reserve the data folder %s: %w", dir, err), r.Release())
	}
	return r, nil
}

// Release lets others use the folder.
func (r *Reserved) Release() error { return r.lock.release() }

// Delete removes all clusters of the folder for good, and releases it.
func (r *Reserved) Delete() error {
	err := os.RemoveAll(r.root)
	if err != nil {
		err = fmt.Errorf("delete the clusters in %s: %w", r.root, err)
	}
	return errors.Join(err, r.Release())
}
