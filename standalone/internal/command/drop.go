package command

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"

	"github.com/stridelog/stridelog/platform/bus"
)

// dropAction reads `drop SEQUENCE… --reason "…"`; the flag may stand anywhere.
func dropAction(args []string) (func(context.Context, Process, *bus.Bus) error, error) {
	flags := flag.NewFlagSet("dead-letters drop", flag.ContinueOnError)
	flags.SetOutput(io.Discard) // the usage says it
	reason := flags.String("reason", "", "why nobody needs them; it is kept")
	words, err := parseWords(flags, args)
	sequences, ok := sequencesOf(words)
	switch {
	case err != nil || !ok:
		return nil, fmt.Errorf("%w: %s", errUsage, deadLettersUsage)
	case strings.TrimSpace(*reason) == "":
		return nil, fmt.Errorf("%w: --reason is required, because it is kept: %s", errUsage, deadLettersUsage)
	}
	return func(ctx context.Context, p Process, b *bus.Bus) error { return drop(ctx, p, b, sequences, *reason) }, nil
}

// drop goes on after one that is not there.
func drop(ctx context.Context, p Process, b *bus.Bus, sequences []uint64, reason string) error {
	dropped, failed := 0, 0
	for _, n := range sequences {
		d, err := b.Drop(ctx, n, reason)
		switch {
		case ctx.Err() != nil:
			return fmt.Errorf("drop: %w after %d of %d; call again to go on", ctx.Err(), dropped, len(sequences))
		case errors.Is(err, bus.ErrNoMessage):
			fmt.Fprintf(p.Stdout, "%d: there is no such dead letter; it was requeued, dropped or erased.\n", n)
		case errors.Is(err, bus.ErrDropped):
			fmt.Fprintf(p.Stdout, "%d: it is dropped already.\n", n)
		case err != nil:
			failed++
			fmt.Fprintf(p.Stderr, "%d: it stays: %v\n", n, err)
		default:
			dropped++
			fmt.Fprintf(p.Stdout, "%d: dropped; its record is %d, by which it can still be requeued.\n", n, d.Sequence)
		}
	}
	fmt.Fprintf(p.Stdout, "Dropped %d of %d dead letters.\n", dropped, len(sequences))
	if failed > 0 {
		return fmt.Errorf("%d dead letters stay; call again", failed)
	}
	return nil
}
