package apikey

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// The faults of a caller.
var (
	ErrNotFound    = errors.New("there is no such API key")
	ErrUnknownUser = errors.New("a user to be bound to does not exist")
	ErrMustBeBound = errors.New("a key with the scope push or connect must be bound to users; name them in user_ids")
	ErrAdminBound  = errors.New("a key with the scope admin reaches everybody and cannot be bound to users")
	ErrOver        = errors.New("expires_at is not in the future")
)

// Draft is a key to be made.
type Draft struct {
	Name      string
	Scopes    []Scope
	Users     []uuid.UUID // nil: not bound
	ExpiresAt *time.Time  // nil: never
	PerMinute *int        // requests; nil: what the configuration says
}

// check says what no key may be.
func (d Draft) check(now time.Time) error {
	if d.ExpiresAt != nil && !d.ExpiresAt.After(now) {
		return ErrOver
	}
	for _, s := range d.Scopes {
		switch {
		case s == Admin && len(d.Users) > 0:
			return ErrAdminBound
		case (s == Push || s == Connect) && len(d.Users) == 0:
			return ErrMustBeBound
		}
	}
	return nil
}

// Key is what anybody may know of a key.
type Key struct {
	ID         uuid.UUID
	Name       string
	Prefix     *string // the first characters of its secret; nil for one of before they were kept
	Scopes     []Scope
	Bound      bool
	Users      []uuid.UUID
	PerMinute  *int
	CreatedAt  time.Time
	ExpiresAt  *time.Time
	LastUsedAt *time.Time // to the minute
	// RotatedUntil is how long the secret before the last rotation goes on working.
	RotatedUntil *time.Time
}

// Store keeps the keys.
type Store struct{ db *pgxpool.Pool }

// NewStore uses the pool.
func NewStore(db *pgxpool.Pool) *Store { return &Store{db} }

// Create makes a key. Its secret is not stored and cannot be had again.
func (s *Store) Create(ctx context.Context, d Draft) (k Key, secret string, err error) {
	if err := d.check(time.Now()); err != nil {
		return Key{}, "", err
	}
	id := uuid.New()
	err = pgx.BeginFunc(ctx, s.db, func(tx pgx.Tx) error {
		if secret, err = insert(ctx, tx, row{id: id, kind: KindKey, Draft: d}); err != nil {
			return err
		}
		k, err = get(ctx, tx, id)
		return err
	})
	if err != nil {
		return Key{}, "", fault("make an API key", err)
	}
	return k, secret, nil
}

// Token makes a token of one person, which ends by itself.
func (s *Store) Token(ctx context.Context, by *Access, user uuid.UUID, scopes []Scope, life time.Duration) (id uuid.UUID, secret string, ends time.Time, err error) {
	id, ends = uuid.New(), time.Now().Add(life).UTC().Truncate(time.Microsecond)
	r := row{id: id, kind: KindToken, Draft: Draft{Name: "token", Scopes: scopes, Users: []uuid.UUID{user}, ExpiresAt: &ends}}
	if by.Kind == KindKey {
		r.issuer = &by.ID
	}
	err = pgx.BeginFunc(ctx, s.db, func(tx pgx.Tx) error {
		// Tokens that are over go with the next that is made, so that nothing gathers.
		if _, err := tx.Exec(ctx, `DELETE FROM gateway.api_keys WHERE kind = 'token' AND expires_at < now()`); err != nil {
			return err
		}
		secret, err = insert(ctx, tx, r)
		return err
	})
	if err != nil {
		return uuid.Nil, "", time.Time{}, fault("make a token", err)
	}
	return id, secret, ends, nil
}

// row is a key or a token to be stored.
type row struct {
	Draft
	id     uuid.UUID
	kind   Kind
	issuer *uuid.UUID // the key that asked for a token; nil for the configured one
}

func insert(ctx context.Context, tx pgx.Tx, r row) (secret string, err error) {
	names := make([]string, len(r.Scopes))
	for i, s := range r.Scopes {
		names[i] = string(s)
	}
	_, err = tx.Exec(ctx, `INSERT INTO gateway.api_keys (id, kind, name, scopes, bound, expires_at, requests_per_minute, issued_by)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`, r.id, r.kind, r.Name, names, len(r.Users) > 0, r.ExpiresAt, r.PerMinute, r.issuer)
	if err != nil {
		return "", err
	}
	for _, user := range r.Users {
		if _, err := tx.Exec(ctx, `INSERT INTO gateway.api_key_users (key_id, user_id) VALUES ($1, $2) ON CONFLICT DO NOTHING`, r.id, user); err != nil {
			return "", err
		}
	}
	prefix := keyPrefix
	if r.kind == KindToken {
		prefix = tokenPrefix
	}
	return addSecret(ctx, tx, r.id, prefix)
}

