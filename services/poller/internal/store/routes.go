package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// The states of a route.
const (
	RouteWanted  = "wanted"  // not asked for yet, or to be asked for again
	RouteFetched = "fetched" // the log has it
	RouteAbsent  = "absent"  // the provider has none
	RouteFailed  = "failed"  // it could not be read, and is asked for no more
)

// Route is what is known of the route of one activity.
type Route struct {
	ExternalID       string
	ActivitySequence uint64 // of the version that it is wanted for, or was asked for
	State            string
	Attempts         int
	NotBefore        time.Time
	Sequence         uint64 // of the latest route in the log; 0: none
	ContentHash      string // of that one
}

// WantRoutes notes versions of activities that tell of a route, and that they can be
// asked for from now on. What was asked for a later version stays.
func WantRoutes(ctx context.Context, tx pgx.Tx, t Target, wanted map[string]uint64, now time.Time) error {
	var ids []string
	var sequences []int64
	for id, sequence := range wanted {
		ids, sequences = append(ids, id), append(sequences, int64(sequence))
	}
	_, err := tx.Exec(ctx, `
		INSERT INTO poller.routes AS r (user_id, provider, external_id, activity_sequence, state, not_before)
		SELECT $1, $2, x.id, x.seq, 'wanted', $5 FROM unnest($3::text[], $4::bigint[]) AS x (id, seq)
		ON CONFLICT (user_id, provider, external_id) DO UPDATE SET
		    activity_sequence = excluded.activity_sequence, state = 'wanted', attempts = 0, not_before = excluded.not_before
		WHERE r.activity_sequence < excluded.activity_sequence`, t.UserID, t.Provider, ids, sequences, now)
	if err != nil {
		return fmt.Errorf("note routes of user %s: %w", t.UserID, err)
	}
	// RefreshRoutes would look for the first of all routes, for every page.
	_, err = tx.Exec(ctx, `
		UPDATE poller.targets SET routes_due_at = greatest(least(routes_due_at, $3), routes_not_before)
		 WHERE user_id = $1 AND provider = $2 AND NOT routes_refused
		   AND routes_due_at IS DISTINCT FROM greatest(least(routes_due_at, $3), routes_not_before)`, t.UserID, t.Provider, now)
	if err != nil {
		return fmt.Errorf("store that routes of user %s are due: %w", t.UserID, err)
	}
	return nil
}

// PutRoute stores a route that the log has, unless a later one is known. It is as
// good as asked for up to its version of the activity.
func PutRoute(ctx context.Context, tx pgx.Tx, t Target, r Route) error {
	_, err := tx.Exec(ctx, `
		INSERT INTO poller.routes AS r (user_id, provider, external_id, activity_sequence, state, not_before, sequence, content_hash)
		VALUES ($1, $2, $3, $4, 'fetched', $5, $6, $7)
		ON CONFLICT (user_id, provider, external_id) DO UPDATE SET
		    sequence = excluded.sequence, content_hash = excluded.content_hash,
		    state = CASE WHEN r.activity_sequence <= excluded.activity_sequence THEN 'fetched' ELSE r.state END,
		    activity_sequence = greatest(r.activity_sequence, excluded.activity_sequence)
		WHERE r.sequence < excluded.sequence`,
		t.UserID, t.Provider, r.ExternalID, int64(r.ActivitySequence), r.NotBefore, int64(r.Sequence), r.ContentHash)
	if err != nil {
		return fmt.Errorf("store a route of user %s: %w", t.UserID, err)
	}
	return nil
}

// DropRoutes forgets the routes of activities that were removed.
func DropRoutes(ctx context.Context, tx pgx.Tx, t Target, externalIDs []string) error {
	_, err := tx.Exec(ctx, "DELETE FROM poller.routes WHERE user_id = $1 AND provider = $2 AND external_id = ANY($3)", t.UserID, t.Provider, externalIDs)
	if err != nil {
		return fmt.Errorf("drop routes of user %s: %w", t.UserID, err)
	}
	return nil
}

// AnswerRoute stores what came of asking for a route, as it stood when it was taken.
func AnswerRoute(ctx context.Context, tx pgx.Tx, t Target, r Route) error {
	_, err := tx.Exec(ctx, `
		UPDATE poller.routes SET state = $5, attempts = $6, not_before = $7
		 WHERE user_id = $1 AND provider = $2 AND external_id = $3 AND activity_sequence = $4`,
		t.UserID, t.Provider, r.ExternalID, int64(r.ActivitySequence), r.State, r.Attempts, r.NotBefore)
	if err != nil {
		return fmt.Errorf("store the answer about a route of user %s: %w", t.UserID, err)
	}
	return nil
}

// PutOffRoutes lets all routes of a target wait.
func PutOffRoutes(ctx context.Context, tx pgx.Tx, t Target, until time.Time) error {
	_, err := tx.Exec(ctx, "UPDATE poller.targets SET routes_not_before = $3 WHERE user_id = $1 AND provider = $2", t.UserID, t.Provider, until)
	if err != nil {
		return fmt.Errorf("put off the routes of user %s: %w", t.UserID, err)
	}
	return nil
}

// RefuseRoutes lets all routes of a target wait for the next consent.
func RefuseRoutes(ctx context.Context, tx pgx.Tx, t Target) error {
	_, err := tx.Exec(ctx, "UPDATE poller.targets SET routes_refused = true WHERE user_id = $1 AND provider = $2", t.UserID, t.Provider)
	if err != nil {
		return fmt.Errorf("store that the routes of user %s are refused: %w", t.UserID, err)
	}
	return nil
}

// RefreshRoutes computes when a target has a route to ask for again. Every
// transaction that changes routes, or lets them wait, calls it; for WantRoutes alone
// there is no need to.
func RefreshRoutes(ctx context.Context, tx pgx.Tx, t Target) error {
	if _, err := tx.Exec(ctx, "SELECT poller.refresh_routes($1, $2)", t.UserID, t.Provider); err != nil {
		return fmt.Errorf("compute when the routes of user %s are due: %w", t.UserID, err)
	}
	return nil
}

// RouteTurn is what the next route of a target is asked for with.
type RouteTurn struct {
	Scopes []string // that were granted
	// Windows says that a window is due, which comes first.
	Windows bool
	Route   Route
	Found   bool
}

// NextRoute gives the route of a target that is to be asked for next.
func (s *Store) NextRoute(ctx context.Context, t Target, now time.Time) (RouteTurn, error) {
	var turn RouteTurn
	err := s.db.QueryRow(ctx, `
		SELECT scopes, coalesce(due_at <= $3, false) FROM poller.targets WHERE user_id = $1 AND provider = $2`,
		t.UserID, t.Provider, now).Scan(&turn.Scopes, &turn.Windows)
	if err != nil {
		return turn, fmt.Errorf("look for routes of user %s: %w", t.UserID, err)
	}
	r := &turn.Route
	err = s.db.QueryRow(ctx, `
		SELECT external_id, activity_sequence, state, attempts, not_before, sequence, content_hash FROM poller.routes
		 WHERE user_id = $1 AND provider = $2 AND state = 'wanted' AND not_before <= $3
		 ORDER BY not_before, activity_sequence LIMIT 1`, t.UserID, t.Provider, now).
		Scan(&r.ExternalID, &r.ActivitySequence, &r.State, &r.Attempts, &r.NotBefore, &r.Sequence, &r.ContentHash)
	if errors.Is(err, pgx.ErrNoRows) {
		return turn, nil
	}
	if err != nil {
		return turn, fmt.Errorf("look for routes of user %s: %w", t.UserID, err)
	}
	turn.Found = true
	return turn, nil
}
