// Package users keeps the people of the client's app.
package users

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/stridelog/stridelog/services/gateway/internal/problem"
)

// User is one person.
type User struct {
	ID             uuid.UUID
	ExternalUserID *string
	FirstName      *string
	LastName       *string
	Email          *string
	TimeZone       *string // IANA name
	ZoneSource     *string // who said it: client, import; null without a zone
	ZoneSince      *time.Time
	CreatedAt      time.Time
	UpdatedAt      time.Time
}

// Change is a member that a patch names: a text, or null to empty it.
type Change struct {
	Given bool
	Value *string
}

// Changes are the members of a patch.
type Changes struct{ ExternalUserID, FirstName, LastName, Email, TimeZone Change }

// Store is the table of users.
type Store struct{ db *pgxpool.Pool }

// NewStore uses the pool.
func NewStore(db *pgxpool.Pool) *Store { return &Store{db: db} }

const columns = `id, external_user_id, first_name, last_name, email, time_zone, time_zone_source, time_zone_since, created_at, updated_at`

// NotFound is the problem of a user that is not there, or not any more.
func NotFound() *problem.Problem { return problem.NotFound("user") }

func scan(row pgx.CollectableRow) (User, error) {
	var u User
	err := row.Scan(&u.ID, &u.ExternalUserID, &u.FirstName, &u.LastName, &u.Email, &u.TimeZone, &u.ZoneSource, &u.ZoneSince, &u.CreatedAt, &u.UpdatedAt)
	return u, err
}

func one(rows pgx.Rows, err error) (User, error) {
	if err != nil {
		return User{}, err
	}
	return pgx.CollectExactlyOneRow(rows, scan)
}

// Create stores a new user. An external id that is taken is a 409, a zone that is not
// known a 400.
func (s *Store) Create(ctx context.Context, u User) (User, error) {
	if err := checkZone(u.TimeZone); err != nil {
		return User{}, err
	}
	rows, err := s.db.Query(ctx, `INSERT INTO gateway.users (id, external_user_id, first_name, last_name, email, time_zone, time_zone_source, time_zone_since)
		VALUES ($1, $2, $3, $4, $5, $6::text, CASE WHEN $6::text IS NOT NULL THEN 'client' END, CASE WHEN $6::text IS NOT NULL THEN now() END)
		RETURNING `+columns, uuid.New(), u.ExternalUserID, u.FirstName, u.LastName, u.Email, u.TimeZone)
	made, err := one(rows, err)
	if err != nil {
		return User{}, fault("create a user", err)
	}
	return made, nil
}

// Get is one user, or a 404.
func (s *Store) Get(ctx context.Context, id uuid.UUID) (User, error) {
	rows, err := s.db.Query(ctx, `SELECT `+columns+` FROM gateway.users WHERE id = $1`, id)
	u, err := one(rows, err)
	if err != nil {
		return User{}, fault("read a user", err)
	}
	return u, nil
}

// ByExternalID is the id of the user whom the client knows by its own id, or a 404.
func (s *Store) ByExternalID(ctx context.Context, externalID string) (id uuid.UUID, err error) {
	if err := s.db.QueryRow(ctx, `SELECT id FROM gateway.users WHERE external_user_id = $1`, externalID).Scan(&id); err != nil {
		return uuid.Nil, fault("find a user by external_user_id", err)
	}
	return id, nil
}

// MustExist is a 404 when the user is not there.
func (s *Store) MustExist(ctx context.Context, id uuid.UUID) error {
	_, err := s.Get(ctx, id)
	return err
}

