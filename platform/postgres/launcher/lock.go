//go:build unix

package launcher

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
)

var errLocked = errors.New("locked by another process")

// lock is a flock on a file: the kernel lets go of it however its holder ends.
type lock struct {
	mu   sync.Mutex
	file *os.File
}

// takeLock locks the file and writes our pid into it; errLocked when somebody
// else holds it.
func takeLock(path string) (*lock, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock: %w", err)
	}
	fail := func(err error) (*lock, error) { return nil, errors.Join(err, f.Close()) }
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return fail(errLocked)
		}
		return fail(fmt.Errorf("lock %s: %w", path, err))
	}
	// Somebody may have removed the file between our open and our lock.
	ours, err := f.Stat()
	if err != nil {
		return fail(fmt.Errorf("lock %s: %w", path, err))
	}
	if there, err := os.Lstat(path); err != nil || !os.SameFile(ours, there) {
		return fail(errLocked)
	}
	if err := f.Truncate(0); err != nil {
		return fail(fmt.Errorf("lock %s: %w", path, err))
	}
	if _, err := fmt.Fprintf(f, "%d\n", os.Getpid()); err != nil {
		return fail(fmt.Errorf("lock %s: %w", path, err))
	}
	return &lock{file: f}, nil
}

func (l *lock) release() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file == nil {
		return nil
	}
	err := l.file.Close()
	l.file = nil
	return err
}

// holder is the pid in a lock file, for words only.
func holder(root string) string {
	b, err := os.ReadFile(filepath.Join(root, "lock"))
	if err != nil || len(b) == 0 {
		return "unknown"
	}
	return strings.TrimSpace(string(b))
}
