package command

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/standalone/internal/config"
)

const everybody = "*" // every user, as a subject's token

// runTail prints events as they come. What it prints is people's data.
func runTail(ctx context.Context, p Process, c config.Config, args []string) error {
	flags := flag.NewFlagSet("tail", flag.ContinueOnError)
	flags.SetOutput(p.Stderr)
	from := flags.Uint64("from", 0, "first sequence to print; 0 is what comes from now on")
	stream := flags.String("stream", events.StreamFacts, "stream to read")
	user := flags.String("user", everybody, "id of one user")
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return nil
	case err != nil:
		return fmt.Errorf("%w: %w", errUsage, err)
	case flags.NArg() > 0:
		return fmt.Errorf("%w: stridelog tail does not know %q; see stridelog tail -h", errUsage, flags.Arg(0))
	}
	if _, err := uuid.Parse(*user); err != nil && *user != everybody {
		return fmt.Errorf("%w: --user must be the id of a user", errUsage)
	}
	return withBus(ctx, p, c, "tail", func(b *bus.Bus) error {
		return tail(ctx, p, b, *stream, events.UserSubjects(*user), *from)
	})
}

func tail(ctx context.Context, p Process, b *bus.Bus, stream, subjects string, from uint64) error {
	next := from
	if next == 0 {
		last, err := b.LastSequence(ctx, stream, subjects)
		if err != nil {
			return err
		}
		next = last + 1
	}
	poll := time.NewTicker(500 * time.Millisecond)
	defer poll.Stop()
	for {
		last, err := b.Read(ctx, stream, []string{subjects}, next, func(d bus.Delivery) error {
			_, err := fmt.Fprintf(p.Stdout, "%d %s %s %s\n", d.Sequence, d.Time.UTC().Format(time.RFC3339), d.Message.Subject, d.Message.Data)
			return err
		})
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
		next = max(next, last+1)
		select {
		case <-ctx.Done():
			return nil
		case <-poll.C:
		}
	}
}
