package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/nats-io/nats.go"

	"github.com/stridelog/stridelog/platform/natsserver"
	"github.com/stridelog/stridelog/platform/postgres/launcher"
)

// childNATS is the first argument of the process that runs the NATS server.
const childNATS = "nats-server"

// stores are a NATS server and a Postgres of one benchmark, each a process of its
// own, so that their CPU time can be told apart. Both are durable: every
// acknowledged message and every commit is on disk.
type stores struct {
	log         *slog.Logger
	dir         string
	postgres    *launcher.Server
	nats        *exec.Cmd
	natsLife    io.Closer // the server ends when it is closed
	clients     int       // process id of the load generator; 0 when none runs
	guesser     int       // process id of what sends other requests beside it; 0 when none runs
	importer    int       // process id of the program that imports; 0 when none runs
	databaseURL string
	natsURL     string
	rounds      int // of every variant
}

func startStores(ctx context.Context, log *slog.Logger) (s *stores, err error) {
	s = &stores{}
	if s.dir, err = os.MkdirTemp("", "stridelog-bench-"); err != nil {
		return nil, err
	}
	if err := os.Chmod(s.dir, 0o755); err != nil { // Postgres may run as another user
		return nil, err
	}
	s.log = log
	if err := s.startPostgres(ctx); err != nil {
		return nil, err
	}
	if err := s.startNATS(); err != nil {
		s.stop()
		return nil, err
	}
	return s, nil
}

func (s *stores) startPostgres(ctx context.Context) (err error) {
	if s.postgres, err = launcher.Start(ctx, launcher.Options{
		Dir: s.dir, BinDir: os.Getenv("STRIDELOG_PG_BIN"), Download: &launcher.Download{Registry: launcher.Registry(os.LookupEnv)}, Log: s.log,
	}); err != nil {
		return err
	}
	s.databaseURL = s.postgres.URL()
	return nil
}

// startNATS runs this program once more, as the server.
func (s *stores) startNATS() error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	s.nats = exec.Command(self, childNATS, s.dir+"/nats") //nolint:noctx // it ends when its standard input does
	s.nats.Stderr = os.Stderr
	if s.natsLife, err = s.nats.StdinPipe(); err != nil {
		return err
	}
	stdout, err := s.nats.StdoutPipe()
	if err != nil {
		return err
	}
	if err := s.nats.Start(); err != nil {
		return err
	}
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		return fmt.Errorf("start the NATS server: %w", err)
	}
	s.natsURL = strings.TrimSpace(line)
	return nil
}

// serveNATS is the process that startNATS starts. It ends with its parent.
func serveNATS(context.Context) error {
	server, err := natsserver.Start(natsserver.Options{StoreDir: os.Args[2], Log: slog.New(slog.NewTextHandler(os.Stderr, nil))})
	if err != nil {
		return err
	}
	defer server.Stop()
	fmt.Println(server.URL())
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

func (s *stores) stop() {
	if s.natsLife != nil {
		_ = s.natsLife.Close()
		_ = s.nats.Wait()
	}
	stopping, cancel := context.WithTimeout(context.Background(), 15*time.Second)
	defer cancel()
	if err := s.postgres.Stop(stopping); err != nil {
		fmt.Fprintln(os.Stderr, "bench: stop Postgres:", err)
	}
	_ = os.RemoveAll(s.dir)
}

// describe says on what the figures were measured.
func (s *stores) describe(ctx context.Context) (string, error) {
	db, err := pgx.Connect(ctx, s.databaseURL)
	if err != nil {
		return "", err
	}
	defer db.Close(ctx)
	var server string
	if err := db.QueryRow(ctx, "SHOW server_version").Scan(&server); err != nil {
		return "", err
	}
	nc, err := nats.Connect(s.natsURL)
	if err != nil {
		return "", err
	}
	defer nc.Close()
	return fmt.Sprintf("%s; nats-server %s (sync always), own process; PostgreSQL %s (fsync on), own process", machine(), nc.ConnectedServerVersion(), server), nil
}
