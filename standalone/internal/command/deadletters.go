package command

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/standalone/internal/config"
)

const (
	deadLettersUsage = `stridelog dead-letters list | requeue SEQUENCE… | requeue --all | drop SEQUENCE… --reason "…"`
	deadLettersPage  = 200
)

// runDeadLetters shows the events that services gave up, lets them handle some again,
// and drops those that nobody needs.
func runDeadLetters(ctx context.Context, p Process, c config.Config, args []string) error {
	act, err := deadLettersAction(args)
	if err != nil {
		return err
	}
	on := withPair
	if args[0] == "list" {
		on = withBus
	}
	return on(ctx, p, c, "dead-letters", func(b *bus.Bus) error { return act(ctx, p, b) })
}

// deadLettersAction is what the arguments ask for, decided before anything is
// connected.
func deadLettersAction(args []string) (func(context.Context, Process, *bus.Bus) error, error) {
	wrong := fmt.Errorf("%w: %s", errUsage, deadLettersUsage)
	switch {
	case len(args) == 1 && args[0] == "list":
		return listDeadLetters, nil
	case len(args) == 2 && args[0] == "requeue" && args[1] == "--all":
		return requeueAll, nil
	case len(args) > 1 && args[0] == "drop":
		return dropAction(args[1:])
	case len(args) < 2 || args[0] != "requeue":
		return nil, wrong
	}
	sequences, ok := sequencesOf(args[1:])
	if !ok {
		return nil, wrong
	}
	return func(ctx context.Context, p Process, b *bus.Bus) error { return requeue(ctx, p, b, sequences) }, nil
}

// sequencesOf reads the numbers of dead letters.
func sequencesOf(args []string) (sequences []uint64, ok bool) {
	for _, arg := range args {
		n, err := strconv.ParseUint(arg, 10, 64)
		if err != nil || n == 0 {
			return nil, false
		}
		sequences = append(sequences, n)
	}
	return sequences, len(sequences) > 0
}

// everyDeadLetter gives yield each page of the open or the dropped ones, newest first.
func everyDeadLetter(ctx context.Context, b *bus.Bus, dropped bool, yield func([]bus.DeadLetter)) error {
	for q := (bus.DeadLetterQuery{Limit: deadLettersPage, Dropped: dropped}); ; {
		page, _, err := b.DeadLetters(ctx, q)
		if err != nil {
			return err
		}
		yield(page)
		if len(page) < q.Limit {
			return nil
		}
		q.Before = page[len(page)-1].Sequence
	}
}

func listDeadLetters(ctx context.Context, p Process, b *bus.Bus) error {
	table := tabwriter.NewWriter(p.Stdout, 0, 0, 2, ' ', 0)
	count := 0
	err := everyDeadLetter(ctx, b, false, func(page []bus.DeadLetter) {
		for _, d := range page {
			if count++; count == 1 {
				fmt.Fprintln(table, "SEQUENCE\tAT\tSERVICE\tTYPE\tORIGINAL\tREASON")
			}
			fmt.Fprintf(table, "%d\t%s\t%s\t%s\t%s %d\t%s\n", d.Sequence, d.At.Format(time.RFC3339), d.Service, d.Type, d.Stream, d.OriginalSequence, d.Reason)
		}
	})
	if err != nil {
		return err
	}
	if count == 0 {
		fmt.Fprintln(p.Stdout, "There are no dead letters.")
	}
	if err := table.Flush(); err != nil {
		return err
	}
	return listDropped(ctx, p, b)
}

// listDropped says below the open ones which were dropped, and why.
func listDropped(ctx context.Context, p Process, b *bus.Bus) error {
	table := tabwriter.NewWriter(p.Stdout, 0, 0, 2, ' ', 0)
	count := 0
	err := everyDeadLetter(ctx, b, true, func(page []bus.DeadLetter) {
		for _, d := range page {
			if count++; count == 1 {
				fmt.Fprintln(p.Stdout, "\nDropped, and not counted as open:")
				fmt.Fprintln(table, "SEQUENCE\tDROPPED\tSERVICE\tTYPE\tORIGINAL\tDROPPED BECAUSE\tREASON")
			}
			fmt.Fprintf(table, "%d\t%s\t%s\t%s\t%s %d\t%s\t%s\n", d.Sequence, d.DroppedAt.Format(time.RFC3339), d.Service, d.Type, d.Stream, d.OriginalSequence, d.DropReason, d.Reason)
		}
	})
	if err != nil {
		return err
	}
	return table.Flush()
}

// requeueAll takes what is there now, the oldest first, as the events happened.
func requeueAll(ctx context.Context, p Process, b *bus.Bus) error {
	var sequences []uint64
	err := everyDeadLetter(ctx, b, false, func(page []bus.DeadLetter) {
		for _, d := range page {
			sequences = append(sequences, d.Sequence)
		}
	})
	if err != nil {
		return err
	}
	slices.Reverse(sequences)
	return requeue(ctx, p, b, sequences)
}

// requeue goes on after a refusal, so that one event does not hold up the others.
func requeue(ctx context.Context, p Process, b *bus.Bus, sequences []uint64) error {
	handled, left := 0, 0
	for _, n := range sequences {
		d, err := b.Requeue(ctx, n)
		switch {
		case ctx.Err() != nil:
			return fmt.Errorf("requeue: %w after %d of %d; call again to go on", ctx.Err(), handled, len(sequences))
		case errors.Is(err, bus.ErrNoMessage):
			fmt.Fprintf(p.Stdout, "%d: there is no such dead letter; it was requeued, dropped or erased.\n", n)
		case err != nil:
			left++
			fmt.Fprintf(p.Stderr, "%d: it stays: %v\n", n, err)
		default:
			handled++
			fmt.Fprintf(p.Stdout, "%d: %s handled event %d of %s.\n", n, d.Service, d.OriginalSequence, d.Stream)
		}
	}
	fmt.Fprintf(p.Stdout, "Requeued %d of %d dead letters.\n", handled, len(sequences))
	if left > 0 {
		return fmt.Errorf("%d dead letters stay; repair what their reasons name, check that the services run, and requeue them again", left)
	}
	return nil
}
