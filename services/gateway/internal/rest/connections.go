package rest

import (
	"context"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/events/rpc"
	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/services/gateway/internal/api"
	"github.com/stridelog/stridelog/services/gateway/internal/connections"
	"github.com/stridelog/stridelog/services/gateway/internal/problem"
)

// maxHistoricalDays is how far back a historical sync may reach.
const maxHistoricalDays = 3650

// ListProviders implements the generated interface.
func (s *server) ListProviders(ctx context.Context, r api.ListProvidersRequestObject) (api.ListProvidersResponseObject, error) {
	answer, err := bus.Call[rpc.ProvidersRequest, rpc.ProvidersResponse](ctx, s.o.Bus, rpc.OAuthProviders, rpc.ProvidersRequest{})
	if err != nil {
		return nil, err
	}
	list := make(api.ListProviders200JSONResponse, 0, len(answer.Providers))
	for _, p := range answer.Providers {
		item := api.Provider{
			Name: p.Name, Provider: p.Name, DisplayName: p.DisplayName, Enabled: p.Enabled, IsEnabled: p.Enabled, Status: p.Status, Capabilities: p.Capabilities,
			HasCloudAPI: slices.Contains(p.Capabilities, provider.CapabilityActivities),
		}
		if or(r.Params.EnabledOnly, "") == api.ListProvidersParamsEnabledOnlyTrue && !item.IsEnabled || or(r.Params.CloudOnly, "") == api.ListProvidersParamsCloudOnlyTrue && !item.HasCloudAPI {
			continue
		}
		if p.Notice != "" {
			item.Notice = &p.Notice
		}
		if item.Capabilities == nil {
			item.Capabilities = []string{}
		}
		list = append(list, item)
	}
	return list, nil
}

// Authorize implements the generated interface.
func (s *server) Authorize(ctx context.Context, r api.AuthorizeRequestObject) (api.AuthorizeResponseObject, error) {
	if err := s.known(r.Provider); err != nil {
		return nil, err
	}
	if err := s.users.MustExist(ctx, r.Params.UserID); err != nil {
		return nil, err
	}
	answer, err := bus.Call[rpc.AuthorizeRequest, rpc.AuthorizeResponse](ctx, s.o.Bus, rpc.OAuthAuthorize, rpc.AuthorizeRequest{
		Provider: r.Provider, UserID: r.Params.UserID.String(), RedirectURI: or(r.Params.RedirectURI, ""),
	})
	if err != nil {
		return nil, err
	}
	// The URL goes out with its ampersands: people copy it from a terminal.
	body, err := problem.Encode(api.Authorization{AuthorizationURL: answer.AuthorizationURL, State: answer.State})
	if err != nil {
		return nil, err
	}
	return document{body: body, secret: true}, nil
}

// OauthCallback implements the generated interface.
func (s *server) OauthCallback(ctx context.Context, r api.OauthCallbackRequestObject) (api.OauthCallbackResponseObject, error) {
	if err := s.known(r.Provider); err != nil {
		return nil, err
	}
	code, refused := or(r.Params.Code, ""), or(r.Params.Error, "")
	if (code == "") == (refused == "") {
		return nil, problem.InvalidField("code", "a callback has either code or error: start the consent again")
	}
	answer, err := bus.Call[rpc.CallbackRequest, rpc.CallbackResponse](ctx, s.o.Bus, rpc.OAuthCallback, rpc.CallbackRequest{
		Provider: r.Provider, State: r.Params.State, Code: code, ProviderError: refused,
	})
	if err != nil {
		return nil, err
	}
	back, err := returnAddress(answer)
	if err != nil {
		return nil, err
	}
	return api.OauthCallback303Response{Headers: api.OauthCallback303ResponseHeaders{Location: &back}}, nil
}

