package generation

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/platform/bus"
)

// ErrLogRestored says that the log and the tables do not belong together: one of
// them was restored. Only a rebuild helps.
var ErrLogRestored = errors.New("the log was restored: run stridelog rebuild")

// CheckLog compares a pointer with the log as it is now. The pointer must have
// been read before, because both only grow.
func (t *Tables) CheckLog(ctx context.Context, p Pointer) error {
	state, err := t.bus.State(ctx, events.StreamFacts)
	if err != nil {
		return err
	}
	if state.Epoch != p.Epoch {
		return fmt.Errorf("%w (the tables were made from epoch %s of %s; this is epoch %s)", ErrLogRestored, p.Epoch, events.StreamFacts, state.Epoch)
	}
	if state.LastSequence < p.HighWater {
		return fmt.Errorf("%w (%s ends at %d; the tables hold %d)", ErrLogRestored, events.StreamFacts, state.LastSequence, p.HighWater)
	}
	return nil
}

// CheckPosition also finds the reverse: a database restored under a newer log.
// Then the durable has acknowledged facts that the tables never saw, and they
// would not come again.
func (t *Tables) CheckPosition(ctx context.Context, durable string) error {
	position, known, err := t.bus.Position(ctx, events.StreamFacts, durable)
	if err != nil {
		return err
	}
	// The pointer is read after the position: a running projector folds first and
	// acknowledges then.
	var p Pointer
	err = pgx.BeginFunc(ctx, t.db, func(tx pgx.Tx) error {
		p, err = Read(ctx, tx)
		return err
	})
	if err != nil {
		return fmt.Errorf("read the serving generation: %w", err)
	}
	if err := t.CheckLog(ctx, p); err != nil {
		return err
	}
	if !known || position.Acknowledged <= p.HighWater {
		return nil
	}
	return t.checkAcknowledged(ctx, p, position)
}

// checkAcknowledged looks for a message behind the high water that was
// acknowledged: the position alone also moves over erased ones.
func (t *Tables) checkAcknowledged(ctx context.Context, p Pointer, position bus.Position) error {
	var missing error
	stop := errors.New("found what was looked for")
	_, err := t.bus.Read(ctx, events.StreamFacts, nil, p.HighWater+1, func(d bus.Delivery) error {
		if d.Sequence <= position.Acknowledged {
			missing = fmt.Errorf("%w (fact %d was acknowledged and is not in the tables: the database is older than the log)", ErrLogRestored, d.Sequence)
		}
		return stop
	})
	if missing != nil {
		return missing
	}
	if err != nil && !errors.Is(err, stop) {
		return err
	}
	return nil
}
