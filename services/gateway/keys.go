package gateway

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/stridelog/stridelog/services/gateway/internal/apikey"
	"github.com/stridelog/stridelog/services/gateway/internal/audit"
)

// APIKeys is what an operator's command does with the API keys of an installation, beside
// running gateways. It notes every change in the audit.
type APIKeys struct {
	keys  *apikey.Store
	audit *audit.Store
}

// NewAPIKeys works on the gateway's database, which a gateway has migrated.
func NewAPIKeys(db *pgxpool.Pool) *APIKeys {
	return &APIKeys{keys: apikey.NewStore(db), audit: audit.NewStore(db)}
}

// APIKey is a key as it may be shown.
type APIKey struct {
	ID                    uuid.UUID
	Name, Prefix          string // Prefix is empty for a key of before it was kept
	Scopes                string // in words
	Bound                 bool
	Users                 []uuid.UUID
	ExpiresAt, LastUsedAt *time.Time
}

// APIKeyDraft is a key to be made.
type APIKeyDraft struct {
	Name      string
	Scopes    []string
	Users     []uuid.UUID // nil: everybody
	ExpiresAt *time.Time  // nil: never
	PerMinute *int        // requests; nil: what the configuration says
}

// Create makes a key; its secret cannot be had again.
func (a *APIKeys) Create(ctx context.Context, d APIKeyDraft) (k APIKey, secret string, err error) {
	scopes, err := apikey.ParseScopes(d.Scopes, apikey.Scopes())
	if err != nil {
		return APIKey{}, "", fmt.Errorf("the list of scopes %w", err)
	}
	err = a.noted(ctx, "key.created", "", func() (string, error) {
		made, s, err := a.keys.Create(ctx, apikey.Draft{Name: d.Name, Scopes: scopes, Users: d.Users, ExpiresAt: d.ExpiresAt, PerMinute: d.PerMinute})
		k, secret = shown(made), s
		return made.ID.String(), err
	})
	return k, secret, err
}

// List is every key, the newest first.
func (a *APIKeys) List(ctx context.Context) ([]APIKey, error) {
	keys, err := a.keys.List(ctx)
	list := make([]APIKey, len(keys))
	for i, k := range keys {
		list[i] = shown(k)
	}
	return list, err
}

// Rotate gives a key a new secret; the one before goes on working for the overlap.
func (a *APIKeys) Rotate(ctx context.Context, id uuid.UUID, overlap time.Duration) (secret string, err error) {
	err = a.noted(ctx, "key.rotated", id.String(), func() (string, error) {
		_, secret, err = a.keys.Rotate(ctx, id, overlap)
		return "", err
	})
	return secret, err
}

// Revoke ends a key and the tokens that it issued.
func (a *APIKeys) Revoke(ctx context.Context, id uuid.UUID) error {
	return a.noted(ctx, "key.revoked", id.String(), func() (string, error) { return "", a.keys.Revoke(ctx, id) })
}

// noted makes a change between its record in the audit and the record's completion.
func (a *APIKeys) noted(ctx context.Context, action, object string, change func() (made string, err error)) error {
	sequence, err := a.audit.Begin(ctx, audit.Entry{Actor: audit.ActorCommand, Action: action, ObjectID: object})
	if err != nil {
		return err
	}
	made, err := change()
	o := audit.Outcome{Status: audit.Done, ObjectID: made}
	if err != nil {
		o = audit.Outcome{Status: audit.Failed}
	}
	if ended := a.audit.End(ctx, sequence, o); err == nil {
		err = ended
	}
	return err
}

func shown(k apikey.Key) APIKey {
	out := APIKey{ID: k.ID, Name: k.Name, Scopes: apikey.Join(k.Scopes), Bound: k.Bound, Users: k.Users, ExpiresAt: k.ExpiresAt, LastUsedAt: k.LastUsedAt}
	if k.Prefix != nil {
		out.Prefix = *k.Prefix
	}
	return out
}
