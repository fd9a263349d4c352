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
	"github.com/stridelog/stridelog/services/projector"
	"github.com/stridelog/stridelog/standalone/internal/config"
	"github.com/stridelog/stridelog/standalone/internal/store"
)

func runRebuild(ctx context.Context, p Process, c config.Config, args []string) error {
	if len(args) > 0 {
		return fmt.Errorf("%w: stridelog rebuild takes no arguments", errUsage)
	}
	log, err := newLogger(p, c)
	if err != nil {
		return err
	}
	stores, err := store.Reach(ctx, c, log)
	if err != nil {
		return err
	}
	defer stores.Close()
	r, err := newSystem(p, c, stores, log).Rebuild(ctx, func(pr projector.Progress) { showProgress(p, pr) })
	if err != nil {
		return fmt.Errorf("rebuild: %w", err)
	}
	fmt.Fprintf(p.Stdout, "Rebuilt %d workouts in %d versions from %d events up to sequence %d in %s; live batches waited %s.\n",
		r.Workouts, r.Versions, r.Facts, r.LastSequence, r.Elapsed.Round(time.Millisecond), r.Blocked.Round(time.Millisecond))
	fmt.Fprintf(p.Stdout, "The poller knows %d activities of %d connected accounts again, from %d facts in %s; %d connection events were read again.\n",
		r.Poller.Activities, r.Poller.Targets, r.Poller.Facts, r.Poller.Elapsed.Round(time.Millisecond), r.Poller.Connections)
	if r.Failures > 0 || r.Rejected > 0 {
		fmt.Fprintf(p.Stdout, "%d records could not be normalized and %d messages could not be read; both are kept in the log.\n", r.Failures, r.Rejected)
	}
	return nil
}

// showProgress is a line that replaces itself on a terminal, and a line each
// elsewhere.
func showProgress(p Process, pr projector.Progress) {
	line := fmt.Sprintf("%s: %d events, at %d of %d, %.0f events/s", pr.Phase, pr.Facts, pr.Sequence, pr.Target, pr.Rate)
	if pr.Rate > 0 && pr.Target > pr.Sequence {
		eta := time.Duration(float64(pr.Target-pr.Sequence) / pr.Rate * float64(time.Second))
		line += ", " + eta.Round(time.Second).String() + " left"
	}
	if p.Terminal {
		fmt.Fprintf(p.Stderr, "\r\033[K%s", line)
		if pr.Phase == projector.PhaseSwitched {
			fmt.Fprintln(p.Stderr)
		}
		return
	}
	fmt.Fprintln(p.Stderr, line)
}

const (
	everybody = "*" // every user, as a subject's token
	// connectPatience is short: a person is watching, and the system should run.
	connectPatience = 5 * time.Second
)

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
	stores, err := store.Find(c)
	if err != nil {
		return err
	}
	log, err := newLogger(p, c)
	if err != nil {
		return err
	}
	patience, cancel := context.WithTimeout(ctx, connectPatience)
	defer cancel()
	nc, err := bus.Connect(patience, stores.NATSURL, "tail", log)
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
