// Package analytics defines the SQL views for analysts, in the schema "analytics", over
// the published views of every service. Nothing of the API depends on them: the gateway
// serves while they cannot be defined yet.
package analytics

import (
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/stridelog/stridelog/services/gateway/internal/problem"
)

//go:embed views.sql
var viewsSQL string

//go:embed comments.sql
var commentsSQL string

const (
	// Schema is the schema of the views.
	Schema = "analytics"
	// Role is the role that reads the views and nothing else, where there is one.
	// deploy/postgres/init/2-analyst.sql makes it.
	Role = "stridelog_analyst"
)

// Views are the names of the views, in the order that they are defined.
func Views() []string {
	return []string{
		"workouts_with_duplicates", "workouts", "workout_heart_rate_zones", "workout_versions",
		"users", "connections", "connection_history", "coverage", "syncs",
	}
}

// Postgres' codes for what keeps the views from being defined.
const (
	undefinedColumn   = "42703" // of a published view: its service is of an older version
	notPermitted      = "42501"
	invalidDefinition = "42P16" // a newer program's view has more columns
)

// The pauses between two tries: for services that start, and for an administrator.
const (
	retrySoon  = 2 * time.Second
	retryLater = time.Minute
)

// Run defines the views and returns when they are there. It tries again until the other
// services have published what the views read, and until the database lets it.
func Run(ctx context.Context, db *pgxpool.Pool, log *slog.Logger) {
	said := ""
	for {
		err := Define(ctx, db)
		if err == nil || ctx.Err() != nil {
			return
		}
		pause := retryLater
		switch {
		case waits(err):
			pause = retrySoon
		case said != err.Error():
			said = err.Error()
			log.WarnContext(ctx, "the views for analysts could not be defined; it is tried again every minute", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
	}
}

// waits says whether another service has not published what the views read.
func waits(err error) bool { return problem.MissingView(err) || code(err) == undefinedColumn }

// Define defines the views as this program has them, unless they are there already, and
// lets Role read them. Any number of processes may do it at once.
func Define(ctx context.Context, db *pgxpool.Pool) error {
	err := pgx.BeginFunc(ctx, db, func(tx pgx.Tx) error {
		// Two definitions at a time fail.
		if _, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock(hashtextextended('stridelog schema analytics', 0))"); err != nil {
			return err
		}
		if err := createSchema(ctx, tx); err != nil {
			return err
		}
		defined, err := isDefined(ctx, tx)
		if err != nil {
			return err
		}
		if !defined {
			if err := define(ctx, tx); err != nil {
				return err
			}
		}
		return grant(ctx, tx)
	})
	switch {
	case code(err) == notPermitted:
		return fmt.Errorf("define the views for analysts: run deploy/postgres/init/2-analyst.sql as a superuser, or let the gateway's role create schemas (GRANT CREATE ON DATABASE): %w", err)
	case err != nil:
		return fmt.Errorf("define the views for analysts: %w", err)
	}
	return nil
}

// createSchema looks first, because the statement needs the right to create schemas even
// where the schema exists.
func createSchema(ctx context.Context, tx pgx.Tx) error {
	var exists bool
	if err := tx.QueryRow(ctx, "SELECT to_regnamespace($1) IS NOT NULL", Schema).Scan(&exists); err != nil || exists {
		return err
	}
	_, err := tx.Exec(ctx, "CREATE SCHEMA "+Schema)
	return err
}

// mark tells this program's definitions from another's. It stands behind the schema's
// comment, so that a start does not lock views that somebody reads.
func mark() string {
	sum := sha256.Sum256([]byte(viewsSQL + commentsSQL))
	return "Definition " + hex.EncodeToString(sum[:8]) + "."
}

func isDefined(ctx context.Context, tx pgx.Tx) (defined bool, err error) {
	err = tx.QueryRow(ctx, `SELECT coalesce(obj_description($1::regnamespace) LIKE '%' || $2, false)
		AND (SELECT count(*) FROM pg_class WHERE relnamespace = $1::regnamespace AND relkind = 'v' AND relname = ANY($3)) = cardinality($3::text[])`,
		Schema, mark(), Views()).Scan(&defined)
	return defined, err
}

// define replaces the views. Those of a newer program, which have further columns, stay.
func define(ctx context.Context, tx pgx.Tx) error {
	err := pgx.BeginFunc(ctx, tx, func(inner pgx.Tx) error {
		_, err := inner.Conn().PgConn().Exec(ctx, viewsSQL+commentsSQL).ReadAll()
		return err
	})
	if code(err) == invalidDefinition {
		return nil
	}
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `DO $$ BEGIN EXECUTE format('COMMENT ON SCHEMA analytics IS %L', obj_description('analytics'::regnamespace) || ' `+mark()+`'); END $$`)
	return err
}

// grant lets Role read the views, where there is such a role and it may not yet.
func grant(ctx context.Context, tx pgx.Tx) error {
	rows, err := tx.Query(ctx, `SELECT c.relname::text FROM pg_class c JOIN pg_roles r ON r.rolname = $2
		WHERE c.relnamespace = $1::regnamespace AND c.relname = ANY($3)
		  AND NOT (has_schema_privilege(r.oid, c.relnamespace, 'USAGE') AND has_table_privilege(r.oid, c.oid, 'SELECT'))`, Schema, Role, Views())
	if err != nil {
		return err
	}
	views, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return err
	}
	for _, view := range views {
		if _, err := tx.Exec(ctx, "GRANT USAGE ON SCHEMA "+Schema+" TO "+Role+"; GRANT SELECT ON "+pgx.Identifier{Schema, view}.Sanitize()+" TO "+Role, pgx.QueryExecModeSimpleProtocol); err != nil {
			return fmt.Errorf("let %s read %s: %w", Role, view, err)
		}
	}
	return nil
}

func code(err error) string {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return pg.Code
	}
	return ""
}
