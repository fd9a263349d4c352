// Package workouts serves workouts from the projector's views and the raw records
// from the log. Documents are passed on as the bytes the projector wrote.
package workouts

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/services/gateway/internal/contract"
	"github.com/stridelog/stridelog/services/gateway/internal/cursor"
	"github.com/stridelog/stridelog/services/gateway/internal/problem"
	"github.com/stridelog/stridelog/services/gateway/internal/users"
)

const projector = "projector"

// Store reads workouts.
type Store struct {
	db  *pgxpool.Pool
	bus *bus.Bus
}

// NewStore reads the views through the pool and raw records through the bus.
func NewStore(db *pgxpool.Pool, b *bus.Bus) *Store { return &Store{db: db, bus: b} }

// Query selects a page of one user's workouts.
type Query struct {
	UserID     uuid.UUID
	Start, End string // as the client wrote them; empty is open
	Type       string
	Provider   string
	Duplicates bool // show the hidden ones too
	Cursor     string
	Limit      int
}

func (q Query) filter() cursor.Filter {
	return cursor.NewFilter("workouts", q.UserID.String(), q.Start, q.End, q.Type, q.Provider, strconv.FormatBool(q.Duplicates))
}

// List is one page as the JSON body of the answer.
func (s *Store) List(ctx context.Context, q Query) ([]byte, error) {
	filter := q.filter()
	at, err := filter.Start(q.Cursor)
	if err != nil {
		return nil, problem.InvalidCursor("query")
	}
	where, args, err := q.where()
	if err != nil {
		return nil, err
	}
	var batch pgx.Batch
	batch.Queue(`SELECT true FROM gateway.users WHERE id = $1`, q.UserID)
	const primaries = ` AND duplicate_of IS NULL`
	batch.Queue(`SELECT count(*) FROM projector.view_workouts_v1`+where+primaries, args...)
	if !q.Duplicates {
		where += primaries
	}
	tail, args := cursor.Keyset{Time: "start_time", ID: "id"}.Tail(args, at, q.Limit+1)
	batch.Queue(`SELECT id, start_time, doc, created_at, updated_at, duplicate_of FROM projector.view_workouts_v1`+where+tail, args...)
	answers := s.db.SendBatch(ctx, &batch)
	page, err := readPage(answers, filter, at, q)
	if closed := answers.Close(); err == nil && closed != nil {
		err = problem.OfQuery(projector, closed)
	}
	return page, err
}

// where are the conditions of the query; the cursor is no part of it, so that the
// count is that of all pages. Duplicates are the caller's: they never count.
func (q Query) where() (string, []any, error) {
	args := []any{q.UserID}
	var b strings.Builder
	b.WriteString(` WHERE user_id = $1 AND removed_at IS NULL`)
	add := func(condition string, value any) {
		args = append(args, value)
		fmt.Fprintf(&b, " AND "+condition, len(args))
	}
	if q.Type != "" {
		add("type = $%d", q.Type)
	}
	if q.Provider != "" {
		add("provider = $%d", q.Provider)
	}
	from, to, err := contract.ParseSpan(q.Start, q.End)
	if err != nil {
		return "", nil, err
	}
	within := func(end *contract.When, sign string) {
		switch {
		case end == nil:
		case end.Day:
			add("coalesce(local_date, (start_time AT TIME ZONE 'UTC')::date) "+sign+" $%d", end.Time)
		default:
			add("start_time "+sign+" $%d", end.Time)
		}
	}
	within(from, ">=")
	within(to, "<")
	return b.String(), args, nil
}

func readPage(answers pgx.BatchResults, filter cursor.Filter, at *cursor.Place, q Query) ([]byte, error) {
	var exists bool
	switch err := answers.QueryRow().Scan(&exists); {
	case errors.Is(err, pgx.ErrNoRows):
		return nil, users.NotFound()
	case err != nil:
		return nil, problem.OfQuery(projector, err)
	}
	var total int64
	if err := answers.QueryRow().Scan(&total); err != nil {
		return nil, problem.OfQuery(projector, err)
	}
	rows, err := answers.Query()
	if err != nil {
		return nil, problem.OfQuery(projector, err)
	}
	read, err := readRows(rows, q.Limit+1)
	if err != nil {
		return nil, problem.OfQuery(projector, err)
	}
	return read.body(filter.Page(at, q.Limit, read.places), total, q), nil
}

// listed are rows in the order they were read, one after the other in one buffer.
type listed struct {
	places []cursor.Place
	buffer []byte
	ends   []int
}

const usualRow = 1 << 10

func readRows(rows pgx.Rows, limit int) (listed, error) {
	defer rows.Close()
	l := listed{places: make([]cursor.Place, 0, limit), ends: make([]int, 0, limit), buffer: make([]byte, 0, limit*usualRow)}
	for rows.Next() {
		var (
			place     cursor.Place
			doc       pgtype.DriverBytes // valid until the next row: copied below
			times     [2]time.Time
			duplicate *uuid.UUID
			err       error
		)
		if err = rows.Scan(&place.ID, &place.Time, &doc, &times[0], &times[1], &duplicate); err != nil {
			return listed{}, err
		}
		if l.buffer, err = appendWorkout(l.buffer, doc, times[0], times[1], duplicate, nil); err != nil {
			return listed{}, fmt.Errorf("workout %s: %w", place.ID, err)
		}
		l.places = append(l.places, place)
		l.ends = append(l.ends, len(l.buffer))
	}
	return l, rows.Err()
}

func (l listed) row(i int) []byte {
	if i == 0 {
		return l.buffer[:l.ends[0]]
	}
	return l.buffer[l.ends[i-1]:l.ends[i]]
}

func (l listed) body(p cursor.Page, total int64, q Query) []byte {
	const frame = 512
	out := make([]byte, 0, len(l.buffer)+frame)
	out = append(out, `{"data":[`...)
	for i := range p.Count {
		at := i
		if p.Reverse {
			at = p.Count - 1 - i
		}
		if i > 0 {
			out = append(out, ',')
		}
		out = append(out, l.row(at)...)
	}
	out = append(out, `],"pagination":{"next_cursor":`...)
	out = appendWord(out, p.Next)
	out = append(out, `,"previous_cursor":`...)
	out = appendWord(out, p.Previous)
	out = append(out, `,"has_more":`...)
	out = strconv.AppendBool(out, p.HasMore)
	out = append(out, `,"total_count":`...)
	out = strconv.AppendInt(out, total, 10)
	out = append(out, `},"metadata":{"resolution":null,"sample_count":`...)
	out = strconv.AppendInt(out, int64(p.Count), 10)
	out = append(out, `,"start_time":`...)
	out = appendWord(out, orNil(q.Start))
	out = append(out, `,"end_time":`...)
	out = appendWord(out, orNil(q.End))
	return append(out, "}}"...)
}

func orNil(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
