package erasure

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/events/rpc"
	"github.com/stridelog/stridelog/platform/bus"
)

const (
	// rowsTimeout bounds one service's rows. A service of before there were parts
	// deletes its messages from the log in the same call.
	rowsTimeout = 10 * time.Minute
	// turnTimeout bounds a turn, which the services end after some seconds.
	turnTimeout = time.Minute
)

// step takes an erasure on. more says that the next step follows at once; after a turn
// it is somebody else's. Every step may be repeated.
func (r *Runner) step(ctx context.Context, e Erasure) (more bool, err error) {
	switch e.State {
	case StateAccepted:
		return true, r.rows(ctx, e)
	case StateRowsErased:
		return r.turn(ctx, e)
	case StateLogErased:
		return true, r.finish(ctx, e)
	default:
		return false, fmt.Errorf("state %q is not known to this version", e.State)
	}
}

// rows has every service delete its rows. They are asked one after the other, those of
// the projector first, which people read; one that does not answer holds up no other.
func (r *Runner) rows(ctx context.Context, e Erasure) error {
	var failures []error
	for _, m := range []rpc.Method{rpc.ProjectorErase, rpc.OAuthErase, rpc.PollerErase} {
		if slices.Contains(e.Progress.Rows, m.Service()) {
			continue
		}
		answer, err := r.ask(ctx, e, m, rpc.EraseRows, rowsTimeout)
		if err != nil {
			failures = append(failures, err)
			continue
		}
		for kind, n := range answer.Counts {
			e.Counts[m.Service()+"."+kind] += n
		}
		e.Progress.Rows = append(e.Progress.Rows, m.Service())
		if err := r.save(ctx, e); err != nil {
			return err
		}
	}
	if len(failures) > 0 {
		return errors.Join(failures...)
	}
	e.State, e.LastError = StateRowsErased, nil
	return r.save(ctx, e)
}

func (r *Runner) ask(ctx context.Context, e Erasure, m rpc.Method, part string, timeout time.Duration) (rpc.EraseResponse, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	return bus.Call[rpc.EraseRequest, rpc.EraseResponse](ctx, r.o.Bus, m,
		rpc.EraseRequest{UserID: e.UserID.String(), ErasureID: e.ID.String(), Part: part, Progress: e.Progress.Log[m.Service()]})
}

// turn has the services with streams delete messages from the log, at the same time.
// The erasure is put off when no service got on; where one did, it goes on.
func (r *Runner) turn(ctx context.Context, e Erasure) (more bool, err error) {
	methods := []rpc.Method{rpc.PollerErase, rpc.ProjectorErase}
	answers, failures := make([]rpc.EraseResponse, len(methods)), make([]error, len(methods))
	var all sync.WaitGroup
	for i, m := range methods {
		all.Go(func() { answers[i], failures[i] = r.ask(ctx, e, m, rpc.EraseLog, turnTimeout) })
	}
	all.Wait()
	if ctx.Err() != nil {
		return false, ctx.Err()
	}
	failure := errors.Join(failures...)
	advanced := false
	for i, m := range methods {
		if failures[i] == nil {
			advanced = e.Progress.turned(m.Service(), answers[i]) || advanced
		}
	}
	left := e.Progress.left()
	e.Left, e.LastError = &left, nil
	switch {
	case failure != nil && !advanced:
		return false, failure
	case failure != nil:
		text := said(failure)
		e.LastError = &text
	case left == 0:
		e.State, more = StateLogErased, true
	}
	return more, r.save(ctx, e)
}

// finish says so in the log and forgets the user's id. The event comes first: a
// crash in between says it again, with the same id.
func (r *Runner) finish(ctx context.Context, e Erasure) error {
	at := time.Now().UTC().Truncate(time.Microsecond)
	counts := e.Erased()
	_, err := r.o.Bus.Publish(ctx, events.Event{
		ID: e.ID.String(), Source: source, About: e.ID.String(), Time: at,
		Provider: events.NoProvider, UserID: e.ID.String(),
		Data: &events.UserErased{ErasureID: e.ID.String(), Counts: counts, ErasedAt: at},
	})
	if err != nil {
		return err
	}
	receipt, err := json.Marshal(e.receipt(at))
	if err != nil {
		return err
	}
	_, err = r.o.DB.Exec(ctx, `UPDATE gateway.erasures SET state = 'done', user_id = NULL, receipt = $2, last_error = NULL,
		finished_at = $3, updated_at = now() WHERE id = $1 AND state = 'log_erased'`, e.ID, receipt, at)
	if err == nil {
		r.note(ctx)
		r.o.Log.InfoContext(ctx, "a user was erased", "erasure_id", e.ID)
	}
	return err
}
