// Package audit keeps who made, changed, ended and erased what.
package audit

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/stridelog/stridelog/services/gateway/internal/cursor"
	"github.com/stridelog/stridelog/services/gateway/internal/problem"
)

// ActorCommand is an operator's command, on a machine of the system. The other actors are
// the kinds of apikey, and anybody.
const ActorCommand = "command"

// What a command answers, as HTTP would.
const (
	Done   = 200
	Failed = 500
)

// Entry is a change that is about to be made.
type Entry struct {
	Actor     string     // the kind of the caller
	KeyID     *uuid.UUID // of the key or token
	Action    string     // such as user.created
	UserID    *uuid.UUID // whom it concerns; one who does not exist is left out
	ObjectID  string     // what is changed, where it has an id of its own
	RequestID string
}

// Outcome is what came of it.
type Outcome struct {
	Status   int
	UserID   *uuid.UUID // who was made
	ObjectID string     // what was made
}

// Record is an entry as it is read.
type Record struct {
	Sequence  int64
	At        time.Time
	Actor     string
	KeyID     *uuid.UUID
	KeyName   *string // nil where there is no key or it has ended
	Action    string
	UserID    *uuid.UUID
	ErasureID *uuid.UUID // in place of UserID, once the person is erased
	ObjectID  *string
	RequestID *string
	Status    *int // nil: the process ended before it could answer
}

// Store is the table of records.
type Store struct{ db *pgxpool.Pool }

// NewStore uses the pool.
func NewStore(db *pgxpool.Pool) *Store { return &Store{db} }

// A person who is being erased is locked until that is committed, and not there afterwards:
// so no record names somebody who is gone.
const present = `(SELECT id FROM gateway.users WHERE id = %s FOR KEY SHARE)`

// Begin notes a change before it is made, and gives the record's sequence for End.
func (s *Store) Begin(ctx context.Context, e Entry) (sequence int64, err error) {
	err = s.db.QueryRow(ctx, `INSERT INTO gateway.audit (actor, key_id, action, user_id, object_id, request_id)
		VALUES ($1, $2, $3, `+fmt.Sprintf(present, "$4")+`, nullif($5, ''), nullif($6, '')) RETURNING sequence`,
		e.Actor, e.KeyID, e.Action, e.UserID, e.ObjectID, e.RequestID).Scan(&sequence)
	if err != nil {
		return 0, fmt.Errorf("note %s in the audit: %w", e.Action, err)
	}
	return sequence, nil
}

// End completes a record with what came of the change.
func (s *Store) End(ctx context.Context, sequence int64, o Outcome) error {
	_, err := s.db.Exec(ctx, `UPDATE gateway.audit SET status = $2, object_id = coalesce(nullif($3, ''), object_id),
		user_id = coalesce(user_id, `+fmt.Sprintf(present, "$4")+`) WHERE sequence = $1`, sequence, o.Status, o.ObjectID, o.UserID)
	if err != nil {
		return fmt.Errorf("complete record %d of the audit: %w", sequence, err)
	}
	return nil
}

// Forget puts an erasure in place of a person, in the transaction that erases them.
func Forget(ctx context.Context, tx pgx.Tx, user, erasure uuid.UUID) error {
	_, err := tx.Exec(ctx, `UPDATE gateway.audit SET user_id = NULL, erasure_id = $2 WHERE user_id = $1`, user, erasure)
	return err
}

// List is one page, the newest first, and the number on all pages.
func (s *Store) List(ctx context.Context, word string, limit int) ([]Record, cursor.Page, int, error) {
	filter := cursor.NewFilter("audit")
	at, err := filter.Start(word)
	if err != nil || at != nil && place(*at) > math.MaxInt64 {
		return nil, cursor.Page{}, 0, problem.InvalidCursor("list")
	}
	total, read, err := s.read(ctx, at, limit+1)
	if err != nil {
		return nil, cursor.Page{}, 0, fmt.Errorf("read the audit: %w", err)
	}
	backwards := at != nil && at.Backwards
	places := make([]cursor.Place, len(read))
	for i, r := range read {
		binary.BigEndian.PutUint64(places[i].ID[:], uint64(r.Sequence))
	}
	page := filter.Page(at, limit, places, cursor.Total{})
	read = read[:page.Count]
	if backwards {
		slices.Reverse(read)
	}
	return read, page, total, nil
}

// read is in the order of the reading: towards older records, or towards newer ones.
func (s *Store) read(ctx context.Context, at *cursor.Place, limit int) (total int, read []Record, err error) {
	if err := s.db.QueryRow(ctx, `SELECT count(*) FROM gateway.audit`).Scan(&total); err != nil {
		return 0, nil, err
	}
	where, from := `a.sequence < $2 ORDER BY a.sequence DESC`, int64(math.MaxInt64)
	if at != nil {
		from = int64(place(*at))
		if at.Backwards {
			where = `a.sequence > $2 ORDER BY a.sequence`
		}
	}
	rows, err := s.db.Query(ctx, `SELECT a.sequence, a.at, a.actor, a.key_id, k.name, a.action, a.user_id, a.erasure_id, a.object_id, a.request_id, a.status
		FROM gateway.audit a LEFT JOIN gateway.api_keys k ON k.id = a.key_id AND k.kind = 'key' WHERE `+where+` LIMIT $1`, limit, from)
	if err != nil {
		return 0, nil, err
	}
	read, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (r Record, err error) {
		err = row.Scan(&r.Sequence, &r.At, &r.Actor, &r.KeyID, &r.KeyName, &r.Action, &r.UserID, &r.ErasureID, &r.ObjectID, &r.RequestID, &r.Status)
		return r, err
	})
	return total, read, err
}

// place is the sequence in a cursor, kept where other lists have the id of a row.
func place(p cursor.Place) uint64 { return binary.BigEndian.Uint64(p.ID[:]) }
