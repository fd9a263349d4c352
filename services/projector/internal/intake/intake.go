// Package intake takes a stream's events in batches and gives each batch to a
// fold until it is folded.
package intake

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/services/projector/internal/generation"
)

const (
	// ackWait is after how long a batch comes again when the process that had it was
	// killed; one that is being folded is kept.
	ackWait    = 10 * time.Second
	pauseFirst = 200 * time.Millisecond
	pauseMost  = 10 * time.Second
)

// Intake is one durable's way from the stream into a fold.
type Intake struct {
	Log     *slog.Logger
	Bus     *bus.Bus
	Durable string // all projectors share the events under it
	Stream  string
	Max     int // events in one batch
	// Lanes is how many batches are in hand at once: while one waits for the database,
	// another is decoded. Folds must not depend on the order of batches.
	Lanes int
	// Fold takes a batch. When it returns nil the batch is acknowledged; otherwise
	// the batch comes again after a pause that grows.
	Fold func(ctx context.Context, deliveries []bus.Delivery) error
	// Await waits until the fold can work again that has failed with generation.ErrLayout;
	// nil for a fold that never does.
	Await func(ctx context.Context) error
	// Failed is called for each batch that is given back.
	Failed func()
}

// Run folds until ctx ends. It fails when the log was restored or the durable is
// gone; anything else it tries again.
func (i Intake) Run(ctx context.Context, ready func()) error {
	var lanes []*bus.Batches
	for range i.Lanes {
		batches, err := i.Bus.Batches(ctx, bus.BatchOptions{Name: i.Durable, Stream: i.Stream, Max: i.Max, AckWait: ackWait})
		if err != nil {
			return err
		}
		lanes = append(lanes, batches)
	}
	ready()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	errs := make([]error, len(lanes))
	var running sync.WaitGroup
	for n, batches := range lanes {
		running.Go(func() {
			defer cancel() // one that fails ends all
			errs[n] = i.lane(ctx, batches)
		})
	}
	running.Wait()
	return errors.Join(errs...)
}

// lane folds one batch after the other.
func (i Intake) lane(ctx context.Context, batches *bus.Batches) error {
	pause := pauseFirst
	for {
		batch, err := batches.Next(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		err = i.fold(ctx, batch)
		switch {
		case err == nil:
			pause = pauseFirst
			continue
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, generation.ErrLogRestored):
			return err
		case errors.Is(err, generation.ErrLayout):
			if i.await(ctx, batch, err) != nil {
				return nil // ctx has ended
			}
			continue
		}
		i.giveBack(ctx, batch, pause, err)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(pause):
		}
		pause = min(2*pause, pauseMost)
	}
}

// fold takes one batch from its delivery to its acknowledgement.
func (i Intake) fold(ctx context.Context, batch *bus.Batch) (err error) {
	ctx, processing := i.Bus.Process(ctx, i.Durable, batch.Deliveries)
	defer func() { processing.End(err) }()
	stop := batch.Keep(ctx)
	err = i.Fold(ctx, batch.Deliveries)
	stop()
	if err != nil {
		return err
	}
	return batch.Ack(ctx)
}

// await gives a batch to whoever can fold it, and waits until this program can.
func (i Intake) await(ctx context.Context, batch *bus.Batch, reason error) error {
	i.Log.WarnContext(ctx, "facts wait in the log", "consumer", i.Durable, "error", reason)
	if err := batch.Retry(0); err != nil {
		i.Log.WarnContext(ctx, "cannot give a batch back", "consumer", i.Durable, "error", err)
	}
	return i.Await(ctx)
}

func (i Intake) giveBack(ctx context.Context, batch *bus.Batch, pause time.Duration, reason error) {
	i.Failed()
	i.Log.WarnContext(ctx, "cannot fold a batch; it comes again", "consumer", i.Durable, "events", len(batch.Deliveries), "pause", pause, "error", reason)
	if err := batch.Retry(pause); err != nil {
		i.Log.WarnContext(ctx, "cannot give a batch back", "consumer", i.Durable, "error", err)
	}
}
