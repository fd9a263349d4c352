// Package postgres opens pools, migrates a service's own schema and listens for
// notifications.
package postgres

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"go.opentelemetry.io/otel/trace"

	"github.com/stridelog/stridelog/platform/telemetry"
)

const (
	// minServer is PostgreSQL 15, as server_version_num.
	minServer      = 150000
	connectTimeout = 10 * time.Second
)

// Options are what the callers of Open differ in.
type Options struct {
	// ApplicationName is what pg_stat_activity shows.
	ApplicationName string
	// MaxConns bounds the pool; zero leaves it to the URL's pool_max_conns, or
	// pgx's default.
	MaxConns int32
	// OwnerOf names a schema: every session acts as the role that owns it, once
	// there is one, so that what a command makes belongs to the service it works
	// for. The URL's role must be a member of that role. Empty leaves the role.
	OwnerOf string
	// Log hears that Open waits. It may be nil.
	Log *slog.Logger
	// Traces makes spans of queries; nil makes none.
	Traces trace.TracerProvider
}

// Open connects to the database and checks that the server is PostgreSQL 15 or
// newer. It waits up to 30 s for a server that is starting or briefly away; a wrong
// password or database fails at once. Sessions run in UTC unless the URL says
// otherwise. No error holds the password.
//
// An empty URL is an error: pgx would read the environment instead, and a
// forgotten variable would silently open some other database.
func Open(ctx context.Context, databaseURL string, o Options) (*pgxpool.Pool, error) {
	if strings.TrimSpace(databaseURL) == "" {
		return nil, errors.New("the database URL is empty: set DATABASE_URL to postgres://user:password@host:5432/database")
	}
	cfg, err := parse(databaseURL)
	if err != nil {
		return nil, err
	}
	if o.ApplicationName != "" {
		cfg.ConnConfig.RuntimeParams["application_name"] = o.ApplicationName
	}
	if o.MaxConns > 0 {
		cfg.MaxConns = o.MaxConns
	}
	if o.OwnerOf != "" {
		cfg.AfterConnect = func(ctx context.Context, conn *pgx.Conn) error { return actAsOwner(ctx, conn, o.OwnerOf) }
	}
	if telemetry.Records(o.Traces) {
		cfg.ConnConfig.Tracer = queryTracer(o.Traces, cfg.ConnConfig.Database)
	}
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("open the database pool: %w", err)
	}
	if err := Patiently(ctx, o.Log, func(ctx context.Context) error { return checkServer(ctx, pool) }); err != nil {
		pool.Close()
		return nil, err
	}
	return pool, nil
}

// Where is the host, port and database of a URL, without the credentials: to name a
// database.
func Where(databaseURL string) (string, error) {
	cfg, err := parse(databaseURL)
	if err != nil {
		return "", err
	}
	c := cfg.ConnConfig
	return fmt.Sprintf("%s/%s", net.JoinHostPort(c.Host, strconv.Itoa(int(c.Port))), c.Database), nil
}

// parse never wraps pgx's parse error: it quotes the URL, and its redaction
// misses passwords that make the URL unreadable.
func parse(databaseURL string) (*pgxpool.Config, error) {
	u, err := url.Parse(databaseURL)
	if err != nil || (u.Scheme != "postgres" && u.Scheme != "postgresql") || u.Host == "" {
		return nil, errors.New("the database URL cannot be read: it must be postgres://user:password@host:5432/database; " +
			"percent-encode characters such as @ : / # % in the password")
	}
	cfg, err := pgxpool.ParseConfig(databaseURL)
	if err != nil {
		return nil, fmt.Errorf("the database URL for host %s has a part that cannot be used; "+
			"check the port and the parameters after the question mark", u.Hostname())
	}
	// pgx also reads PGTZ and PGOPTIONS from the environment.
	if !u.Query().Has("timezone") {
		cfg.ConnConfig.RuntimeParams["timezone"] = "UTC"
	}
	if !u.Query().Has("options") {
		delete(cfg.ConnConfig.RuntimeParams, "options")
	}
	if !u.Query().Has("connect_timeout") {
		cfg.ConnConfig.ConnectTimeout = connectTimeout
	}
	return cfg, nil
}

// actAsOwner changes a session's role. A schema that does not exist yet will
// belong to the role that makes it.
func actAsOwner(ctx context.Context, conn *pgx.Conn, schema string) error {
	_, err := conn.Exec(ctx, `SELECT set_config('role', r.rolname, false)
		FROM pg_namespace n JOIN pg_roles r ON r.oid = n.nspowner WHERE n.nspname = $1 AND r.rolname <> current_user`, schema)
	if err != nil {
		return fmt.Errorf("act as the owner of schema %s: make the role a member of it (GRANT owner TO role): %w", schema, err)
	}
	return nil
}

func checkServer(ctx context.Context, pool *pgxpool.Pool) error {
	where := pool.Config().ConnConfig
	var text string
	if err := pool.QueryRow(ctx, "SHOW server_version_num").Scan(&text); err != nil {
		return fmt.Errorf("connect to PostgreSQL at %s:%d, database %s: check that it runs and DATABASE_URL: %w",
			where.Host, where.Port, where.Database, err)
	}
	version, err := strconv.Atoi(text)
	if err != nil {
		return fmt.Errorf("PostgreSQL at %s:%d says version %q: %w", where.Host, where.Port, text, err)
	}
	return checkVersion(version)
}

func checkVersion(version int) error {
	if version < minServer {
		return fmt.Errorf("the database server is PostgreSQL %d; Stridelog needs 15 or newer: upgrade it or point DATABASE_URL to another",
			version/10000)
	}
	return nil
}
