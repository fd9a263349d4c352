// Package positions keeps in a service's schema up to where its NATS durables have
// acknowledged everything. It implements bus.Positions.
//
// The service's migrations make the table:
//
//	CREATE TABLE <schema>.positions (
//	    stream text, durable text, epoch text NOT NULL, acknowledged bigint NOT NULL,
//	    PRIMARY KEY (stream, durable)
//	);
package positions

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// DB is a pool or a transaction.
type DB interface {
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// Table is the table of one service.
type Table struct {
	db   DB
	name string
}

// New is the table of a schema, which is one of our own names.
func New(db DB, schema string) Table { return Table{db: db, name: schema + ".positions"} }

// Acknowledged implements bus.Positions.
func (t Table) Acknowledged(ctx context.Context, stream, durable, epoch string) (uint64, error) {
	var at int64
	err := t.db.QueryRow(ctx, "SELECT acknowledged FROM "+t.name+" WHERE stream = $1 AND durable = $2 AND epoch = $3", stream, durable, epoch).Scan(&at)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return 0, fmt.Errorf("read the position of %s on %s: %w", durable, stream, err)
	}
	return uint64(at), nil //nolint:gosec // it was one
}

// Keep implements bus.Positions.
func (t Table) Keep(ctx context.Context, stream, durable, epoch string, acknowledged uint64) error {
	return t.put(ctx, stream, durable, epoch, acknowledged,
		"acknowledged = CASE WHEN p.epoch = excluded.epoch THEN greatest(p.acknowledged, excluded.acknowledged) ELSE excluded.acknowledged END")
}

// Set sets a position, also back: for a log that was restored.
func (t Table) Set(ctx context.Context, stream, durable, epoch string, acknowledged uint64) error {
	return t.put(ctx, stream, durable, epoch, acknowledged, "acknowledged = excluded.acknowledged")
}

func (t Table) put(ctx context.Context, stream, durable, epoch string, acknowledged uint64, set string) error {
	_, err := t.db.Exec(ctx, "INSERT INTO "+t.name+" AS p (stream, durable, epoch, acknowledged) VALUES ($1, $2, $3, $4) ON CONFLICT (stream, durable) DO UPDATE SET epoch = excluded.epoch, "+set,
		stream, durable, epoch, int64(acknowledged)) //nolint:gosec // a sequence fits
	if err != nil {
		return fmt.Errorf("keep the position of %s on %s: %w", durable, stream, err)
	}
	return nil
}

// Forget forgets a position: the durable begins at the start of the stream where the
// server does not have it.
func (t Table) Forget(ctx context.Context, stream, durable string) error {
	if _, err := t.db.Exec(ctx, "DELETE FROM "+t.name+" WHERE stream = $1 AND durable = $2", stream, durable); err != nil {
		return fmt.Errorf("forget the position of %s on %s: %w", durable, stream, err)
	}
	return nil
}
