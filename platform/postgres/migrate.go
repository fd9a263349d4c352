package postgres

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"regexp"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/tern/v2/migrate"
)

// schemaName is what Migrate takes as a schema: no quoting needed anywhere.
const schemaName = `^[a-z][a-z0-9_]{0,39}$`

// ErrNewerDatabase says that a newer program has migrated a schema.
var ErrNewerDatabase = errors.New("the database was migrated by a newer Stridelog; run that version, or restore a backup")

// CheckSchema says whether a name can be a service's schema: lower case letters,
// digits and underscores, at most 40.
func CheckSchema(schema string) error {
	if ok, err := regexp.MatchString(schemaName, schema); err != nil || !ok {
		return fmt.Errorf("schema name %q must match %s", schema, schemaName)
	}
	return nil
}

// Migrate brings a schema to the newest version: it creates the schema where
// there is none and runs the files 001_name.sql, 002_name.sql, … of migrations
// that have not run yet, each in a transaction. The version is kept in
// <schema>.schema_version. Any number of processes may do this at once. The views
// that the files made are then published, see PublishViews. When the database goes
// away in the middle, it is waited for up to 30 s, and what is left is run then.
//
// Files name their tables with the schema; the search path is not changed. A
// database that is newer than the program is ErrNewerDatabase.
func Migrate(ctx context.Context, pool *pgxpool.Pool, schema string, migrations fs.FS) error {
	if err := CheckSchema(schema); err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	return Patiently(ctx, nil, func(ctx context.Context) error { return migrateOnce(ctx, pool, schema, migrations) })
}

func migrateOnce(ctx context.Context, pool *pgxpool.Pool, schema string, migrations fs.FS) error {
	conn, err := pool.Acquire(ctx)
	if err != nil {
		return fmt.Errorf("migrate schema %s: %w", schema, err)
	}
	defer conn.Release()
	if err := createSchema(ctx, conn.Conn(), schema); err != nil {
		return fmt.Errorf("create schema %s: let the role create it (GRANT CREATE ON DATABASE), or create it for the role: %w", schema, err)
	}
	m, err := migrate.NewMigrator(ctx, conn.Conn(), schema+".schema_version")
	if err != nil {
		return fmt.Errorf("migrate schema %s: version table: %w", schema, err)
	}
	if err := m.LoadMigrations(migrations); err != nil {
		return fmt.Errorf("migrate schema %s: read the migrations: %w", schema, err)
	}
	err = m.Migrate(ctx)
	var version migrate.BadVersionError
	switch {
	case errors.As(err, &version):
		return fmt.Errorf("migrate schema %s: %w: %w", schema, ErrNewerDatabase, err)
	case err != nil:
		return fmt.Errorf("migrate schema %s: %w", schema, err)
	}
	return pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error { return PublishViews(ctx, tx, schema) })
}

// createSchema runs under a lock, because CREATE SCHEMA IF NOT EXISTS fails when
// two sessions do it at once. It looks first, because the statement needs the
// right to create schemas even where the schema exists.
func createSchema(ctx context.Context, conn *pgx.Conn, schema string) error {
	return pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", "stridelog schema "+schema); err != nil {
			return err
		}
		var exists bool
		if err := tx.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = $1)", schema).Scan(&exists); err != nil {
			return err
		}
		if exists {
			return nil
		}
		_, err := tx.Exec(ctx, "CREATE SCHEMA "+schema)
		return err
	})
}

// Migrations is the version that Migrate brings a schema to with the files of a folder
// "migrations" of a program.
func Migrations(program embed.FS) int {
	files, _ := program.ReadDir("migrations") // an embedded folder is there, or nothing was built
	return len(files)
}
