package workouts

import (
	"context"
	"errors"
	"net/http"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/services/gateway/internal/problem"
)

// Why a workout has no route.
const (
	routeNotOffered   = "not_offered"
	routeScopeMissing = "scope_missing"
	routePending      = "not_fetched_yet"
	routeUnreadable   = "not_readable"
	routeNone         = "no_route"
)

// Route is where a workout went: the file of its latest route, as the provider sent it,
// or the TCX file that the maker of its format makes of it. Needed gives the scopes without which a provider gives none; empty when it never does.
func (s *Store) Route(ctx context.Context, id uuid.UUID, needed func(provider string) []string, makers provider.TrackMakers) (Raw, error) {
	r, err := s.present(ctx, id)
	if err != nil {
		return Raw{}, err
	}
	var sequence int64
	err = s.db.QueryRow(ctx, `SELECT sequence FROM projector.view_workout_routes_v1 WHERE workout_id = $1 ORDER BY sequence DESC LIMIT 1`, id).Scan(&sequence)
	if errors.Is(err, pgx.ErrNoRows) {
		return Raw{}, s.noRoute(ctx, r, needed(r.provider))
	}
	if err != nil {
		return Raw{}, problem.OfQuery(projector, err)
	}
	data, err := s.fact(ctx, sequence)
	if err != nil {
		return Raw{}, err
	}
	fact, ok := data.(*events.RouteFetched)
	if !ok || fact.UserID != r.userID.String() || fact.Provider != r.provider || fact.ExternalID != r.externalID {
		return Raw{}, mismatch(sequence, "the log has something else there", nil)
	}
	file, err := fact.File()
	if err != nil {
		return Raw{}, mismatch(sequence, "what the log has there cannot be read", err)
	}
	if tcx, ok := makers[fact.Format]; ok {
		if file, err = tcx(file); err != nil {
			return Raw{}, mismatch(sequence, "what the log has there cannot be read", err)
		}
	}
	return Raw{Bytes: file, Format: fact.Format}, nil
}

// noRoute is a 404 that says why there is no route, and what to do.
func (s *Store) noRoute(ctx context.Context, r record, needed []string) error {
	if len(needed) == 0 {
		return withoutRoute(routeNotOffered, "This provider's API gives no routes; an export archive that was imported can hold them.")
	}
	var state string
	var granted bool
	err := s.db.QueryRow(ctx, `SELECT
		coalesce((SELECT state FROM poller.view_routes_v1 WHERE user_id = $1 AND provider = $2 AND external_id = $3), ''),
		EXISTS (SELECT FROM oauth.view_connections_v1 WHERE user_id = $1 AND provider = $2 AND status <> 'revoked' AND scope @> $4)`,
		r.userID, r.provider, r.externalID, needed).Scan(&state, &granted)
	if err != nil {
		return problem.OfQuery("oauth or poller", err)
	}
	switch {
	case state == "absent" || state == "" && granted:
		return withoutRoute(routeNone, "The provider recorded no route for this workout.")
	case !granted:
		p := withoutRoute(routeScopeMissing, "The person did not let the routes of their workouts be read.")
		p.NextAction = "Ask the person to connect again and to tick the permission for location."
		return p
	case state == "failed":
		return withoutRoute(routeUnreadable, "The provider's route of this workout could not be read or is too large; it is tried again when the workout changes.")
	default:
		return withoutRoute(routePending, "The route of this workout is not fetched yet: try again later.")
	}
}

func withoutRoute(reason, detail string) *problem.Problem {
	p := problem.New(http.StatusNotFound, problem.CodeNotFound, detail)
	p.Reason = reason
	return p
}
