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
	"strings"
	"syscall"
	"time"

	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/platform/lifecycle"
	"github.com/stridelog/stridelog/platform/natsserver"
	"github.com/stridelog/stridelog/platform/postgres"
	"github.com/stridelog/stridelog/platform/postgres/launcher"
	"github.com/stridelog/stridelog/standalone/internal/config"
)

// Stores are the addresses of the stores, and the embedded servers behind them
// if there are any. Both are of one place: the environment, or one data directory.
type Stores struct {
	DatabaseURL string
	NATSURL     string
	AnalystURL  string // the database as analysts see it; empty: somebody's own server
	From        string // where the addresses are from, in words
	DataDir     string // whose embedded stores these are; empty: somebody's own servers

	log      *slog.Logger
	postgres *launcher.Server
	nats     *natsserver.Server
	runFile  string
}

// Given are the stores that the configuration names; nothing is started.
func Given(c config.Config) *Stores {
	return &Stores{DatabaseURL: c.DatabaseURL, NATSURL: c.NATSURL, From: "of DATABASE_URL and NATS_URL"}
}

// ErrHalf says that only one of the two stores is named. The other one would be that
// of a data directory, and so perhaps of another system.
var ErrHalf = errors.New("one of DATABASE_URL and NATS_URL is set and the other is not: set both, or neither")

// halfError is ErrHalf in the words of the configuration.
type halfError struct{ error }

// Is implements errors.Is.
func (halfError) Is(target error) bool { return target == ErrHalf } //nolint:errorlint // it is that one

// Unwrap gives the configuration's fault.
func (e halfError) Unwrap() error { return e.error }

// Embed starts NATS and Postgres under the data directory, unless the configuration
// names both. Close stops them. PostgreSQL's programs are only downloaded when
// download is not nil.
func Embed(ctx context.Context, c config.Config, log *slog.Logger, download *launcher.Download) (*Stores, error) {
	s := Given(c)
	s.log = log
	switch {
	case s.DatabaseURL != "" && s.NATSURL != "":
		return s, makeDirs(c.DataDir) // keys lie there
	case s.DatabaseURL != "" || s.NATSURL != "":
		return nil, ErrHalf
	}
	s.From, s.DataDir = "embedded in "+c.DataDir, c.DataDir
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
	before := s.lastPorts(c.DataDir)
	pg, err := launcher.Start(ctx, launcher.Options{Dir: c.DataDir, BinDir: c.PGBin, Port: before.Postgres, Download: download, Log: s.log})
	if err != nil {
		return fmt.Errorf("start embedded Postgres: %w", err)
	}
	s.postgres, s.DatabaseURL = pg, pg.URL()
	if err := s.makeAnalyst(ctx, c.DataDir); err != nil {
		return err
	}
	token, err := keyFile(c.DataDir, "nats.token", randomKey)
	if err != nil {
		return err
	}
	server, err := natsserver.Start(natsserver.Options{StoreDir: filepath.Join(c.DataDir, "nats"), Addr: before.natsAddr(ctx), Token: token, Log: s.log})
	if err != nil {
		return fmt.Errorf("start embedded NATS: %w", err)
	}
	s.nats, s.NATSURL = server, server.URL()
	if err := s.keepPorts(c.DataDir); err != nil {
		return err
	}
	return s.announce(c.DataDir)
}

// Names says which two stores these are, without any secret.
func (s *Stores) Names() string {
	if s.DatabaseURL == "" {
		nats, err := bus.Where(s.NATSURL)
		if err != nil {
			nats = "of an address that cannot be read"
		}
		return fmt.Sprintf("NATS %s, %s", nats, s.From)
	}
	database, err := postgres.Where(s.DatabaseURL)
	if err != nil {
		database = "of an address that cannot be read"
	}
	nats, err := bus.Where(s.NATSURL)
	if err != nil {
		nats = "of an address that cannot be read"
	}
	return fmt.Sprintf("database %s and NATS %s, %s", database, nats, s.From)
}

