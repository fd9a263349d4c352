package natsserver

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

const (
	lookEvery = time.Second
	// room must be free before the server starts again, and probe of it be writable:
	// two blocks of a stream.
	room  = 64 << 20
	probe = 16 << 20
	// Between two starts for the same reason: writes may fail for another one.
	firstPause, lastPause = 2 * time.Second, 5 * time.Minute
)

// watch looks for streams that take no writes. After a write error, as on a full
// disk, JetStream keeps a stream closed for writes until the server starts again. So
// it is started again once its folder can be written to.
func (s *Server) watch() {
	pause, next := firstPause, time.Time{}
	for s.wait(lookEvery) {
		found, running := s.look()
		if !running {
			return
		}
		now := time.Now()
		if found == "" {
			if now.Sub(next) > lastPause {
				pause = firstPause
			}
			continue
		}
		if now.Before(next) || !s.writable() {
			continue
		}
		s.restart(found)
		next = time.Now().Add(pause)
		pause = min(2*pause, lastPause)
	}
}

// wait is false once the server is to stop.
func (s *Server) wait(d time.Duration) bool {
	select {
	case <-s.stop:
		return false
	case <-s.ended:
		return false
	case <-time.After(d):
		return true
	}
}

// look asks the server for streams with a write error.
func (s *Server) look() (found string, running bool) {
	s.mu.Lock()
	one := s.server
	s.mu.Unlock()
	if one == nil {
		return "", false
	}
	if !one.JetStreamEnabled() { // it gives itself up when it may not write
		found = "JetStream has disabled itself"
	}
	for _, e := range one.Healthz(&server.HealthzOptions{Details: true}).Errors {
		if strings.Contains(e.Error, "write error") {
			found = e.Error
			break
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if found != "" && s.refusal == "" {
		s.since = time.Now()
		s.log.Error("the log takes no writes; once disk space is free again, the embedded NATS starts again by itself", "folder", s.options.StoreDir, "error", found)
	}
	s.refusal = found
	return found, true
}

// restart stops the server and starts it on the same address. Clients reconnect. A
// server that does not start is tried again.
func (s *Server) restart(why string) {
	s.log.Warn("the embedded NATS starts again: disk space is free and its streams keep an earlier write error", "error", why)
	s.shutDown()
	for {
		err := s.run()
		if err == nil {
			s.log.Info("the embedded NATS has started again")
			return
		}
		s.log.Error("the embedded NATS does not start again; trying once more", "error", err)
		if !s.wait(firstPause) {
			return
		}
	}
}

// writable says whether the folder takes what the streams would write next. Free
// space alone does not tell: there are quotas.
func (s *Server) writable() bool {
	var fs syscall.Statfs_t
	if err := syscall.Statfs(s.options.StoreDir, &fs); err != nil || fs.Bavail*uint64(fs.Bsize) < room { //nolint:gosec // a block's size is positive
		return false
	}
	name := filepath.Join(s.options.StoreDir, "space-probe")
	defer os.Remove(name)
	f, err := os.OpenFile(name, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return false
	}
	piece := make([]byte, 1<<20)
	_, _ = rand.Read(piece) // zeros may take no space
	for range probe / len(piece) {
		if _, err = f.Write(piece); err != nil {
			break
		}
	}
	return errors.Join(err, f.Sync(), f.Close()) == nil
}

// errRefuses says that a stream takes no writes.
var errRefuses = errors.New("a stream takes no writes")

// TakesWrites says whether all streams take writes; else since when they do not, and
// what to do. The error has the server's words.
func (s *Server) TakesWrites(context.Context) (says string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.refusal == "" {
		return "ok", nil
	}
	return fmt.Sprintf("takes no writes since %s: free disk space in the data directory, %d MB at least; NATS then starts again by itself",
		s.since.UTC().Format(time.RFC3339), room>>20), fmt.Errorf("%w: %s", errRefuses, s.refusal)
}
