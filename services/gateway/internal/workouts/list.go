// Package workouts serves workouts from the projector's views and the raw records
// from the log. Documents are passed on as the bytes the projector wrote.
package workouts

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/provider/vocabulary"
	"github.com/stridelog/stridelog/services/gateway/internal/contract"
	"github.com/stridelog/stridelog/services/gateway/internal/cursor"
	"github.com/stridelog/stridelog/services/gateway/internal/problem"
	"github.com/stridelog/stridelog/services/gateway/internal/users"
)

const projector = "projector"

// Store reads workouts.
type Store struct {
	db    *pgxpool.Pool
	bus   *bus.Bus
	words map[string]string // what Open Wearables calls each type
}

// NewStore reads the views through the pool and raw records through the bus.
func NewStore(db *pgxpool.Pool, b *bus.Bus) *Store {
	return &Store{db: db, bus: b, words: vocabulary.OpenWearables()}
}

// List is one page as the JSON body of the answer. The first page counts all rows of
// the query; the others say what their cursor carries.
func (s *Store) List(ctx context.Context, q Query) ([]byte, error) {
	filter := q.filter()
	at, err := filter.Start(q.Cursor)
	if err != nil {
		return nil, problem.InvalidCursor("query")
	}
	c, err := q.conditions()
	if err != nil {
		return nil, err
	}
	var batch pgx.Batch
	batch.Queue(`SELECT true FROM gateway.users WHERE id = $1`, q.UserID)
	var total cursor.Total
	if at != nil {
		total = at.Total
	}
	if !total.Counted {
		c.queueCount(&batch)
	}
	c.queuePage(&batch, q, at)
	answers := s.db.SendBatch(ctx, &batch)
	page, err := s.readPage(answers, filter, at, total, q)
	if closed := answers.Close(); err == nil && closed != nil {
		err = problem.OfQuery(projector, closed)
	}
	return page, err
}

// readPage reads the answers; where the total is not counted yet, its count is among
// them.
func (s *Store) readPage(answers pgx.BatchResults, filter cursor.Filter, at *cursor.Place, total cursor.Total, q Query) ([]byte, error) {
	var exists bool
	switch err := answers.QueryRow().Scan(&exists); {
	case errors.Is(err, pgx.ErrNoRows):
		return nil, users.NotFound()
	case err != nil:
		return nil, problem.OfQuery(projector, err)
	}
	if !total.Counted {
		var rows int64
		if err := answers.QueryRow().Scan(&rows); err != nil {
			return nil, problem.OfQuery(projector, err)
		}
		total = q.total(rows)
	}
	rows, err := answers.Query()
	if err != nil {
		return nil, problem.OfQuery(projector, err)
	}
	read, err := s.readRows(rows, q)
	if err != nil {
		return nil, problem.OfQuery(projector, err)
	}
	return read.body(filter.Page(at, q.Limit, read.places, total), total, q), nil
}

// listed are rows in the order they were read, one after the other in one buffer.
type listed struct {
	places []cursor.Place
	buffer []byte
	ends   []int
}

const usualRow = 1 << 10

func (s *Store) readRows(rows pgx.Rows, q Query) (listed, error) {
	defer rows.Close()
	limit := q.Limit + 1
	l := listed{places: make([]cursor.Place, 0, limit), ends: make([]int, 0, limit), buffer: make([]byte, 0, limit*usualRow)}
	for rows.Next() {
		var (
			place cursor.Place
			doc   pgtype.DriverBytes // valid until the next row: copied below
			name  pgtype.DriverBytes // likewise
			a     = added{zones: q.Zones}
			err   error
		)
		if err = rows.Scan(&place.ID, &place.Time, &doc, &a.created, &a.updated, &a.duplicateOf, &name); err != nil {
			return listed{}, err
		}
		a.word = s.words[string(name)]
		if l.buffer, err = appendWorkout(l.buffer, doc, a); err != nil {
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

func (l listed) body(p cursor.Page, total cursor.Total, q Query) []byte {
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
	if total.Rows == cursor.TooMany {
		out = append(out, "null"...)
	} else {
		out = strconv.AppendInt(out, total.Rows, 10)
	}
	out = append(out, `},"metadata":{"resolution":null,"sample_count":`...)
	out = strconv.AppendInt(out, int64(p.Count), 10)
	out = append(out, `,"start_time":`...)
	out = appendWord(out, orNil(contract.Shown(q.Start)))
	out = append(out, `,"end_time":`...)
	out = appendWord(out, orNil(contract.Shown(q.End)))
	return append(out, "}}"...)
}

func orNil(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
