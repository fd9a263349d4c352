// Package store keeps the service's rows: connections, states, the outbox and
// the marks of erased users.
package store

import (
	"context"
	"crypto/sha256"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/platform/postgres"
	"github.com/stridelog/stridelog/platform/postgres/outbox"
	"github.com/stridelog/stridelog/platform/telemetry"
)

// Schema is the Postgres schema that the service owns.
const Schema = "oauth"

// source is the CloudEvents source of the service's events.
const source = "stridelog/oauth"

//go:embed migrations/*.sql
var migrations embed.FS

// Errors that callers act on.
var (
	ErrNotFound = errors.New("there is no such row")
	// ErrErased says that the user was erased; nothing about them is written.
	ErrErased = errors.New("the user was erased")
)

// Store reads and writes the schema.
type Store struct{ pool *pgxpool.Pool }

// New makes a store on a pool. The schema may not exist yet; Migrate makes it.
func New(pool *pgxpool.Pool) *Store { return &Store{pool: pool} }

// Migrate brings the schema to this version.
func (s *Store) Migrate(ctx context.Context) error {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return fmt.Errorf("read the oauth migrations: %w", err)
	}
	return postgres.Migrate(ctx, s.pool, Schema, files)
}

// Tx is a transaction with the writes that must happen together.
type Tx struct{ tx pgx.Tx }

// ForUser runs fn in a transaction that no other change of the user's consents
// runs beside. It fails with ErrErased when the user was erased.
func (s *Store) ForUser(ctx context.Context, userID string, fn func(Tx) error) error {
	return pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		if err := lockUser(ctx, tx, userID); err != nil {
			return err
		}
		if err := refuseErased(ctx, tx, userID); err != nil {
			return err
		}
		return fn(Tx{tx})
	})
}

// Within runs fn in a plain transaction.
func (s *Store) Within(ctx context.Context, fn func(Tx) error) error {
	return pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error { return fn(Tx{tx}) })
}

func lockUser(ctx context.Context, tx pgx.Tx, userID string) error {
	if _, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", "stridelog oauth user "+userID); err != nil {
		return fmt.Errorf("lock the consents of user %s: %w", userID, err)
	}
	return nil
}

// LockAccount makes the ends of one provider account happen one by one, so that
// exactly one of them is the last.
func (t Tx) LockAccount(ctx context.Context, provider, accountID string) error {
	if _, err := t.tx.Exec(ctx, "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", "stridelog oauth account "+provider+" "+accountID); err != nil {
		return fmt.Errorf("lock an account at %s: %w", provider, err)
	}
	return nil
}

func refuseErased(ctx context.Context, tx pgx.Tx, userID string) error {
	var erased bool
	if err := tx.QueryRow(ctx, "SELECT EXISTS (SELECT FROM oauth.erased_users WHERE user_hash = $1)", userHash(userID)).Scan(&erased); err != nil {
		return fmt.Errorf("look up whether user %s was erased: %w", userID, err)
	}
	if erased {
		return ErrErased
	}
	return nil
}

func userHash(userID string) []byte {
	sum := sha256.Sum256([]byte(userID))
	return sum[:]
}

// Emit puts an event about a connection into the outbox; it is published after
// the commit, and only then.
func (t Tx) Emit(ctx context.Context, c Connection, at time.Time, data events.Data) error {
	return outbox.Append(ctx, t.tx, Schema, events.Event{
		ID: events.NewID(), Source: source, About: c.ID, Time: at,
		Provider: c.Provider, UserID: c.UserID, TraceParent: telemetry.TraceParent(ctx), Data: data,
	})
}

// Version is the schema's newest version.
func Version() int { return postgres.Migrations(migrations) }
