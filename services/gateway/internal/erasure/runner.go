package erasure

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/events/rpc"
	"github.com/stridelog/stridelog/platform/bus"
)

const (
	source = "stridelog/gateway"
	// stepTimeout bounds one service's part: deleting from the log takes a message at a time.
	stepTimeout = 10 * time.Minute
	// look is how often a runner looks for erasures that another process accepted.
	look       = 30 * time.Second
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
}

// Runner carries erasures to their end.
type Runner struct {
	o    Options
	wake chan struct{}
}

// NewRunner makes a runner that does not run yet.
func NewRunner(o Options) *Runner {
	if o.FirstPause == 0 {
		o.FirstPause = firstPause
	}
	return &Runner{o: o, wake: make(chan struct{}, 1)}
}

// Accept notes that a user is to be erased; a user that is not there is a 404.
func (r *Runner) Accept(ctx context.Context, userID uuid.UUID) (Erasure, error) {
	e, err := accept(ctx, r.o.DB, userID)
	if err != nil {
		return Erasure{}, err
	}
	select {
	case r.wake <- struct{}{}:
	default: // it will look anyway
	}
	return e, nil
}

// Get is an erasure, or a 404.
func (r *Runner) Get(ctx context.Context, id uuid.UUID) (Erasure, error) {
	return get(ctx, r.o.DB, id)
}

// Run takes up what is unfinished and waits for more, until ctx ends.
func (r *Runner) Run(ctx context.Context, ready func()) error {
	ready()
	for {
		next, err := r.pass(ctx)
		if err != nil {
			if ctx.Err() == nil {
				r.o.Log.ErrorContext(ctx, "erasures: the database does not answer; trying again", "error", err)
			}
			next = r.o.FirstPause
		}
		timer := time.NewTimer(next)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-r.wake:
			timer.Stop()
		case <-timer.C:
		}
	}
}

// pass works on every erasure that is due and returns how long nothing will be.
func (r *Runner) pass(ctx context.Context) (next time.Duration, err error) {
	rows, err := r.o.DB.Query(ctx, `SELECT id FROM gateway.erasures WHERE state <> 'done' AND not_before <= now() ORDER BY requested_at`)
	if err != nil {
		return 0, err
	}
	due, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
	if err != nil {
		return 0, err
	}
	for _, id := range due {
		if err := r.attempt(ctx, id); err != nil {
			return 0, err
		}
	}
	var wait *float64
	err = r.o.DB.QueryRow(ctx, `SELECT extract(epoch FROM min(not_before) - now()) FROM gateway.erasures WHERE state <> 'done' AND not_before > now()`).Scan(&wait)
	if err != nil {
		return 0, err
	}
	if wait == nil {
		return look, nil
	}
	return min(max(time.Duration(*wait*float64(time.Second)), time.Millisecond), look), nil
}

// attempt works on one erasure unless another process does. The lock is the
// session's: a crash releases it.
func (r *Runner) attempt(ctx context.Context, id uuid.UUID) error {
	conn, err := r.o.DB.Acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release()
	var mine bool
	if err := conn.QueryRow(ctx, `SELECT pg_try_advisory_lock(hashtextextended($1, 0))`, lockName(id)).Scan(&mine); err != nil || !mine {
		return err
	}
	defer func() {
		// A connection that was cut lost the lock with it.
		_, _ = conn.Exec(context.WithoutCancel(ctx), `SELECT pg_advisory_unlock(hashtextextended($1, 0))`, lockName(id))
	}()
	for {
		e, err := get(ctx, conn, id)
		if err != nil || e.State == StateDone {
			return err
		}
		if err := r.step(ctx, conn, e); err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return r.failed(ctx, conn, e, err)
		}
	}
}

func lockName(id uuid.UUID) string { return "stridelog erasure " + id.String() }

// step takes an erasure from one state to the next. Every step may be repeated.
func (r *Runner) step(ctx context.Context, conn *pgxpool.Conn, e Erasure) error {
	switch e.State {
	case StateAccepted:
		return r.ask(ctx, conn, e, rpc.OAuthErase, StateOAuthErased)
	case StateOAuthErased:
		return r.ask(ctx, conn, e, rpc.PollerErase, StatePollerErased)
	case StatePollerErased:
		return r.ask(ctx, conn, e, rpc.ProjectorErase, StateProjectorErased)
	case StateProjectorErased:
		return r.finish(ctx, conn, e)
	default:
		return fmt.Errorf("state %q is not known to this version", e.State)
	}
}

func (r *Runner) ask(ctx context.Context, conn *pgxpool.Conn, e Erasure, m rpc.Method, next string) error {
	limit, cancel := context.WithTimeout(ctx, stepTimeout)
	defer cancel()
	answer, err := bus.Call[rpc.EraseRequest, rpc.EraseResponse](limit, r.o.Bus, m,
		rpc.EraseRequest{UserID: e.UserID.String(), ErasureID: e.ID.String()})
	if err != nil {
		return err
	}
	counts := maps.Clone(e.Counts)
	for kind, n := range answer.Counts {
		counts[m.Service()+"."+kind] += n
	}
	text, err := json.Marshal(counts)
	if err != nil {
		return err
	}
	_, err = conn.Exec(ctx, `UPDATE gateway.erasures SET state = $3, counts = $4, last_error = NULL, updated_at = now()
		WHERE id = $1 AND state = $2`, e.ID, e.State, next, text)
	return err
}

// finish says so in the log and forgets the user's id. The event comes first: a
// crash in between says it again, with the same id.
func (r *Runner) finish(ctx context.Context, conn *pgxpool.Conn, e Erasure) error {
	at := time.Now().UTC().Truncate(time.Microsecond)
	_, err := r.o.Bus.Publish(ctx, events.Event{
		ID: e.ID.String(), Source: source, About: e.ID.String(), Time: at,
		Provider: events.NoProvider, UserID: e.ID.String(),
		Data: &events.UserErased{ErasureID: e.ID.String(), Counts: e.Counts, ErasedAt: at},
	})
	if err != nil {
		return err
	}
	receipt, err := json.Marshal(e.receipt(at))
	if err != nil {
		return err
	}
	_, err = conn.Exec(ctx, `UPDATE gateway.erasures SET state = 'done', user_id = NULL, receipt = $2, last_error = NULL,
		finished_at = $3, updated_at = now() WHERE id = $1 AND state = 'projector_erased'`, e.ID, receipt, at)
	if err == nil {
		r.o.Log.InfoContext(ctx, "a user was erased", "erasure_id", e.ID)
	}
	return err
}

// failed puts the erasure off. What the service said is kept, because an operator
// who looks at the erasure needs it; such texts hold no personal data.
func (r *Runner) failed(ctx context.Context, conn *pgxpool.Conn, e Erasure, cause error) error {
	said := "an internal failure; the gateway's log says more"
	var answer *rpc.Error
	if errors.As(cause, &answer) {
		said = answer.Error()
	}
	pause := r.o.FirstPause << min(e.Attempts, 16)
	if pause > lastPause || pause <= 0 {
		pause = lastPause
	}
	r.o.Log.WarnContext(ctx, "an erasure is put off", "erasure_id", e.ID, "state", e.State, "again_in", pause, "error", cause)
	_, err := conn.Exec(ctx, `UPDATE gateway.erasures SET attempts = attempts + 1, last_error = $2, updated_at = now(),
		not_before = now() + make_interval(secs => $3) WHERE id = $1`, e.ID, said, pause.Seconds())
	return err
}
