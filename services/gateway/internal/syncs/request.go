// Package syncs asks for syncs and shows how they stand.
package syncs

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/services/gateway/internal/contract"
	"github.com/stridelog/stridelog/services/gateway/internal/problem"
	"github.com/stridelog/stridelog/services/gateway/internal/users"
)

const (
	source      = "stridelog/gateway"
	day         = 24 * time.Hour
	defaultSpan = 30 * day
	maxSpan     = 3650*day + 2*day // and the edges of the world's days
)

// Store requests and reads syncs.
type Store struct {
	db  *pgxpool.Pool
	bus *bus.Bus
}

// NewStore uses the pool and publishes on the bus.
func NewStore(db *pgxpool.Pool, b *bus.Bus) *Store { return &Store{db: db, bus: b} }

// Request is a sync to be asked for.
type Request struct {
	UserID       uuid.UUID
	Provider     string
	ConnectionID uuid.UUID
	// Since is when the connection came to stand as it does. The request is later, also
	// by another machine's clock.
	Since   time.Time
	Trigger string
	Window  events.Window
	Kinds   []string // of data; none: every item and day that the person granted
}

// Window is the span of a manual sync. Either end may be empty: the end is now,
// the start 30 days before the end. A day counts wherever in the world it is.
func Window(start, end string, now time.Time) (events.Window, error) {
	from, to, err := contract.ParseSpan(start, end)
	if err != nil {
		return events.Window{}, err
	}
	w := events.Window{To: now}
	if to != nil {
		w.To = to.Latest()
	}
	w.From = w.To.Add(-defaultSpan)
	if from != nil {
		w.From = from.Earliest()
	}
	if w.To.After(now) {
		w.To = now
	}
	w.From, w.To = w.From.UTC().Truncate(time.Microsecond), w.To.UTC().Truncate(time.Microsecond)
	switch {
	case !w.From.Before(now):
		return w, problem.InvalidField("start_date", "is in the future: nothing can be read yet")
	case !w.From.Before(w.To):
		return w, problem.InvalidField("end_date", "must be later than start_date")
	case w.To.Sub(w.From) > maxSpan:
		return w, problem.InvalidField("start_date", "makes a span of more than 3650 days: ask for less at a time")
	}
	return w, nil
}

// LastDays is the span of a historical sync.
func LastDays(days int, now time.Time) events.Window {
	to := now.UTC().Truncate(time.Microsecond)
	return events.Window{From: to.Add(-time.Duration(days) * day), To: to}
}

// Ask stores the request and publishes it, both or neither as far as a client can
// see. The user's row stays locked meanwhile, so that no request slips past an
// erasure.
func (s *Store) Ask(ctx context.Context, r Request) (id uuid.UUID, err error) {
	id, err = uuid.Parse(events.NewID())
	if err != nil {
		return uuid.Nil, err
	}
	err = pgx.BeginFunc(ctx, s.db, func(tx pgx.Tx) error {
		var exists bool
		switch err := tx.QueryRow(ctx, `SELECT true FROM gateway.users WHERE id = $1 FOR KEY SHARE`, r.UserID).Scan(&exists); {
		case errors.Is(err, pgx.ErrNoRows):
			return users.NotFound()
		case err != nil:
			return fmt.Errorf("lock the user: %w", err)
		}
		at := time.Now().UTC().Truncate(time.Microsecond)
		if !at.After(r.Since) {
			at = r.Since.UTC().Truncate(time.Microsecond).Add(time.Microsecond)
		}
		_, err := tx.Exec(ctx, `INSERT INTO gateway.sync_requests (sync_id, user_id, provider, connection_id, trigger, window_from, window_to, requested_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`, id, r.UserID, r.Provider, r.ConnectionID, r.Trigger, r.Window.From, r.Window.To, at)
		if err != nil {
			return fmt.Errorf("store a sync request: %w", err)
		}
		return s.publish(ctx, id, r, at)
	})
	return id, err
}

func (s *Store) publish(ctx context.Context, id uuid.UUID, r Request, at time.Time) error {
	_, err := s.bus.Publish(ctx, events.Event{
		ID: events.NewID(), Source: source, About: id.String(), Time: at, Provider: r.Provider, UserID: r.UserID.String(),
		Data: &events.SyncRequested{
			SyncID: id.String(), ConnectionID: r.ConnectionID.String(), UserID: r.UserID.String(), Provider: r.Provider,
			Window: r.Window, Trigger: r.Trigger, Kinds: r.Kinds, RequestedAt: at,
		},
	})
	if err != nil {
		return problem.Unavailable("The sync could not be queued: try again; if it stays so, check the connection to NATS.", err)
	}
	return nil
}
