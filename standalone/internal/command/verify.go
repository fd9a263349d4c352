package command

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/stridelog/stridelog/standalone/internal/config"
	"github.com/stridelog/stridelog/standalone/internal/system"
)

// errDiffers makes the exit code of tables that are not what the log says.
var errDiffers = errors.New("tables and log differ")

// runVerify proves that what the log holds is in the tables, and nothing else.
func runVerify(ctx context.Context, p Process, c config.Config, args []string) error {
	if len(args) > 0 {
		return fmt.Errorf("%w: stridelog verify takes no arguments", errUsage)
	}
	return withSystem(ctx, p, c, "verify", func(s *system.System) error {
		line := verifyLine{p: p}
		v, err := s.Verify(ctx, line.difference, line.progress)
		line.end()
		if err != nil {
			return fmt.Errorf("verify: %w", err)
		}
		return reportVerified(p, v)
	})
}

func reportVerified(p Process, v system.Verified) error {
	fmt.Fprintf(p.Stdout, "Compared %d facts up to sequence %d with the tables and the index in %s; %d records were hashed again.\n",
		v.Facts, v.LastSequence, v.Elapsed.Round(time.Millisecond), v.Hashed)
	if v.Unreadable > 0 {
		fmt.Fprintf(p.Stdout, "%d messages of the log are no readable fact; `stridelog dead-letters list` has them.\n", v.Unreadable)
	}
	if v.Tables+v.Index+v.Damaged == 0 {
		fmt.Fprintln(p.Stdout, "There are no differences.")
		return nil
	}
	fmt.Fprintf(p.Stdout, "Differences: %d of the workout tables, %d of the poller's index, %d of the log with itself.\n", v.Tables, v.Index, v.Damaged)
	if v.Tables+v.Index > 0 {
		fmt.Fprintln(p.Stdout, "Repair: `stridelog rebuild` makes tables and index again from the log; first requeue what `stridelog dead-letters list` shows.")
	}
	if v.Damaged > 0 {
		fmt.Fprintln(p.Stdout, "The storage of the log is damaged. Nothing computes a log again: restore it from a backup, as docs/operations.md says under Restore.")
	}
	return errDiffers
}

// verifyLine writes differences, and a progress that replaces itself on a terminal
// and is a line each elsewhere.
type verifyLine struct {
	p    Process
	open bool // the terminal's line is not ended
}

func (l *verifyLine) difference(d system.Difference) {
	l.end()
	fmt.Fprintf(l.p.Stdout, "%s: sequence %d, user %s, %s: %s\n", d.Where, d.Sequence, d.UserID, d.ID, d.What)
}

func (l *verifyLine) progress(v system.VerifyProgress) {
	line := fmt.Sprintf("verifying: %d facts, at %d of %d, %.0f facts/s", v.Facts, v.Sequence, v.Target, v.Rate)
	if !l.p.Terminal {
		fmt.Fprintln(l.p.Stderr, line)
		return
	}
	fmt.Fprintf(l.p.Stderr, "\r\033[K%s", line)
	l.open = true
}

func (l *verifyLine) end() {
	if l.open {
		fmt.Fprintln(l.p.Stderr)
		l.open = false
	}
}
