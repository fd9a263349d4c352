//go:build unix

package launcher

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// stopOrphan ends a server that lives on after its parent was killed. We hold
// the lock, so nobody needs it.
//
// A dead server's postmaster.pid is left to the next one, which checks that no
// child of the old one lives. Only when the pid belongs to an unrelated process
// by now the file goes: PostgreSQL would refuse to start for ever.
func stopOrphan(ctx context.Context, data string, log *slog.Logger) error {
	path := filepath.Join(data, "postmaster.pid")
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("look for a server that was left behind: %w", err)
	}
	pid := postmasterPID(b)
	if pid == 0 || !alive(pid) {
		return nil
	}
	orphan, err := serves(pid, data)
	if err != nil {
		return fmt.Errorf("process %d may be a database server on %s, and its command line cannot be read: "+
			"stop it, or remove %s if it is not: %w", pid, data, path, err)
	}
	if !orphan {
		log.Info("removing the pid file of a server that is gone", "file", path, "pid", pid)
		return os.Remove(path)
	}
	log.Info("stopping a database server that was left behind", "pid", pid)
	for _, s := range []syscall.Signal{syscall.SIGINT, syscall.SIGQUIT} {
		if err := syscall.Kill(pid, s); err != nil && !errors.Is(err, syscall.ESRCH) {
			return fmt.Errorf("stop the database server %d that was left behind: %w", pid, err)
		}
		limit, cancel := context.WithTimeout(ctx, stopFast)
		for orphan && err == nil && pause(limit, lookEvery) {
			orphan, err = serves(pid, data)
		}
		cancel()
		if !orphan && err == nil {
			return nil
		}
	}
	return fmt.Errorf("the database server %d on %s was left behind and does not end: stop it (kill -QUIT %d) and start again",
		pid, data, pid)
}

// postmasterPID is the first line of postmaster.pid; 0 when that is no pid, about
// which PostgreSQL has its own words.
func postmasterPID(file []byte) int {
	first, _, _ := strings.Cut(string(file), "\n")
	pid, err := strconv.Atoi(strings.TrimSpace(first))
	if err != nil || pid < 0 {
		return 0
	}
	return pid
}

// serves says whether a process is a server of this data folder. One that has
// ended is none, also while nobody has collected its exit status: it has no
// command line then.
func serves(pid int, data string) (bool, error) {
	command, err := commandLine(pid)
	if err != nil && !alive(pid) {
		return false, nil
	}
	return strings.Contains(command+" ", " "+data+" "), err
}

// alive counts a process of another user, too.
func alive(pid int) bool {
	err := syscall.Kill(pid, 0)
	return err == nil || errors.Is(err, syscall.EPERM)
}
