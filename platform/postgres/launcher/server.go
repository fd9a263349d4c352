//go:build unix

package launcher

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

const (
	lookEvery     = 20 * time.Millisecond
	retryPause    = 500 * time.Millisecond
	startAttempts = 10

	invalidPassword = "28P01"
	mostRefusals    = 50 // at lookEvery: a second

	// settings of our URL: what it does not say a client takes from the PG*
	// variables that a person has set for servers of their own.
	ownSettings = "channel_binding=disable&connect_timeout=10&options=&sslmode=disable&sslrootcert=&target_session_attrs=any"
)

// start runs the server until it answers. It tries again when somebody took the
// port first, and while the children of a killed server are still ending.
func (c *cluster) start(ctx context.Context) (*Server, error) {
	password, err := c.password()
	if err != nil {
		return nil, err
	}
	for attempt := 1; ; attempt++ {
		port, err := c.port(ctx)
		if err != nil {
			return nil, err
		}
		p, err := launch(c.account, c.dir, c.log, c.programs.postgres(), c.serverArgs(port)...)
		if err != nil {
			return nil, err
		}
		u := url.URL{
			Scheme: "postgres", User: url.UserPassword(superuser, password),
			Host: net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), Path: "/postgres", RawQuery: ownSettings,
		}
		err = awaitReady(ctx, p, u.String())
		if err == nil {
			c.log.Info("PostgreSQL runs", "version", c.programs.major, "port", port, "folder", c.dir)
			return &Server{log: c.log, url: u.String(), process: p}, nil
		}
		err = errors.Join(err, p.stop(ctx))
		if ctx.Err() != nil || attempt == startAttempts || !passing(p.output.tail()) {
			return nil, fmt.Errorf("start PostgreSQL on %s: %w: its last words: %s", c.data(), err, p.output.tail())
		}
		c.log.Info("PostgreSQL did not start, trying again", "reason", p.output.tail())
		if !pause(ctx, retryPause) {
			return nil, fmt.Errorf("start PostgreSQL on %s: %w", c.data(), ctx.Err())
		}
	}
}

// passing says whether a failed start may work a moment later.
func passing(words string) bool {
	for _, s := range []string{"Address already in use", "pre-existing shared memory block", "lock file \"postmaster.pid\" already exists"} {
		if strings.Contains(words, s) {
			return true
		}
	}
	return false
}

// serverArgs are the settings that do not come from the cluster's own files.
// Error messages stay out of the log: they quote values, and values are personal.
func (c *cluster) serverArgs(port int) []string {
	settings := []string{
		"listen_addresses=127.0.0.1",
		"port=" + strconv.Itoa(port),
		"unix_socket_directories=",
		"max_connections=200",
		// Parallel workers use shared memory, which is 64 MB in Docker.
		"max_parallel_workers_per_gather=0",
		"logging_collector=off",
		"log_destination=stderr",
		"lc_messages=C",
		"log_min_messages=log",
		"log_min_error_statement=panic",
		"log_error_verbosity=terse",
	}
	if c.throwaway {
		settings = append(settings, "fsync=off", "synchronous_commit=off", "full_page_writes=off",
			"max_wal_size=128MB", "min_wal_size=32MB", "autovacuum=off")
	}
	args := []string{"-D", c.data()}
	for _, s := range settings {
		args = append(args, "-c", s)
	}
	return args
}

// preferred gives a port where it is free, else any free one.
func preferred(port int) func(context.Context) (int, error) {
	return func(ctx context.Context) (int, error) {
		if port == 0 {
			return freePort(ctx)
		}
		l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err != nil {
			return freePort(ctx) // somebody has it
		}
		return port, l.Close()
	}
}

func freePort(ctx context.Context) (int, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("find a free port for PostgreSQL: %w", err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	return port, l.Close()
}

// awaitReady waits until the server takes a session with our password. Recovery
// after a crash may take minutes; ctx is the only limit.
func awaitReady(ctx context.Context, p *process, databaseURL string) error {
	cfg, err := pgx.ParseConfig(databaseURL)
	if err != nil {
		return errors.New("the server's own URL cannot be used: unset PGSERVICE and other PG* variables of the shell")
	}
	cfg.ConnectTimeout = 5 * time.Second
	for refused := 0; ; {
		if p.ended() {
			return fmt.Errorf("it ended at once: %w", p.err)
		}
		conn, err := pgx.ConnectConfig(ctx, cfg)
		if err == nil {
			return conn.Close(ctx)
		}
		// A stranger who took the port refuses, too; our server ends then.
		var answer *pgconn.PgError
		if errors.As(err, &answer) && answer.Code == invalidPassword {
			refused++
		}
		if refused == mostRefusals {
			return errors.New("the password in the database's folder is not the server's: put the folder back as it was, from a backup")
		}
		if !pause(ctx, lookEvery) {
			return fmt.Errorf("it did not answer in time: %w", ctx.Err())
		}
	}
}
