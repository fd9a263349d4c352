package main

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
)

// countStatements makes Postgres count what it executes, where it was built with that;
// false says that it was not. It starts the server once more.
func (s *stores) countStatements(ctx context.Context) (counted bool, err error) {
	ask := func(run func(db *pgx.Conn) error) error {
		db, err := pgx.Connect(ctx, s.databaseURL)
		if err != nil {
			return err
		}
		defer db.Close(ctx)
		return run(db)
	}
	err = ask(func(db *pgx.Conn) error {
		err := db.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_available_extensions WHERE name = 'pg_stat_statements')").Scan(&counted)
		if err != nil || !counted {
			return err
		}
		_, err = db.Exec(ctx, "ALTER SYSTEM SET shared_preload_libraries = 'pg_stat_statements'")
		return err
	})
	if err != nil || !counted {
		return false, err
	}
	stopping, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	if err := s.postgres.Stop(stopping); err != nil {
		return false, err
	}
	if err := s.startPostgres(ctx); err != nil {
		return false, err
	}
	return true, ask(func(db *pgx.Conn) error {
		_, err := db.Exec(ctx, "CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
		return err
	})
}
