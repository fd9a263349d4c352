package command

import (
	"context"
	"fmt"
	"time"

	"github.com/stridelog/stridelog/services/projector"
	"github.com/stridelog/stridelog/standalone/internal/config"
	"github.com/stridelog/stridelog/standalone/internal/system"
)

func runRebuild(ctx context.Context, p Process, c config.Config, args []string) error {
	flags := newFlags(p, "rebuild")
	accept := flags.Bool("accept-log", false, "take the log as it is, also when the database was filled from another one: after a restore")
	dry := flags.Bool("dry-run", false, "say what would change, by field, and change nothing")
	samples := flags.Int("samples", 3, "with --dry-run: how many workouts to name for each change, 0 to 1000")
	asJSON := flags.Bool("json", false, "with --dry-run: print one JSON document")
	switch err := parseFlags(flags, args, "stridelog rebuild [--accept-log] [--dry-run [--samples N] [--json]]"); {
	case err != nil:
		return err
	case *asJSON && !*dry:
		return fmt.Errorf("%w: --json is for --dry-run", errUsage)
	case *samples < 0 || *samples > 1000:
		return fmt.Errorf("%w: --samples is a number from 0 to 1000", errUsage)
	}
	return withSystem(ctx, p, c, "rebuild", func(s *system.System) error {
		s.AcceptLog = *accept
		if *dry {
			return dryRebuild(ctx, p, s, *samples, *asJSON)
		}
		r, err := s.Rebuild(ctx, func(pr projector.Progress) { showProgress(p, pr) })
		if err != nil {
			return fmt.Errorf("rebuild: %w", err)
		}
		writeRebuilt(p, r)
		return nil
	})
}

func writeRebuilt(p Process, r system.Rebuilt) {
	fmt.Fprintf(p.Stdout, "Rebuilt %d workouts in %d versions from %d events up to sequence %d in %s; live batches waited %s.\n",
		r.Workouts, r.Versions, r.Facts, r.LastSequence, r.Elapsed.Round(time.Millisecond), r.Blocked.Round(time.Millisecond))
	fmt.Fprintf(p.Stdout, "The poller knows %d activities of %d connected accounts again, from %d facts in %s; %d connection events were read again, %d requested syncs wait.\n",
		r.Poller.Activities, r.Poller.Targets, r.Poller.Facts, r.Poller.Elapsed.Round(time.Millisecond), r.Poller.Connections, r.Poller.Requests)
	if r.Relinked > 0 {
		fmt.Fprintf(p.Stdout, "%d workouts repeat another one than before, or none any more; that is announced.\n", r.Relinked)
	}
	if r.Announced+r.Withheld > 0 {
		fmt.Fprintf(p.Stdout, "%d workouts read otherwise than before and are announced; %d more differ in a way that no event can say; a client that keeps events reads those from the API again.\n", r.Announced, r.Withheld)
	}
	if r.Failures > 0 || r.Rejected > 0 {
		fmt.Fprintf(p.Stdout, "%d records could not be normalized and %d messages could not be read; both are kept in the log.\n", r.Failures, r.Rejected)
	}
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
		if pr.Phase == projector.PhaseSwitched || pr.Phase == projector.PhaseCompared {
			fmt.Fprintln(p.Stderr)
		}
		return
	}
	fmt.Fprintln(p.Stderr, line)
}
