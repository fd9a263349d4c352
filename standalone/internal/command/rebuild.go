package command

import (
	"context"
	"flag"
	"fmt"
	"time"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/services/projector"
	"github.com/stridelog/stridelog/standalone/internal/config"
	"github.com/stridelog/stridelog/standalone/internal/store"
)

func runRebuild(ctx context.Context, p Process, c config.Config, args []string) error {
	if len(args) > 0 {
		return fmt.Errorf("%w: stridelog rebuild takes no arguments", errUsage)
	}
	stores, err := store.Find(c)
	if err != nil {
		return err
	}
	log, err := newLogger(p, c)
	if err != nil {
		return err
	}
	started := time.Now()
	report, err := newSystem(p, c, stores, log).Rebuild(ctx, func(pr projector.Progress) {
		fmt.Fprintln(p.Stderr, pr)
	})
	if err != nil {
		return fmt.Errorf("rebuild: %w", err)
	}
	fmt.Fprintf(p.Stdout, "%s (%.1fs)\n", report, time.Since(started).Seconds())
	return nil
}

// runTail prints events as they come. What it prints is people's data.
func runTail(ctx context.Context, p Process, c config.Config, args []string) error {
	flags := flag.NewFlagSet("tail", flag.ContinueOnError)
	flags.SetOutput(p.Stderr)
	from := flags.Uint64("from", 0, "first sequence to print; 0 is what comes from now on")
	stream := flags.String("stream", events.StreamFacts, "stream to read")
	user := flags.String("user", "*", "id of one user")
	if err := flags.Parse(args); err != nil {
		return fmt.Errorf("%w: %w", errUsage, err)
	}
	stores, err := store.Find(c)
	if err != nil {
		return err
	}
	log, err := newLogger(p, c)
	if err != nil {
		return err
	}
	nc, err := bus.Connect(ctx, stores.NATSURL, "tail", log)
	if err != nil {
		return err
	}
	defer nc.Close()
	b, err := bus.New(nc, log)
	if err != nil {
		return err
	}
	return tail(ctx, p, b, *stream, events.UserSubjects(*user), *from)
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
