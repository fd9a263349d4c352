// Package outbox publishes events exactly when the transaction that wrote them
// commits: Append stores an event in the service's own table, a Relay sends it to
// JetStream and deletes it after the acknowledgement. An event that JetStream
// refuses for good stays in the table with the reason, and holds up no other.
//
// The service's migration creates the table in its schema:
//
//	CREATE TABLE <schema>.outbox (
//	    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
//	    subject    text NOT NULL,
//	    header     jsonb NOT NULL,
//	    data       bytea NOT NULL,
//	    parked     text, -- why JetStream refuses it for good
//	    created_at timestamptz NOT NULL DEFAULT now());
package outbox

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/platform/postgres"
	"github.com/stridelog/stridelog/platform/telemetry"
)

// Append stores an event in the caller's transaction and wakes the relay when
// that commits. Events of one transaction are published in the order of their
// Append; those of transactions that ran at the same time in either order, so
// whoever needs an order locks the row that the events are about. An event
// without a trace takes the context's.
func Append(ctx context.Context, tx pgx.Tx, schema string, e events.Event) error {
	if err := postgres.CheckSchema(schema); err != nil {
		return fmt.Errorf("append to the outbox: %w", err)
	}
	if e.TraceParent == "" {
		e.TraceParent = telemetry.TraceParent(ctx)
	}
	m, err := e.Encode()
	if err != nil {
		return fmt.Errorf("append to the outbox of %s: %w", schema, err)
	}
	if _, err := tx.Exec(ctx, "INSERT INTO "+schema+".outbox (subject, header, data) VALUES ($1, $2, $3)",
		m.Subject, m.Header, m.Data); err != nil {
		return fmt.Errorf("append %s %s to the outbox of %s: %w", e.Type(), e.ID, schema, err)
	}
	if _, err := tx.Exec(ctx, "SELECT pg_notify($1, '')", channel(schema)); err != nil {
		return fmt.Errorf("wake the outbox relay of %s: %w", schema, err)
	}
	return nil
}

func channel(schema string) string { return schema + "_outbox" }
