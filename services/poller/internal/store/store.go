// Package store keeps the poller's own state in Postgres: targets and their
// leases, windows, the schedule, the activity index, budgets. What a worker
// writes is guarded by its lease's token.
package store

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/stridelog/stridelog/platform/postgres"
)

// Schema is the poller's schema.
const Schema = "poller"

// The NOTIFY channels.
const (
	// WorkChannel says that some target may have work.
	WorkChannel = "poller_work"
	// FenceChannel says that some lease may have been taken away.
	FenceChannel = "poller_fence"
)

// ErrFenced says that the lease is somebody else's now: stop, and write nothing.
var ErrFenced = errors.New("the lease was lost")

//go:embed migrations/*.sql
var migrations embed.FS

// Store is the poller's part of the database.
type Store struct {
	db *pgxpool.Pool
}

// New makes a Store. Migrate comes first.
func New(db *pgxpool.Pool) *Store { return &Store{db: db} }

// Migrate brings the schema to the newest version.
func Migrate(ctx context.Context, db *pgxpool.Pool) error {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return fmt.Errorf("poller migrations: %w", err)
	}
	return postgres.Migrate(ctx, db, Schema, files)
}

// InTx runs fn in a transaction.
func (s *Store) InTx(ctx context.Context, fn func(tx pgx.Tx) error) error {
	return pgx.BeginFunc(ctx, s.db, fn)
}

// refreshDue recomputes when a target is due and wakes the workers.
func refreshDue(ctx context.Context, tx pgx.Tx, userID, provider string) error {
	if _, err := tx.Exec(ctx, "SELECT poller.refresh_due($1, $2)", userID, provider); err != nil {
		return fmt.Errorf("compute when %s of user %s is due: %w", provider, userID, err)
	}
	return nil
}

// Version is the schema's newest version.
func Version() int { return postgres.Migrations(migrations) }
