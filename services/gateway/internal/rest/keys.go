package rest

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"

	"github.com/stridelog/stridelog/services/gateway/internal/api"
	"github.com/stridelog/stridelog/services/gateway/internal/apikey"
	"github.com/stridelog/stridelog/services/gateway/internal/audit"
	"github.com/stridelog/stridelog/services/gateway/internal/problem"
	"github.com/stridelog/stridelog/services/gateway/internal/users"
)

const (
	keysPath     = "/api/v1/keys/"
	defaultToken = 3600 // seconds
)

// CreateKey implements the generated interface.
func (s *server) CreateKey(ctx context.Context, r api.CreateKeyRequestObject) (api.CreateKeyResponseObject, error) {
	scopes, err := apikey.ParseScopes(texts(r.Body.Scopes), apikey.Scopes())
	if err != nil {
		return nil, problem.InvalidField("scopes", err.Error())
	}
	k, secret, err := s.keys.Create(ctx, apikey.Draft{
		Name: r.Body.Name, Scopes: scopes, Users: or(r.Body.UserIds, nil), ExpiresAt: r.Body.ExpiresAt, PerMinute: r.Body.RequestsPerMinute,
	})
	if err != nil {
		return nil, keyFault(err)
	}
	uncompressed(ctx)
	at := keysPath + k.ID.String()
	return api.CreateKey201JSONResponse{Body: made(k, secret), Headers: api.CreateKey201ResponseHeaders{Location: &at}}, nil
}

// ListKeys implements the generated interface.
func (s *server) ListKeys(ctx context.Context, _ api.ListKeysRequestObject) (api.ListKeysResponseObject, error) {
	keys, err := s.keys.List(ctx)
	if err != nil {
		return nil, err
	}
	out := api.ListKeys200JSONResponse{Data: make([]api.Key, len(keys))}
	for i, k := range keys {
		out.Data[i] = shownKey(k)
	}
	return out, nil
}

// RotateKey implements the generated interface.
func (s *server) RotateKey(ctx context.Context, r api.RotateKeyRequestObject) (api.RotateKeyResponseObject, error) {
	k, secret, err := s.keys.Rotate(ctx, r.KeyID, time.Duration(r.Body.OverlapSeconds)*time.Second)
	if err != nil {
		return nil, keyFault(err)
	}
	s.o.Keys.Forget()
	uncompressed(ctx)
	return api.RotateKey200JSONResponse(made(k, secret)), nil
}

// RevokeKey implements the generated interface.
func (s *server) RevokeKey(ctx context.Context, r api.RevokeKeyRequestObject) (api.RevokeKeyResponseObject, error) {
	if err := s.keys.Revoke(ctx, r.KeyID); err != nil {
		return nil, keyFault(err)
	}
	s.o.Keys.Forget()
	return api.RevokeKey204Response{}, nil
}

// uncompressed marks an answer that holds a secret.
func uncompressed(ctx context.Context) {
	if c, ok := ctx.(*gin.Context); ok {
		withSecret(c.Writer.Header())
	}
}

// IssueToken implements the generated interface. A key gives no scope that it lacks.
func (s *server) IssueToken(ctx context.Context, r api.IssueTokenRequestObject) (api.IssueTokenResponseObject, error) {
	scopes, err := apikey.ParseScopes(texts(r.Body.Scopes), apikey.TokenScopes())
	if err != nil {
		return nil, problem.InvalidField("scopes", err.Error())
	}
	by := accessOf(ctx)
	if i := slices.IndexFunc(scopes, func(scope apikey.Scope) bool { return !by.Has(scope) }); i >= 0 {
		p := problem.New(http.StatusForbidden, problem.CodeForbidden,
			"The key lacks the scope "+string(scopes[i])+", so it cannot give it to a token: leave it out, or use a key that has it.")
		p.Reason, p.Errors = reasonScope, []problem.Field{{Field: "scopes", Message: "has " + string(scopes[i]) + ", which the key lacks"}}
		return nil, p
	}
	life := time.Duration(or(r.Body.ExpiresIn, defaultToken)) * time.Second
	id, secret, ends, err := s.keys.Token(ctx, by, r.UserID, scopes, life)
	switch {
	case errors.Is(err, apikey.ErrUnknownUser):
		return nil, users.NotFound()
	case err != nil:
		return nil, err
	}
	if c, ok := ctx.(*gin.Context); ok {
		c.Set(keyMade, id.String())
	}
	uncompressed(ctx)
	return api.IssueToken201JSONResponse{Token: secret, UserID: r.UserID, Scopes: scopeNames(scopes), ExpiresAt: ends}, nil
}

