package rest

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/stridelog/stridelog/services/gateway/internal/api"
	"github.com/stridelog/stridelog/services/gateway/internal/contract"
	"github.com/stridelog/stridelog/services/gateway/internal/workouts"
)

// document is an answer whose bytes are already there. It implements the
// generated response interfaces of the routes that must not encode them again.
type document struct {
	body        []byte
	contentType string // empty is application/json
	format      string // of a raw record
	secret      bool   // it must not be compressed
}

func (d document) write(w http.ResponseWriter) error {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	if d.contentType != "" {
		h.Set("Content-Type", d.contentType)
	}
	if d.format != "" {
		h.Set("X-Stridelog-Format", d.format)
	}
	if d.secret {
		withSecret(h)
	}
	h.Set("Content-Length", strconv.Itoa(len(d.body)))
	w.WriteHeader(http.StatusOK)
	_, err := w.Write(d.body)
	return err
}

func (d document) VisitAuthorizeResponse(w http.ResponseWriter) error         { return d.write(w) }
func (d document) VisitListWorkoutsResponse(w http.ResponseWriter) error      { return d.write(w) }
func (d document) VisitGetWorkoutResponse(w http.ResponseWriter) error        { return d.write(w) }
func (d document) VisitGetWorkoutRawResponse(w http.ResponseWriter) error     { return d.write(w) }
func (d document) VisitGetWorkoutRouteResponse(w http.ResponseWriter) error   { return d.write(w) }
func (d document) VisitGetWorkoutHistoryResponse(w http.ResponseWriter) error { return d.write(w) }

// ListWorkouts implements the generated interface.
func (s *server) ListWorkouts(ctx context.Context, r api.ListWorkoutsRequestObject) (api.ListWorkoutsResponseObject, error) {
	p := r.Params
	q := workouts.Query{
		UserID: r.UserID, Start: or(p.StartDate, ""), End: or(p.EndDate, ""),
		Duplicates: includes(p.Include, api.Duplicates), Zones: includes(p.Include, api.Zones),
		Ascending: or(p.SortOrder, api.ListWorkoutsParamsSortOrderDesc) == api.ListWorkoutsParamsSortOrderAsc,
		Cursor:    or(p.Cursor, ""), Limit: or(p.Limit, defaultRows),
	}
	var err error
	if q.Types, err = typesAsked(or(p.RecordType, nil), or(p.Type, nil)); err != nil {
		return nil, err
	}
	if q.Providers, err = s.providersAsked(or(p.Provider, nil)); err != nil {
		return nil, err
	}
	// Only an end that is by the person's clock asks for their zone.
	if q.Zone = time.UTC; contract.LocalText(q.Start) || contract.LocalText(q.End) {
		if q.Zone, err = s.users.Zone(ctx, r.UserID); err != nil {
			return nil, err
		}
	}
	body, err := s.workouts.List(ctx, q)
	if err != nil {
		return nil, err
	}
	return document{body: body}, nil
}

// GetWorkout implements the generated interface.
func (s *server) GetWorkout(ctx context.Context, r api.GetWorkoutRequestObject) (api.GetWorkoutResponseObject, error) {
	body, err := s.workouts.Get(ctx, r.WorkoutID)
	if err != nil {
		return nil, err
	}
	return document{body: body}, nil
}

// GetWorkoutRaw implements the generated interface.
func (s *server) GetWorkoutRaw(ctx context.Context, r api.GetWorkoutRawRequestObject) (api.GetWorkoutRawResponseObject, error) {
	raw, err := s.workouts.Raw(ctx, r.WorkoutID)
	if err != nil {
		return nil, err
	}
	d := document{body: raw.Bytes, format: raw.Format}
	if !raw.JSON {
		d.contentType = "application/octet-stream"
	}
	return d, nil
}

// contentTCX is the type of Garmin's track files, which has no registration.
const contentTCX = "application/vnd.garmin.tcx+xml"

// GetWorkoutRoute implements the generated interface.
func (s *server) GetWorkoutRoute(ctx context.Context, r api.GetWorkoutRouteRequestObject) (api.GetWorkoutRouteResponseObject, error) {
	route, err := s.workouts.Route(ctx, r.WorkoutID, s.routeScopes, s.o.TrackMakers)
	if err != nil {
		return nil, err
	}
	return document{body: route.Bytes, format: route.Format, contentType: contentTCX}, nil
}

// kindRoute is the kind whose scopes matter here.
const kindRoute = "route"

// routeScopes are those without which a provider gives no routes; empty when it never
// does.
func (s *server) routeScopes(name string) []string {
	for _, d := range s.o.Catalog {
		if d.Name == name {
			return d.Needs.OfKind(kindRoute)
		}
	}
	return nil
}

// GetWorkoutHistory implements the generated interface.
func (s *server) GetWorkoutHistory(ctx context.Context, r api.GetWorkoutHistoryRequestObject) (api.GetWorkoutHistoryResponseObject, error) {
	body, err := s.workouts.History(ctx, r.WorkoutID)
	if err != nil {
		return nil, err
	}
	return document{body: body}, nil
}