func addSecret(ctx context.Context, tx pgx.Tx, key uuid.UUID, prefix string) (string, error) {
	secret, shown := newSecret(prefix)
	s := sumOf(secret)
	_, err := tx.Exec(ctx, `INSERT INTO gateway.api_key_secrets (hash, key_id, prefix) VALUES ($1, $2, $3)`, s[:], key, shown)
	return secret, err
}

const columns = `k.id, k.name, k.scopes, k.bound, k.requests_per_minute, k.created_at, k.expires_at, k.last_used_at,
	array(SELECT user_id FROM gateway.api_key_users WHERE key_id = k.id ORDER BY user_id),
	(SELECT prefix FROM gateway.api_key_secrets WHERE key_id = k.id AND valid_until IS NULL),
	(SELECT max(valid_until) FROM gateway.api_key_secrets WHERE key_id = k.id AND valid_until > now())`

func scan(r pgx.CollectableRow) (Key, error) {
	var (
		k      Key
		scopes []string
	)
	err := r.Scan(&k.ID, &k.Name, &scopes, &k.Bound, &k.PerMinute, &k.CreatedAt, &k.ExpiresAt, &k.LastUsedAt, &k.Users, &k.Prefix, &k.RotatedUntil)
	for _, name := range scopes {
		k.Scopes = append(k.Scopes, Scope(name))
	}
	return k, err
}

type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

func get(ctx context.Context, q querier, id uuid.UUID) (Key, error) {
	rows, err := q.Query(ctx, `SELECT `+columns+` FROM gateway.api_keys k WHERE k.kind = 'key' AND k.id = $1`, id)
	if err != nil {
		return Key{}, err
	}
	return pgx.CollectExactlyOneRow(rows, scan)
}

// List is every key, the newest first. Tokens are not in it.
func (s *Store) List(ctx context.Context) ([]Key, error) {
	rows, err := s.db.Query(ctx, `SELECT `+columns+` FROM gateway.api_keys k WHERE k.kind = 'key' ORDER BY k.created_at DESC, k.id`)
	if err != nil {
		return nil, fmt.Errorf("list the API keys: %w", err)
	}
	keys, err := pgx.CollectRows(rows, scan)
	if err != nil {
		return nil, fmt.Errorf("list the API keys: %w", err)
	}
	return keys, nil
}

// Revoke ends a key with all its secrets, and the tokens that it issued.
func (s *Store) Revoke(ctx context.Context, id uuid.UUID) error {
	tag, err := s.db.Exec(ctx, `DELETE FROM gateway.api_keys WHERE kind = 'key' AND id = $1`, id)
	if err != nil {
		return fault("end an API key", err)
	}
	if tag.RowsAffected() == 0 {
		return ErrNotFound
	}
	return nil
}

// Rotate gives a key a new secret. The one before goes on working for the overlap; those
// that were rotated earlier keep their own end, if that is sooner.
func (s *Store) Rotate(ctx context.Context, id uuid.UUID, overlap time.Duration) (k Key, secret string, err error) {
	err = pgx.BeginFunc(ctx, s.db, func(tx pgx.Tx) error {
		var one uuid.UUID
		if err := tx.QueryRow(ctx, `SELECT id FROM gateway.api_keys WHERE kind = 'key' AND id = $1 FOR UPDATE`, id).Scan(&one); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `UPDATE gateway.api_key_secrets SET valid_until = least(valid_until, now() + $2) WHERE key_id = $1`, id, overlap); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `DELETE FROM gateway.api_key_secrets WHERE key_id = $1 AND valid_until <= now()`, id); err != nil {
			return err
		}
		if secret, err = addSecret(ctx, tx, id, keyPrefix); err != nil {
			return err
		}
		k, err = get(ctx, tx, id)
		return err
	})
	if err != nil {
		return Key{}, "", fault("rotate an API key", err)
	}
	return k, secret, nil
}

// foreignKeyViolation is what PostgreSQL says of a user who does not exist.
const foreignKeyViolation = "23503"

func fault(what string, err error) error {
	var pg *pgconn.PgError
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return ErrNotFound
	case errors.As(err, &pg) && pg.Code == foreignKeyViolation:
		return ErrUnknownUser
	}
	return fmt.Errorf("%s: %w", what, err)
}