// Update changes what is given. A zone that stays the same keeps its time_zone_since.
func (s *Store) Update(ctx context.Context, id uuid.UUID, c Changes) (User, error) {
	if err := checkZone(c.TimeZone.Value); err != nil {
		return User{}, err
	}
	rows, err := s.db.Query(ctx, `UPDATE gateway.users SET
		external_user_id = CASE WHEN $2 THEN $3 ELSE external_user_id END,
		first_name = CASE WHEN $4 THEN $5 ELSE first_name END,
		last_name = CASE WHEN $6 THEN $7 ELSE last_name END,
		email = CASE WHEN $8 THEN $9 ELSE email END,
		time_zone = CASE WHEN $10 THEN $11::text ELSE time_zone END,
		time_zone_source = CASE WHEN NOT $10 THEN time_zone_source WHEN $11::text IS NOT NULL THEN 'client' END,
		time_zone_since = CASE WHEN NOT $10 OR time_zone = $11::text THEN time_zone_since WHEN $11::text IS NOT NULL THEN now() END,
		updated_at = now()
		WHERE id = $1 RETURNING `+columns, id,
		c.ExternalUserID.Given, c.ExternalUserID.Value, c.FirstName.Given, c.FirstName.Value,
		c.LastName.Given, c.LastName.Value, c.Email.Given, c.Email.Value, c.TimeZone.Given, c.TimeZone.Value)
	u, err := one(rows, err)
	if err != nil {
		return User{}, fault("change a user", err)
	}
	return u, nil
}

// Query selects and sorts a page of users. SortBy is a column name from the
// API's closed list.
type Query struct {
	Page, Limit int
	Search      string
	// ExternalID and Email, where not empty, are exactly those of the users; the case of
	// an e-mail address does not matter.
	ExternalID, Email string
	SortBy            string
	Ascending         bool
	// Only restricts the list to some people; nil: everybody.
	Only []uuid.UUID
}

// orders are the columns a list may be sorted by.
func orders() map[string]string {
	return map[string]string{
		"created_at": "created_at", "updated_at": "updated_at",
		"first_name": "lower(first_name)", "last_name": "lower(last_name)", "email": "lower(email)",
	}
}

// List is one page and the number of users on all pages.
func (s *Store) List(ctx context.Context, q Query) (page []User, total int, err error) {
	by, ok := orders()[q.SortBy]
	if !ok {
		return nil, 0, fmt.Errorf("list users: no order %q", q.SortBy)
	}
	direction := "DESC NULLS LAST"
	if q.Ascending {
		direction = "ASC NULLS LAST"
	}
	where, args := q.conditions()
	err = pgx.BeginTxFunc(ctx, s.db, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		if err := tx.QueryRow(ctx, `SELECT count(*)`+where, args...).Scan(&total); err != nil {
			return err
		}
		rows, err := tx.Query(ctx, fmt.Sprintf(`SELECT %s%s ORDER BY %s %s, id LIMIT $%d OFFSET $%d`, columns, where, by, direction, len(args)+1, len(args)+2),
			append(args, q.Limit, (q.Page-1)*q.Limit)...)
		if err != nil {
			return err
		}
		page, err = pgx.CollectRows(rows, scan)
		return err
	})
	if err != nil {
		return nil, 0, fmt.Errorf("list users: %w", err)
	}
	return page, total, nil
}

// conditions say which users the query selects.
func (q Query) conditions() (where string, args []any) {
	where = ` FROM gateway.users WHERE true`
	add := func(condition string, value any) {
		args = append(args, value)
		where += " AND " + strings.ReplaceAll(condition, "?", fmt.Sprintf("$%d", len(args)))
	}
	if q.Search != "" {
		pattern := "%" + strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(q.Search) + "%"
		add("(first_name ILIKE ? OR last_name ILIKE ? OR email ILIKE ? OR external_user_id ILIKE ?)", pattern)
	}
	if q.ExternalID != "" {
		add("external_user_id = ?", q.ExternalID)
	}
	if q.Email != "" {
		add("lower(email) = lower(?)", q.Email)
	}
	if q.Only != nil {
		add("id = ANY (?)", q.Only)
	}
	return where, args
}

const uniqueViolation = "23505"

func fault(what string, err error) error {
	var pg *pgconn.PgError
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return NotFound()
	case errors.As(err, &pg) && pg.Code == uniqueViolation:
		p := problem.New(409, problem.CodeConflict, "Another user has this external_user_id: use that user or choose another id.")
		p.Errors = []problem.Field{{Field: "external_user_id", Message: "is taken"}}
		return p
	}
	return fmt.Errorf("%s: %w", what, err)
}