// returnAddress is the client's redirect_uri, or our own page where the client gave
// none, with the outcome in its query; what the client put there stays.
func returnAddress(a rpc.CallbackResponse) (string, error) {
	address := a.RedirectURI
	if address == "" {
		address = connectedFromCallback
	}
	u, err := url.Parse(address)
	if err != nil || (a.RedirectURI != "" && u.Scheme == "") {
		return "", &rpc.Error{Code: rpc.CodeInternal, Detail: "oauth answered a callback with a redirect_uri that is no address."}
	}
	outcome := url.Values{"provider": {a.Provider}}
	for name, value := range map[string]string{
		"status": string(a.Status), "connection_id": a.ConnectionID, "error": a.ErrorCode, "reason": a.Reason,
	} {
		if value != "" {
			outcome.Set(name, value)
		}
	}
	if u.RawQuery != "" {
		u.RawQuery += "&"
	}
	u.RawQuery += outcome.Encode()
	return u.String(), nil
}

// ListConnections implements the generated interface.
func (s *server) ListConnections(ctx context.Context, r api.ListConnectionsRequestObject) (api.ListConnectionsResponseObject, error) {
	if err := s.users.MustExist(ctx, r.UserID); err != nil {
		return nil, err
	}
	list, err := s.connections.List(ctx, r.UserID)
	if err != nil {
		return nil, err
	}
	out := make(api.ListConnections200JSONResponse, len(list))
	for i, c := range list {
		out[i] = api.Connection{
			ID: c.ID, UserID: c.UserID, Provider: c.Provider, Status: api.ConnectionStatus(c.Status), Since: c.Since.UTC(),
			Reason: c.Reason, NextAction: c.NextAction, ProviderUserID: c.ProviderUserID, Scopes: c.Scope,
			LastSyncedAt: utc(c.LastSyncedAt), NextSyncAt: utc(c.NextSyncAt), CreatedAt: c.CreatedAt.UTC(), UpdatedAt: c.UpdatedAt.UTC(),
			MaxHistoricalDays: maxHistoricalDays, RestPull: true, LinkedConnectionIds: c.Linked, Coverage: make([]api.Coverage, len(c.Coverage)),
		}
		if len(c.Scope) == 0 {
			out[i].Scopes = []string{}
		} else {
			scope := strings.Join(c.Scope, " ")
			out[i].Scope = &scope
		}
		out[i].MissingScopes = []string{}
		if missing := s.missingScopes(c); len(missing) > 0 {
			path := "/api/v1/oauth/" + c.Provider + "/authorize?user_id=" + c.UserID.String()
			out[i].MissingScopes, out[i].ConsentPath = missing, &path
		}
		if c.Linked == nil {
			out[i].LinkedConnectionIds = []uuid.UUID{}
		}
		for j, s := range c.Coverage {
			out[i].Coverage[j] = api.Coverage{Kind: s.Kind, From: s.From.UTC(), Until: s.Until.UTC()}
		}
	}
	return out, nil
}

// missingScopes are those for which some source of a living connection rests.
func (s *server) missingScopes(c connections.Connection) []string {
	if c.Status == events.StatusRevoked || c.Status == events.StatusProviderRetired {
		return nil
	}
	for _, d := range s.o.Catalog {
		if d.Name == c.Provider {
			return d.Needs.Missing(c.Scope)
		}
	}
	return nil
}

// Disconnect implements the generated interface.
func (s *server) Disconnect(ctx context.Context, r api.DisconnectRequestObject) (api.DisconnectResponseObject, error) {
	if err := s.known(r.Provider); err != nil {
		return nil, err
	}
	if err := s.users.MustExist(ctx, r.UserID); err != nil {
		return nil, err
	}
	answer, err := bus.Call[rpc.DisconnectRequest, rpc.DisconnectResponse](ctx, s.o.Bus, rpc.OAuthDisconnect, rpc.DisconnectRequest{
		Provider: r.Provider, UserID: r.UserID.String(),
	})
	if err != nil {
		return nil, err
	}
	id, err := uuid.Parse(answer.ConnectionID)
	if err != nil {
		return nil, err
	}
	return api.Disconnect200JSONResponse{ConnectionID: id, Status: api.ConnectionStatus(answer.Status)}, nil
}

func utc(t *time.Time) *time.Time {
	if t == nil {
		return nil
	}
	u := t.UTC()
	return &u
}
