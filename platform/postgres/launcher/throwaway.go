//go:build unix

package launcher

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"syscall"
)

const (
	throwawayPrefix = "stridelog-pg-"
	shmWanted       = 2 << 30 // bytes
	makeAttempts    = 5
)

// startThrowaway makes a cluster in a new folder. A killed process leaves its
// folder, in memory perhaps; so the next start removes those.
func startThrowaway(ctx context.Context, o Options, account *account) (*Server, error) {
	parent := o.Dir
	if parent == "" {
		for _, place := range places() {
			sweep(ctx, place, o.Log)
		}
		parent = places()[0]
	}
	root, held, err := makeThrowaway(parent)
	if err != nil {
		return nil, fmt.Errorf("make a throwaway database: %w", err)
	}
	s, err := func() (*Server, error) {
		if err := account.checkPath(root); err != nil {
			return nil, err
		}
		return open(ctx, o, root, account)
	}()
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(root), held.release())
	}
	s.hold(held)
	s.remove = root
	return s, nil
}

// places are the parents of throwaway clusters, the preferred one first.
func places() []string {
	if shmFree() > shmWanted {
		return []string{shmDir, os.TempDir()}
	}
	return []string{os.TempDir()}
}

// makeThrowaway makes a locked folder. Somebody's sweep may take it between the
// two steps, hence the attempts.
func makeThrowaway(parent string) (string, *lock, error) {
	for attempt := 1; ; attempt++ {
		root, err := os.MkdirTemp(parent, throwawayPrefix)
		if err != nil {
			return "", nil, err
		}
		held, err := takeLock(filepath.Join(root, "lock"))
		if err == nil {
			// The server's user passes through; the cluster inside is closed.
			if err := os.Chmod(root, 0o711); err != nil { //nolint:gosec // see above
				return "", nil, errors.Join(err, held.release())
			}
			return root, held, nil
		}
		if attempt == makeAttempts {
			return "", nil, err
		}
	}
}

// sweep removes throwaway clusters of ours that nobody holds. What cannot be
// removed is in nobody's way: it is logged, not an error.
func sweep(ctx context.Context, parent string, log *slog.Logger) {
	roots, err := filepath.Glob(filepath.Join(parent, throwawayPrefix+"*"))
	if err != nil {
		return
	}
	for _, root := range roots {
		if !ownedByUs(root) {
			continue
		}
		held, err := takeLock(filepath.Join(root, "lock"))
		if err != nil {
			continue
		}
		data, err := filepath.Glob(filepath.Join(root, "*", dataName))
		for _, dir := range data {
			err = errors.Join(err, stopOrphan(ctx, dir, log))
		}
		if err == nil {
			err = os.RemoveAll(root)
		}
		if err = errors.Join(err, held.release()); err != nil {
			log.Warn("a throwaway database that was left behind could not be removed", "folder", root, "error", err)
		}
	}
}

func ownedByUs(path string) bool {
	info, err := os.Lstat(path)
	if err != nil || !info.IsDir() {
		return false
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(st.Uid) == os.Geteuid()
}
