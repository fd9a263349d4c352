package rest

import (
	"context"

	"github.com/google/uuid"

	"github.com/stridelog/stridelog/services/gateway/internal/api"
	"github.com/stridelog/stridelog/services/gateway/internal/connections"
	"github.com/stridelog/stridelog/services/gateway/internal/erasure"
	"github.com/stridelog/stridelog/services/gateway/internal/users"
)

const (
	usersPath    = "/api/v1/users/"
	erasuresPath = "/api/v1/erasures/"
	defaultUsers = 20
	defaultRows  = 50
)

func or[T any](value *T, otherwise T) T {
	if value == nil {
		return otherwise
	}
	return *value
}

// ListUsers implements the generated interface.
func (s *server) ListUsers(ctx context.Context, r api.ListUsersRequestObject) (api.ListUsersResponseObject, error) {
	q := users.Query{
		Page: or(r.Params.Page, 1), Limit: or(r.Params.Limit, defaultUsers), Search: or(r.Params.Search, ""),
		ExternalID: or(r.Params.ExternalUserID, ""), Email: or(r.Params.Email, ""),
		SortBy:    string(or(r.Params.SortBy, api.CreatedAt)),
		Ascending: or(r.Params.SortOrder, api.ListUsersParamsSortOrderDesc) == api.ListUsersParamsSortOrderAsc,
	}
	if a := accessOf(ctx); a != nil && a.Bound {
		q.Only = append([]uuid.UUID{}, a.Users...) // also when it is nobody
	}
	list, total, err := s.users.List(ctx, q)
	if err != nil {
		return nil, err
	}
	items, err := s.withConnections(ctx, list...)
	if err != nil {
		return nil, err
	}
	pages := (total + q.Limit - 1) / q.Limit
	return api.ListUsers200JSONResponse{
		Items: items, Total: total, Page: q.Page, Limit: q.Limit, Pages: pages,
		HasNext: q.Page < pages, HasPrev: q.Page > 1 && pages > 0,
	}, nil
}

// CreateUser implements the generated interface.
func (s *server) CreateUser(ctx context.Context, r api.CreateUserRequestObject) (api.CreateUserResponseObject, error) {
	u, err := s.users.Create(ctx, users.User{
		ExternalUserID: r.Body.ExternalUserID, FirstName: r.Body.FirstName, LastName: r.Body.LastName, Email: r.Body.Email,
		TimeZone: r.Body.TimeZone,
	})
	if err != nil {
		return nil, err
	}
	at := usersPath + u.ID.String()
	return api.CreateUser201JSONResponse{
		Body: shown(u, connections.Summary{}), Headers: api.CreateUser201ResponseHeaders{Location: &at},
	}, nil
}

// GetUser implements the generated interface.
func (s *server) GetUser(ctx context.Context, r api.GetUserRequestObject) (api.GetUserResponseObject, error) {
	u, err := s.users.Get(ctx, r.UserID)
	if err != nil {
		return nil, err
	}
	items, err := s.withConnections(ctx, u)
	if err != nil {
		return nil, err
	}
	return api.GetUser200JSONResponse(items[0]), nil
}

// UpdateUser implements the generated interface.
func (s *server) UpdateUser(ctx context.Context, r api.UpdateUserRequestObject) (api.UpdateUserResponseObject, error) {
	u, err := s.users.Update(ctx, r.UserID, users.Changes{
		ExternalUserID: users.Change(r.Body.ExternalUserID), FirstName: users.Change(r.Body.FirstName),
		LastName: users.Change(r.Body.LastName), Email: users.Change(r.Body.Email),
		TimeZone: users.Change(r.Body.TimeZone),
	})
	if err != nil {
		return nil, err
	}
	items, err := s.withConnections(ctx, u)
	if err != nil {
		return nil, err
	}
	return api.UpdateUser200JSONResponse(items[0]), nil
}

// DeleteUser implements the generated interface.
func (s *server) DeleteUser(ctx context.Context, r api.DeleteUserRequestObject) (api.DeleteUserResponseObject, error) {
	e, err := s.o.Erasures.Accept(ctx, r.UserID)
	if err != nil {
		return nil, err
	}
	s.o.Keys.Forget()
	at := erasuresPath + e.ID.String()
	return api.DeleteUser202JSONResponse{Body: shownErasure(e), Headers: api.DeleteUser202ResponseHeaders{Location: &at}}, nil
}

// GetErasure implements the generated interface.
func (s *server) GetErasure(ctx context.Context, r api.GetErasureRequestObject) (api.GetErasureResponseObject, error) {
	e, err := s.o.Erasures.Get(ctx, r.ErasureID)
	if err != nil {
		return nil, err
	}
	return api.GetErasure200JSONResponse(shownErasure(e)), nil
}

func (s *server) withConnections(ctx context.Context, list ...users.User) ([]api.User, error) {
	ids := make([]uuid.UUID, len(list))
	for i, u := range list {
		ids[i] = u.ID
	}
	known, err := s.connections.Summaries(ctx, ids)
	if err != nil {
		return nil, err
	}
	items := make([]api.User, len(list))
	for i, u := range list {
		items[i] = shown(u, known[u.ID])
	}
	return items, nil
}

func shown(u users.User, c connections.Summary) api.User {
	return api.User{
		ID: u.ID, ExternalUserID: u.ExternalUserID, FirstName: u.FirstName, LastName: u.LastName, Email: u.Email,
		TimeZone: u.TimeZone, TimeZoneSource: u.ZoneSource, TimeZoneSince: utc(u.ZoneSince),
		CreatedAt: u.CreatedAt.UTC(), UpdatedAt: u.UpdatedAt.UTC(),
		LastSyncedAt: utc(c.LastSyncedAt), LastSyncedProvider: c.LastSyncedProvider, HasActiveConnection: c.Active,
	}
}

func shownErasure(e erasure.Erasure) api.Erasure {
	out := api.Erasure{
		ErasureID: e.ID, State: api.ErasureState(e.State), RequestedAt: e.RequestedAt.UTC(), FinishedAt: utc(e.FinishedAt),
		Counts: e.Erased(), MessagesLeft: e.Left, Attempts: e.Attempts, LastError: e.LastError,
	}
	if r := e.Receipt; r != nil {
		out.Receipt = &api.Receipt{ErasureID: r.ErasureID, UserSha256: r.UserSHA256, Counts: r.Counts, RequestedAt: r.Requested, FinishedAt: r.Finished}
	}
	return out
}
