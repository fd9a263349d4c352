package command

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/stridelog/stridelog/services/projector"
	"github.com/stridelog/stridelog/standalone/internal/system"
)

// dryRebuild says what a rebuild would change.
func dryRebuild(ctx context.Context, p Process, s *system.System, samples int, asJSON bool) error {
	c, err := s.DryRebuild(ctx, samples, func(pr projector.Progress) { showProgress(p, pr) })
	if err != nil {
		return fmt.Errorf("rebuild: %w", err)
	}
	if asJSON {
		return writeJSON(p.Stdout, c)
	}
	return writeChanges(p, c)
}

func writeChanges(p Process, c projector.Changes) error {
	fmt.Fprintf(p.Stdout, "Dry run: made %d workouts from %d events up to sequence %d in %s and compared them; nothing was changed.\n",
		c.Workouts, c.Facts, c.LastSequence, c.Elapsed.Round(time.Millisecond))
	if c.Pending > 0 {
		fmt.Fprintf(p.Stdout, "%d workouts have facts that the projector has not folded yet and are not compared.\n", c.Pending)
	}
	if c.None() {
		fmt.Fprintln(p.Stdout, "A rebuild would change nothing.")
		return nil
	}
	fmt.Fprintf(p.Stdout, "A rebuild would change %d workouts, show %d more, and no longer show %d.\n", c.Changed, c.New.Count, c.Gone.Count)
	if err := writeFields(p, c); err != nil {
		return err
	}
	for _, l := range []struct {
		says string
		projector.Listed
	}{{"shown then", c.New}, {"no longer shown", c.Gone}} {
		if len(l.IDs) > 0 {
			fmt.Fprintf(p.Stdout, "%s: %s%s\n", l.says, strings.Join(l.IDs, ", "), more(l.Count, len(l.IDs)))
		}
	}
	v := c.Versions
	fmt.Fprintf(p.Stdout, "Of the histories: %d versions read otherwise, %d more records are understood, %d are no longer; %d versions come and %d go.\n",
		v.Otherwise, v.Understood, v.NotUnderstood, v.Added, v.Removed)
	for _, t := range c.Tables {
		fmt.Fprintf(p.Stdout, "table %s: %d rows come and %d go.\n", t.Name, t.Added, t.Removed)
	}
	fmt.Fprintf(p.Stdout, "It would announce %d workouts and %d links; %d differ in a way that no event can say.\n", c.Announced, c.Relinked, c.Withheld)
	return nil
}

// writeFields is a table of the fields with their samples.
func writeFields(p Process, c projector.Changes) error {
	if len(c.Fields) == 0 {
		return nil
	}
	table := tabwriter.NewWriter(p.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "FIELD\tWORKOUTS\tSAMPLE\tOLD\tNEW")
	for _, f := range c.Fields {
		fmt.Fprintf(table, "%s\t%d", f.Name, f.Count)
		for i, s := range f.Samples {
			if i > 0 {
				fmt.Fprint(table, "\t")
			}
			fmt.Fprintf(table, "\t%s\t%s\t%s\n", s.WorkoutID, short(s.Old), short(s.New))
		}
		if len(f.Samples) == 0 {
			fmt.Fprint(table, "\t\t\t\n")
		}
	}
	return table.Flush()
}

func more(all int64, named int) string {
	if rest := all - int64(named); rest > 0 {
		return fmt.Sprintf(" and %d more", rest)
	}
	return ""
}

// longest is how many characters of a value are shown.
const longest = 60

// short is a JSON value on one line.
func short(value []byte) string {
	text := []rune(strings.Join(strings.Fields(cmp.Or(string(value), "-")), " "))
	if len(text) > longest {
		return string(text[:longest-1]) + "…"
	}
	return string(text)
}