// ListAudit implements the generated interface.
func (s *server) ListAudit(ctx context.Context, r api.ListAuditRequestObject) (api.ListAuditResponseObject, error) {
	list, page, total, err := s.audit.List(ctx, or(r.Params.Cursor, ""), or(r.Params.Limit, defaultRows))
	if err != nil {
		return nil, err
	}
	data := make([]api.AuditRecord, len(list))
	for i, one := range list {
		data[i] = shownRecord(one)
	}
	return api.ListAudit200JSONResponse{Data: data, Pagination: api.Pagination{
		NextCursor: page.Next, PreviousCursor: page.Previous, HasMore: page.HasMore, TotalCount: total,
	}}, nil
}

func shownRecord(r audit.Record) api.AuditRecord {
	return api.AuditRecord{
		Sequence: r.Sequence, At: r.At.UTC(), Actor: api.AuditRecordActor(r.Actor), KeyID: r.KeyID, KeyName: r.KeyName, Action: r.Action,
		UserID: r.UserID, ErasureID: r.ErasureID, ObjectID: r.ObjectID, RequestID: r.RequestID, Status: r.Status,
	}
}

func shownKey(k apikey.Key) api.Key {
	out := api.Key{
		ID: k.ID, Name: k.Name, Prefix: k.Prefix, Scopes: scopeNames(k.Scopes), RequestsPerMinute: k.PerMinute,
		CreatedAt: k.CreatedAt.UTC(), ExpiresAt: utc(k.ExpiresAt), LastUsedAt: utc(k.LastUsedAt), RotatedUntil: utc(k.RotatedUntil),
	}
	if k.Bound {
		ids := append([]uuid.UUID{}, k.Users...)
		out.UserIds = &ids
	}
	return out
}

func made(k apikey.Key, secret string) api.NewKey {
	s := shownKey(k)
	return api.NewKey{
		ID: s.ID, Key: secret, Name: s.Name, Prefix: s.Prefix, Scopes: s.Scopes, UserIds: s.UserIds, RequestsPerMinute: s.RequestsPerMinute,
		CreatedAt: s.CreatedAt, ExpiresAt: s.ExpiresAt, LastUsedAt: s.LastUsedAt, RotatedUntil: s.RotatedUntil,
	}
}

func keyFault(err error) error {
	var field string
	switch {
	case errors.Is(err, apikey.ErrNotFound):
		return problem.NotFound("key")
	case errors.Is(err, apikey.ErrUnknownUser):
		return problem.InvalidField("user_ids", "names a user who does not exist: check the ids")
	case errors.Is(err, apikey.ErrMustBeBound), errors.Is(err, apikey.ErrAdminBound):
		field = "user_ids"
	case errors.Is(err, apikey.ErrOver):
		field = "expires_at"
	default:
		return err
	}
	p := problem.New(http.StatusBadRequest, problem.CodeInvalidRequest, "It cannot be made: "+err.Error()+".")
	p.Errors = []problem.Field{{Field: field, Message: err.Error()}}
	return p
}

func scopeNames(scopes []apikey.Scope) []api.Scope {
	names := make([]api.Scope, len(scopes))
	for i, s := range scopes {
		names[i] = api.Scope(s)
	}
	return names
}

func texts[T ~string](list []T) []string {
	out := make([]string, len(list))
	for i, t := range list {
		out[i] = string(t)
	}
	return out
}
