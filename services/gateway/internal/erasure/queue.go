package erasure

import (
	"context"
	"errors"
	"iter"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

const (
	// look is how often a runner looks for erasures that another process accepted.
	look = 30 * time.Second
	// rest is how long an erasure is left alone that another process works on.
	rest = time.Second
)

// queue hands out erasures, each in its turn: in every round each one that is due once,
// the one with the fewest messages left first. One that comes meanwhile joins the round.
type queue struct {
	db *pgxpool.Pool

	mu     sync.Mutex
	busy   map[uuid.UUID]bool
	served map[uuid.UUID]bool // in this round
	rested map[uuid.UUID]time.Time
}

func newQueue(db *pgxpool.Pool) *queue {
	return &queue{db: db, busy: map[uuid.UUID]bool{}, served: map[uuid.UUID]bool{}, rested: map[uuid.UUID]time.Time{}}
}

// take gives an erasure that is due and that nobody here works on. When there is none,
// wait is how long there will be none.
func (q *queue) take(ctx context.Context) (id uuid.UUID, found bool, wait time.Duration, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	now := time.Now()
	maps.DeleteFunc(q.rested, func(_ uuid.UUID, until time.Time) bool { return !until.After(now) })
	id, err = q.next(ctx, q.served)
	if errors.Is(err, pgx.ErrNoRows) { // the round is over
		clear(q.served)
		id, err = q.next(ctx, nil)
	}
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		wait, err = q.wait(ctx)
		return id, false, wait, err
	case err != nil:
		return id, false, 0, err
	}
	q.busy[id], q.served[id] = true, true
	return id, true, 0, nil
}

// next is the due erasure with the fewest messages left, but of those that are out.
// Whose rows are still there comes first.
func (q *queue) next(ctx context.Context, out map[uuid.UUID]bool) (id uuid.UUID, err error) {
	not := []uuid.UUID{} // nil would be NULL, which nothing differs from
	for _, list := range []iter.Seq[uuid.UUID]{maps.Keys(q.busy), maps.Keys(q.rested), maps.Keys(out)} {
		not = slices.AppendSeq(not, list)
	}
	err = q.db.QueryRow(ctx, `SELECT id FROM gateway.erasures WHERE state <> 'done' AND not_before <= now() AND id <> ALL($1)
		ORDER BY messages_left NULLS FIRST, requested_at LIMIT 1`, not).Scan(&id)
	return id, err
}

func (q *queue) wait(ctx context.Context) (time.Duration, error) {
	wait := look
	if len(q.rested) > 0 || len(q.busy) > 0 {
		wait = rest // a worker that lets go wakes nobody
	}
	var due *float64
	err := q.db.QueryRow(ctx, `SELECT extract(epoch FROM min(not_before) - now()) FROM gateway.erasures WHERE state <> 'done' AND not_before > now()`).Scan(&due)
	if err != nil {
		return 0, err
	}
	if due != nil {
		wait = min(max(time.Duration(*due*float64(time.Second)), time.Millisecond), wait)
	}
	return wait, nil
}

// release gives an erasure back. One that another process works on rests.
func (q *queue) release(id uuid.UUID, elsewhere bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	delete(q.busy, id)
	if elsewhere {
		q.rested[id] = time.Now().Add(rest)
	}
}
