//go:build unix

// Package launcher runs a PostgreSQL server of its own: for the demo, for a
// system on one machine, and for tests. Its programs are the installed ones, else
// those of an earlier download, else a download if the caller allows one.
//
// The server is a direct child on a free port of 127.0.0.1 with a random
// password. A cluster lives in <dir>/pg/<major>; an existing one fixes the major
// version. Nothing here ever upgrades it, and only Reserved deletes it.
package launcher

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"time"
)

// stopFast is how long a fast stop may take before an immediate one follows.
const stopFast = 10 * time.Second

// Options say where the cluster is.
type Options struct {
	// Dir holds the cluster. With Throwaway it may be empty: then the cluster
	// goes to shared memory when 2 GB are free there, else to the temp folder.
	Dir string
	// Throwaway makes a new cluster without durability that Stop removes.
	Throwaway bool
	// BinDir is the folder of initdb and postgres; empty searches for them.
	BinDir string
	// CacheDir is where downloaded programs are kept. Empty is the usual place:
	// /var/cache/stridelog for root, else stridelog in the user's cache folder.
	CacheDir string
	// Port is taken where it is free; 0, or one that is not, is any free one.
	Port int
	// Download allows fetching the programs when none are installed; nil forbids.
	Download *Download
	Log      *slog.Logger
}

// Server is a running PostgreSQL.
type Server struct {
	log     *slog.Logger
	url     string
	process *process
	lock    *lock
	remove  string // the folder that Stop removes; empty keeps everything
}

// Start starts the server and waits until it answers; ctx bounds the start
// alone. It refuses to use a folder that another process uses, and stops a
// server that a killed process left behind.
func Start(ctx context.Context, o Options) (*Server, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	account, err := serverAccount()
	if err != nil {
		return nil, err
	}
	if o.Throwaway {
		return startThrowaway(ctx, o, account)
	}
	if o.Dir == "" {
		return nil, errors.New("start PostgreSQL: no data folder was given: set STRIDELOG_DATA_DIR")
	}
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return nil, fmt.Errorf("start PostgreSQL: %w", err)
	}
	root := filepath.Join(dir, Folder)
	if err := makeRoot(root, account); err != nil {
		return nil, err
	}
	held, err := takeLock(filepath.Join(root, "lock"))
	if errors.Is(err, errLocked) {
		return nil, fmt.Errorf("start PostgreSQL: another process (pid %s) uses the data folder %s: stop it, "+
			"or set STRIDELOG_DATA_DIR to a folder of its own", holder(root), dir)
	}
	if err != nil {
		return nil, fmt.Errorf("start PostgreSQL: %w", err)
	}
	s, err := open(ctx, o, root, account)
	if err != nil {
		return nil, errors.Join(err, held.release())
	}
	s.hold(held)
	return s, nil
}

// hold keeps the lock while the server runs, also when nobody keeps the Server:
// the garbage collector would close the file, and the next start would take the
// server for one that was left behind.
func (s *Server) hold(l *lock) {
	s.lock = l
	go func() {
		<-s.process.done
		runtime.KeepAlive(l)
	}()
}

// open starts the cluster under root, which the caller has locked.
func open(ctx context.Context, o Options, root string, account *account) (*Server, error) {
	major, err := existingMajor(root)
	if err != nil {
		return nil, err
	}
	places, err := newSearch(o, account)
	if err != nil {
		return nil, err
	}
	programs, err := places.find(ctx, major)
	if err != nil {
		return nil, err
	}
	c := &cluster{
		root: root, dir: filepath.Join(root, programs.majorName()), account: account,
		programs: programs, throwaway: o.Throwaway, log: o.Log, port: preferred(o.Port),
	}
	if err := c.sweepHalfMade(); err != nil {
		return nil, err
	}
	if major == 0 {
		if err := c.create(ctx); err != nil {
			return nil, err
		}
	}
	if err := stopOrphan(ctx, c.data(), o.Log); err != nil {
		return nil, err
	}
	return c.start(ctx)
}

// URL is how to connect, as the cluster's superuser. It holds the password.
func (s *Server) URL() string { return s.url }

// Done is closed when the server has ended, whoever ended it.
func (s *Server) Done() <-chan struct{} { return s.process.done }

// Stop ends the server: sessions are cut off and everything is written. After
// 10 s, or when ctx ends, the server stops at once and recovers at its next
// start; nothing committed is lost either way. Stopping again does nothing.
func (s *Server) Stop(ctx context.Context) error {
	err := s.process.stop(ctx)
	if err != nil {
		return fmt.Errorf("stop PostgreSQL: %w", err)
	}
	if s.remove != "" {
		if err := os.RemoveAll(s.remove); err != nil {
			return fmt.Errorf("remove the throwaway database: %w", err)
		}
	}
	if err := s.lock.release(); err != nil {
		return fmt.Errorf("stop PostgreSQL: %w", err)
	}
	return nil
}
