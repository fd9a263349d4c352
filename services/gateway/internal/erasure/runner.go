package erasure

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/stridelog/stridelog/events/rpc"
	"github.com/stridelog/stridelog/platform/bus"
)

const (
	source = "stridelog/gateway"
	// workers is how many erasures are worked on at once: while one service deletes a
	// million rows, other people's turns go on.
	workers    = 4
	firstPause = time.Second
	lastPause  = 5 * time.Minute
)

// Options are what a runner works with.
type Options struct {
	DB  *pgxpool.Pool
	Bus *bus.Bus
	Log *slog.Logger
	// FirstPause is the wait after a first failure; it doubles up to 5 min. Zero is 1 s.
	FirstPause time.Duration
	// ListFile keeps a list of all erasures outside of the stores, for Replay; empty: none.
	ListFile string
}

// Runner carries erasures to their end.
type Runner struct {
	o     Options
	wake  chan struct{}
	queue *queue
	locks *locks
	list  *list
}

// NewRunner makes a runner that does not run yet.
func NewRunner(o Options) *Runner {
	if o.FirstPause == 0 {
		o.FirstPause = firstPause
	}
	return &Runner{o: o, wake: make(chan struct{}, 1), queue: newQueue(o.DB), locks: &locks{db: o.DB}, list: &list{path: o.ListFile}}
}

// Accept notes that a user is to be erased; a user that is not there is a 404.
func (r *Runner) Accept(ctx context.Context, userID uuid.UUID) (Erasure, error) {
	e, err := accept(ctx, r.o.DB, userID)
	if err != nil {
		return Erasure{}, err
	}
	r.wakeWorker()
	r.note(ctx)
	return e, nil
}

// note brings the list up to date. One that cannot be written holds up no erasure.
func (r *Runner) note(ctx context.Context) {
	if err := r.list.add(context.WithoutCancel(ctx), r.o.DB); err != nil {
		r.o.Log.ErrorContext(ctx, "the list of erasures is not up to date: a restore would not know of the latest; see that the file can be written, and restart", "error", err)
	}
}

// Get is an erasure, or a 404.
func (r *Runner) Get(ctx context.Context, id uuid.UUID) (Erasure, error) {
	return get(ctx, r.o.DB, id)
}

// wakeWorker wakes one worker, who wakes the next when there is work.
func (r *Runner) wakeWorker() {
	select {
	case r.wake <- struct{}{}:
	default: // one will look anyway
	}
}

// Run takes up what is unfinished and waits for more, until ctx ends.
func (r *Runner) Run(ctx context.Context, ready func()) error {
	ready()
	defer r.locks.close(ctx)
	r.note(ctx)
	var all sync.WaitGroup
	all.Go(func() { r.search(ctx) })
	for range workers {
		all.Go(func() { r.work(ctx) })
	}
	all.Wait()
	return nil
}

func (r *Runner) work(ctx context.Context) {
	for ctx.Err() == nil {
		id, found, wait, err := r.queue.take(ctx)
		if err == nil && found {
			r.wakeWorker()
			err = r.attempt(ctx, id)
		}
		if err != nil {
			if ctx.Err() == nil {
				r.o.Log.ErrorContext(ctx, "erasures: the database does not answer; trying again", "error", err)
			}
			wait = r.o.FirstPause
		}
		if wait == 0 {
			continue
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
		case <-r.wake:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// attempt gives one erasure its turn, unless another process works on it.
func (r *Runner) attempt(ctx context.Context, id uuid.UUID) error {
	mine, err := r.locks.take(ctx, id)
	defer func() { r.queue.release(id, err == nil && !mine) }()
	if err != nil || !mine {
		return err
	}
	defer r.locks.release(ctx, id)
	for {
		e, err := get(ctx, r.o.DB, id)
		if err != nil || e.State == StateDone {
			return err
		}
		more, err := r.step(ctx, e)
		switch {
		case err == nil && more:
		case err == nil || ctx.Err() != nil:
			return err
		default:
			return r.failed(ctx, e, err)
		}
	}
}

// failed puts the erasure off. What the service said is kept, because an operator
// who looks at the erasure needs it; such texts hold no personal data.
func (r *Runner) failed(ctx context.Context, e Erasure, cause error) error {
	pause := r.o.FirstPause << min(e.Attempts, 16)
	if pause > lastPause || pause <= 0 {
		pause = lastPause
	}
	r.o.Log.WarnContext(ctx, "an erasure is put off", "erasure_id", e.ID, "state", e.State, "again_in", pause, "error", cause)
	_, err := r.o.DB.Exec(ctx, `UPDATE gateway.erasures SET attempts = attempts + 1, last_error = $2, updated_at = now(),
		not_before = now() + make_interval(secs => $3) WHERE id = $1`, e.ID, said(cause), pause.Seconds())
	return err
}

// said is what may be shown of a failure.
func said(cause error) string {
	var answer *rpc.Error
	if errors.As(cause, &answer) {
		return answer.Error()
	}
	return "an internal failure; the gateway's log says more"
}

// save stores how far an erasure is, and that its last step went well.
func (r *Runner) save(ctx context.Context, e Erasure) error {
	counts, err := json.Marshal(e.Counts)
	if err != nil {
		return err
	}
	progress, err := json.Marshal(e.Progress)
	if err != nil {
		return err
	}
	_, err = r.o.DB.Exec(ctx, `UPDATE gateway.erasures SET state = $2, counts = $3, progress = $4, messages_left = $5, last_error = $6::text,
		attempts = CASE WHEN $6::text IS NULL THEN 0 ELSE attempts END, updated_at = now()
		WHERE id = $1 AND state <> 'done'`, e.ID, e.State, counts, progress, e.Left, e.LastError)
	return err
}
