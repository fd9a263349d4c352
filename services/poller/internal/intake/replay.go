package intake

import (
	"context"
	"errors"
	"fmt"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/services/poller/internal/store"
)

// ErrRestored says that the log and the database do not belong together: one of
// them was restored.
var ErrRestored = errors.New("the log was restored: run stridelog rebuild")

// connections is the durable that brings connection facts.
const connections = "poller_connections"

func connectionSubjects() []string {
	return []string{
		events.TypeSubjects(events.TypeConnectionActivated),
		events.TypeSubjects(events.TypeConnectionStatusChanged),
		events.TypeSubjects(events.TypeConnectionRevoked),
	}
}

// CheckLog fails with ErrRestored when connection facts were seen that the log does
// not have, or were acknowledged and never seen.
func (in *Intake) CheckLog(ctx context.Context, b *bus.Bus) error {
	// The position is read first: who handles events stores first and acknowledges then.
	position, known, err := b.Position(ctx, events.StreamFacts, connections)
	if err != nil {
		return err
	}
	seen, err := in.Store.Seen(ctx, connections)
	if err != nil {
		return err
	}
	state, err := b.State(ctx, events.StreamFacts)
	if err != nil {
		return err
	}
	if seen.Epoch != "" && (seen.Epoch != state.Epoch || seen.Sequence > state.LastSequence) {
		return fmt.Errorf("%w (the database knows more than the log)", ErrRestored)
	}
	if !known || position.Acknowledged <= seen.Sequence {
		return nil
	}
	_, err = b.Read(ctx, events.StreamFacts, connectionSubjects(), seen.Sequence+1, func(d bus.Delivery) error {
		if d.Sequence > position.Acknowledged {
			return errDone
		}
		if !d.Event.Known() {
			return nil // it was passed over, or is in the dead letters: the database never heard of it
		}
		return fmt.Errorf("%w (fact %d was acknowledged and the database does not know it)", ErrRestored, d.Sequence)
	})
	if errors.Is(err, errDone) {
		return nil
	}
	return err
}

var errDone = errors.New("read to the end")

// saw stores a message before it is handled: one that fails comes again.
func (in *Intake) saw(ctx context.Context, b *bus.Bus, d bus.Delivery) error {
	epoch, err := b.Epoch(ctx, events.StreamFacts)
	if err != nil {
		return err
	}
	return in.Store.Saw(ctx, connections, store.Position{Epoch: epoch, Sequence: d.Sequence})
}

// Replay brings connections in line with the log as it is now. Facts that the
// database has not seen are handled as if they came now; a log that ends before
// what the database saw takes nothing back.
func (in *Intake) Replay(ctx context.Context, b *bus.Bus) (handled int, err error) {
	seen, err := in.Store.Seen(ctx, connections)
	if err != nil {
		return 0, err
	}
	state, err := b.State(ctx, events.StreamFacts)
	if err != nil {
		return 0, err
	}
	from := seen.Sequence + 1
	if seen.Epoch != state.Epoch || seen.Sequence > state.LastSequence {
		from = 1
		if err := in.renumber(ctx, b); err != nil {
			return 0, err
		}
	}
	last, err := b.Read(ctx, events.StreamFacts, connectionSubjects(), from, func(d bus.Delivery) error {
		if d.Event.Unknown() {
			return nil
		}
		handled++
		if err := in.connection(ctx, d); err != nil {
			// Its first delivery ended in the dead letters, too.
			in.Log.WarnContext(ctx, "a connection event could not be handled again", "sequence", d.Sequence, "error", err)
			return ctx.Err()
		}
		return nil
	})
	if err != nil {
		return handled, fmt.Errorf("handle connection events again: %w", err)
	}
	return handled, in.Store.Restart(ctx, connections, store.Position{Epoch: state.Epoch, Sequence: last})
}

func (in *Intake) renumber(ctx context.Context, b *bus.Bus) error {
	n := store.Numbers{Connections: map[string]uint64{}, Activations: map[[2]string]uint64{}}
	_, err := b.Read(ctx, events.StreamFacts, connectionSubjects(), 1, func(d bus.Delivery) error {
		switch data := d.Event.Data.(type) {
		case *events.ConnectionActivated:
			n.Connections[data.ConnectionID] = d.Sequence
			n.Activations[[2]string{d.Event.UserID, d.Event.Provider}] = d.Sequence
		case *events.ConnectionStatusChanged:
			n.Connections[data.ConnectionID] = d.Sequence
		case *events.ConnectionRevoked:
			n.Connections[data.ConnectionID] = d.Sequence
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("number connections as the log does: %w", err)
	}
	return in.Store.Renumber(ctx, n)
}
