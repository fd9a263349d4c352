// Package store gives a process its NATS and its Postgres: those it was told
// of, or embedded ones that it starts and stops itself.
package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/stridelog/stridelog/platform/lifecycle"
	"github.com/stridelog/stridelog/platform/natsserver"
	"github.com/stridelog/stridelog/platform/postgres/launcher"
	"github.com/stridelog/stridelog/standalone/internal/config"
)

// Stores are the addresses of the stores, and the embedded servers behind them
// if there are any.
type Stores struct {
	DatabaseURL string
	NATSURL     string

	log      *slog.Logger
	postgres *launcher.Server
	nats     *natsserver.Server
	runFile  string
}

// Given are the stores that the configuration names; nothing is started.
func Given(c config.Config) *Stores {
	return &Stores{DatabaseURL: c.DatabaseURL, NATSURL: c.NATSURL}
}

// Embed starts what the configuration does not name: NATS, Postgres or both,
// under the data directory. Close stops them. PostgreSQL's programs are only
// downloaded when download is not nil.
func Embed(ctx context.Context, c config.Config, log *slog.Logger, download *launcher.Download) (*Stores, error) {
	s := Given(c)
	s.log = log
	if err := makeDirs(c.DataDir); err != nil {
		return nil, err
	}
	if err := s.start(ctx, c, download); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

func (s *Stores) start(ctx context.Context, c config.Config, download *launcher.Download) error {
	if s.DatabaseURL == "" {
		pg, err := launcher.Start(ctx, launcher.Options{Dir: c.DataDir, BinDir: c.PGBin, Download: download, Log: s.log})
		if err != nil {
			return fmt.Errorf("start embedded Postgres: %w", err)
		}
		s.postgres, s.DatabaseURL = pg, pg.URL()
	}
	if s.NATSURL == "" {
		token, err := keyFile(c.DataDir, "nats.token", randomKey)
		if err != nil {
			return err
		}
		server, err := natsserver.Start(natsserver.Options{StoreDir: filepath.Join(c.DataDir, "nats"), Token: token, Log: s.log})
		if err != nil {
			return fmt.Errorf("start embedded NATS: %w", err)
		}
		s.nats, s.NATSURL = server, server.URL()
	}
	return s.announce(c.DataDir)
}

// running is how other commands find the embedded stores of a data directory.
type running struct {
	DatabaseURL string `json:"database_url"`
	NATSURL     string `json:"nats_url"`
	PID         int    `json:"pid"`
}

func runFile(dataDir string) string { return filepath.Join(dataDir, "run", "stores.json") }

func (s *Stores) announce(dataDir string) error {
	text, err := json.Marshal(running{s.DatabaseURL, s.NATSURL, os.Getpid()})
	if err != nil {
		return err
	}
	if err := writeOnce(runFile(dataDir), string(text)); err != nil {
		return fmt.Errorf("tell other commands where the stores are: %w", err)
	}
	s.runFile = runFile(dataDir)
	return nil
}

// Find returns the stores a command should reach: each as the configuration
// names it, else that of the system that runs in the data directory (or, when
// none was chosen, of the demo below it).
func Find(c config.Config) (*Stores, error) {
	s := Given(c)
	if s.DatabaseURL != "" && s.NATSURL != "" {
		return s, nil
	}
	r, err := findRunning(c)
	if err != nil {
		return nil, err
	}
	if s.DatabaseURL == "" {
		s.DatabaseURL = r.DatabaseURL
	}
	if s.NATSURL == "" {
		s.NATSURL = r.NATSURL
	}
	return s, nil
}

// errNotRunning says that no system runs in the data directory.
var errNotRunning = errors.New("no running system")

// Reach is Find for work that may also be done while nothing runs, as on a system
// that refuses to start: it then starts the embedded stores that lie in the data
// directory. Close stops them.
func Reach(ctx context.Context, c config.Config, log *slog.Logger) (*Stores, error) {
	s, err := Find(c)
	if !errors.Is(err, errNotRunning) {
		return s, err
	}
	var found []string
	for _, dir := range dataDirs(c) {
		if _, missing := os.Stat(filepath.Join(dir, "pg")); missing == nil {
			found = append(found, dir)
		}
	}
	switch len(found) {
	case 0:
		return nil, err
	case 1:
		c.DataDir = found[0]
		return Embed(ctx, c, log, nil)
	default:
		return nil, fmt.Errorf("no running system, and two that do not run, in %v: set STRIDELOG_DATA_DIR to the one you mean", found)
	}
}

// dataDirs are where embedded stores may lie.
func dataDirs(c config.Config) []string {
	dirs := []string{c.DataDir}
	if !c.DataDirChosen {
		dirs = append(dirs, filepath.Join(c.DataDir, config.DemoDir))
	}
	return dirs
}

func findRunning(c config.Config) (running, error) {
	dirs := dataDirs(c)
	var found []running
	for _, dir := range dirs {
		text, err := os.ReadFile(runFile(dir))
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return running{}, fmt.Errorf("find the running system: %w", err)
		}
		var r running
		if err := json.Unmarshal(text, &r); err != nil {
			return running{}, fmt.Errorf("read %s: %w", runFile(dir), err)
		}
		if ended(r.PID) { // it was killed and could not take the file away
			continue
		}
		found = append(found, r)
	}
	switch len(found) {
	case 0:
		return running{}, fmt.Errorf("%w: set DATABASE_URL and NATS_URL, or start `stridelog demo` or `stridelog serve --embedded` (looked in %v)", errNotRunning, dirs)
	case 1:
		return found[0], nil
	default:
		return running{}, fmt.Errorf("two systems run, in %v: set STRIDELOG_DATA_DIR to the one you mean", dirs)
	}
}

// ended says that no process has this id.
func ended(pid int) bool {
	p, err := os.FindProcess(pid)
	if err != nil {
		return false
	}
	return errors.Is(p.Signal(syscall.Signal(0)), os.ErrProcessDone)
}

// NATS is the embedded server; nil when another one is used.
func (s *Stores) NATS() *natsserver.Server { return s.nats }

// Watch ends with an error when the embedded Postgres ends by itself.
func (s *Stores) Watch() lifecycle.Component {
	return lifecycle.Component{Name: "stores", Run: func(ctx context.Context, ready func()) error {
		ready()
		if s.postgres == nil {
			<-ctx.Done()
			return nil
		}
		select {
		case <-ctx.Done():
			return nil
		case <-s.postgres.Done():
			return errors.New("the embedded Postgres ended by itself: see its log in the data directory, then start again")
		}
	}}
}

// Close stops the embedded servers: NATS first, so that nothing is published
// that no table will see.
func (s *Stores) Close() {
	if s.runFile != "" {
		_ = os.Remove(s.runFile)
	}
	if s.nats != nil {
		s.nats.Stop()
	}
	if s.postgres != nil {
		ctx, cancel := context.WithTimeout(context.Background(), 15*time.Second)
		defer cancel()
		if err := s.postgres.Stop(ctx); err != nil {
			s.log.Error("embedded Postgres did not stop cleanly", "error", err)
		}
	}
}
