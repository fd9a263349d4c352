// Package connections reads people's consents from the views of oauth and poller.
package connections

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/services/gateway/internal/problem"
)

// Connection is one consent with where its polling stands.
type Connection struct {
	ID, UserID           uuid.UUID
	Provider             string
	Status               events.ConnectionStatus
	Since                time.Time
	Reason, NextAction   *string
	ProviderUserID       *string
	Scope                []string
	Linked               []uuid.UUID // the same person's connections elsewhere
	CreatedAt, UpdatedAt time.Time
	LastSyncedAt         *time.Time
	NextSyncAt           *time.Time
	Coverage             []Stretch // of its account, oldest first
}

// Reader reads the views.
type Reader struct{ db *pgxpool.Pool }

// NewReader uses the pool.
func NewReader(db *pgxpool.Pool) *Reader { return &Reader{db: db} }

// List is every connection of a user, in the order they were made, with what was read
// of each one's account.
func (r *Reader) List(ctx context.Context, userID uuid.UUID) ([]Connection, error) {
	rows, err := r.db.Query(ctx, `SELECT c.id, c.user_id, c.provider, c.status, c.since, c.reason, c.next_action, c.provider_user_id, c.scope,
			c.created_at, c.updated_at, t.last_synced_at, t.next_sync_at, c.linked_connection_ids
		FROM oauth.view_connections_v1 c LEFT JOIN poller.view_targets_v1 t ON t.connection_id = c.id
		WHERE c.user_id = $1 ORDER BY c.created_at, c.id`, userID)
	if err != nil {
		return nil, problem.OfQuery("oauth or poller", err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (Connection, error) {
		var c Connection
		err := row.Scan(&c.ID, &c.UserID, &c.Provider, &c.Status, &c.Since, &c.Reason, &c.NextAction, &c.ProviderUserID, &c.Scope,
			&c.CreatedAt, &c.UpdatedAt, &c.LastSyncedAt, &c.NextSyncAt, &c.Linked)
		return c, err
	})
	if err != nil {
		return nil, problem.OfQuery("oauth or poller", err)
	}
	known, err := r.coverage(ctx, userID)
	if err != nil {
		return nil, err
	}
	for i := range list {
		list[i].Coverage = known[list[i].ID]
	}
	return list, nil
}

// Usable is the connection through which a user can be synced, and since when it stands
// as it does.
type Usable struct {
	ID    uuid.UUID
	Since time.Time
}

// Usable is the connection through which a user can be synced now. None
// is a 404; one that needs somebody's action is a 409 that says which.
func (r *Reader) Usable(ctx context.Context, userID uuid.UUID, provider string) (Usable, error) {
	var (
		c                  Usable
		status             events.ConnectionStatus
		reason, nextAction *string
	)
	err := r.db.QueryRow(ctx, `SELECT id, since, status, reason, next_action FROM oauth.view_connections_v1
		WHERE user_id = $1 AND provider = $2 ORDER BY status = 'revoked', since DESC, id LIMIT 1`, userID, provider).
		Scan(&c.ID, &c.Since, &status, &reason, &nextAction)
	consent := "Start a consent at /api/v1/oauth/" + provider + "/authorize."
	if errors.Is(err, pgx.ErrNoRows) {
		p := problem.New(http.StatusNotFound, problem.CodeNotFound, "The user is not connected to "+provider+". "+consent)
		p.NextAction = consent
		return Usable{}, p
	}
	if err != nil {
		return Usable{}, problem.OfQuery("oauth", err)
	}
	code := map[events.ConnectionStatus]string{
		events.StatusActionRequired:  problem.CodeActionRequired,
		events.StatusRevoked:         problem.CodeRevoked,
		events.StatusProviderRetired: problem.CodeProviderRetired,
	}[status]
	if code == "" {
		return c, nil
	}
	p := problem.New(http.StatusConflict, code, fmt.Sprintf("The connection to %s is %s and cannot be synced.", provider, status))
	p.NextAction = consent
	if reason != nil {
		p.Reason = *reason
	}
	if nextAction != nil && *nextAction != "" {
		p.NextAction = *nextAction
	}
	p.Detail += " " + p.NextAction
	return Usable{}, p
}

// Summary is what a user's entry says about the connections.
type Summary struct {
	LastSyncedAt       *time.Time
	LastSyncedProvider *string
	Active             bool
}

// Summaries are those of some users; a user without connections is absent. While
// the views are not published nothing is known, which is no error.
func (r *Reader) Summaries(ctx context.Context, userIDs []uuid.UUID) (map[uuid.UUID]Summary, error) {
	rows, err := r.db.Query(ctx, `SELECT c.user_id, bool_or(c.status IN ('active', 'degraded')), max(t.last_synced_at),
			(array_agg(t.provider ORDER BY t.last_synced_at DESC NULLS LAST) FILTER (WHERE t.last_synced_at IS NOT NULL))[1]
		FROM oauth.view_connections_v1 c LEFT JOIN poller.view_targets_v1 t ON t.connection_id = c.id
		WHERE c.user_id = ANY($1) GROUP BY c.user_id`, userIDs)
	known := map[uuid.UUID]Summary{}
	if err == nil {
		var (
			id uuid.UUID
			s  Summary
		)
		_, err = pgx.ForEachRow(rows, []any{&id, &s.Active, &s.LastSyncedAt, &s.LastSyncedProvider}, func() error {
			known[id] = s
			return nil
		})
	}
	if err != nil && !problem.MissingView(err) {
		return nil, fmt.Errorf("read the connections of users: %w", err)
	}
	return known, nil
}