// running is how other commands find the embedded stores of a data directory.
type running struct {
	DatabaseURL string `json:"database_url"`
	NATSURL     string `json:"nats_url"`
	AnalystURL  string `json:"analyst_database_url"`
	PID         int    `json:"pid"`

	dir string // whose this is
}

func runFile(dataDir string) string { return filepath.Join(dataDir, "run", "stores.json") }

func (s *Stores) announce(dataDir string) error {
	text, err := json.Marshal(running{DatabaseURL: s.DatabaseURL, NATSURL: s.NATSURL, AnalystURL: s.AnalystURL, PID: os.Getpid()})
	if err != nil {
		return err
	}
	if err := writeOnce(runFile(dataDir), string(text)); err != nil {
		return fmt.Errorf("tell other commands where the stores are: %w", err)
	}
	s.runFile = runFile(dataDir)
	return nil
}

// Find returns the stores a command should reach: those that the configuration names,
// else those of the system that runs in the data directory (or, when none was chosen,
// of the demo below it). Never one of each: one that is named alone must be of that
// system.
func Find(c config.Config) (*Stores, error) {
	s := Given(c)
	if s.DatabaseURL != "" && s.NATSURL != "" {
		return s, nil
	}
	r, err := findRunning(c)
	if s.DatabaseURL != "" || s.NATSURL != "" {
		if err != nil || s.DatabaseURL != "" && s.DatabaseURL != r.DatabaseURL || s.NATSURL != "" && s.NATSURL != r.NATSURL {
			return nil, halfError{c.PairFault()}
		}
	}
	if err != nil {
		return nil, err
	}
	return &Stores{DatabaseURL: r.DatabaseURL, NATSURL: r.NATSURL, AnalystURL: r.AnalystURL, From: "of the system that runs in " + r.dir, DataDir: r.dir}, nil
}

// FindNATS is Find for a command that reads no database, for which NATS_URL is enough.
func FindNATS(c config.Config) (*Stores, error) {
	if c.NATSURL != "" {
		return &Stores{NATSURL: c.NATSURL, From: "of NATS_URL"}, nil
	}
	s, err := Find(c)
	if err != nil {
		return nil, err
	}
	return &Stores{NATSURL: s.NATSURL, From: s.From, DataDir: s.DataDir}, nil
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
		if _, missing := os.Stat(filepath.Join(dir, launcher.Folder)); missing == nil {
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
		r.dir = dir
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

// storeFolders are those of the embedded servers in a data directory.
func storeFolders() []string { return []string{launcher.Folder, "nats"} }

// CheckNew fails unless a data directory has no embedded stores yet. Keys and a list of
// erasures may be there.
func CheckNew(dataDir string) error {
	for _, name := range storeFolders() {
		there, err := os.ReadDir(filepath.Join(dataDir, name))
		switch {
		case err == nil && len(there) > 0:
			return fmt.Errorf("%s has %s: embedded stores, or what is left of a restore that was stopped; name another STRIDELOG_DATA_DIR, or remove %s there", dataDir, name, strings.Join(storeFolders(), " and "))
		case err != nil && !errors.Is(err, os.ErrNotExist):
			return fmt.Errorf("look for stores in the data directory: %w", err)
		}
	}
	return nil
}

// RemoveStores deletes the embedded stores of a data directory. It fails while another
// process uses them.
func RemoveStores(ctx context.Context, dataDir string, log *slog.Logger) error {
	reserved, err := launcher.Reserve(ctx, dataDir, log)
	if err != nil {
		return fmt.Errorf("remove the stores that were not restored: %w", err)
	}
	for _, name := range storeFolders() {
		if name == launcher.Folder { // it has the lock
			continue
		}
		if err := os.RemoveAll(filepath.Join(dataDir, name)); err != nil {
			return errors.Join(fmt.Errorf("remove the stores that were not restored: %w", err), reserved.Release())
		}
	}
	if err := reserved.Delete(); err != nil {
		return fmt.Errorf("remove the stores that were not restored: %w", err)
	}
	return nil
}
