package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/provider/catalog"
	"github.com/stridelog/stridelog/services/poller"
	"github.com/stridelog/stridelog/standalone/internal/config"
	"github.com/stridelog/stridelog/standalone/internal/system"
)

// progressEvery is how often progress is told where lines cannot replace each other.
const progressEvery = 5 * time.Second

func runImport(ctx context.Context, p Process, c config.Config, args []string) error {
	call, err := importCall(p, args)
	i, user := call.Import, call.user
	if err != nil {
		return err
	}
	show := &importProgress{p: p, began: time.Now()}
	var done poller.Imported
	err = withSystem(ctx, p, c, "import", func(s *system.System) error {
		done, err = s.Import(ctx, user, i, show.show)
		show.end()
		return err
	})
	switch {
	case errors.Is(err, system.ErrNoUser):
		return fmt.Errorf("%w: %w", errUsage, err)
	case ctx.Err() != nil:
		return errors.New("import: stopped; run it again: it goes on with what is missing")
	case err != nil:
		return fmt.Errorf("import: %w", err)
	}
	writeImport(p.Stdout, call, done)
	if done.Status == "failed" {
		return fmt.Errorf("import: %s", done.Message)
	}
	return nil
}

// importing is what the command line asks for.
type importing struct {
	poller.Import
	user    string
	verbose bool
}

// importCall reads the command line. Flags may stand before or after the paths.
func importCall(p Process, args []string) (i importing, err error) {
	flags := newFlags(p, "import")
	flags.StringVar(&i.user, "user", "", "whose history it is: the user's id, or your external_user_id (required)")
	flags.BoolVar(&i.DryRun, "dry-run", false, "compare and count; bring nothing in")
	flags.StringVar(&i.TimeZone, "timezone", "", "the IANA name of the zone that the person lived in, for records of which the archive does not tell an offset: Europe/Rome")
	flags.BoolVar(&i.verbose, "verbose", false, "list every file with what became of it, and the names of the unknown ones")
	words, err := parseWords(flags, args)
	if err != nil {
		return i, err
	}
	kinds := slices.Sorted(maps.Keys(catalog.Importers()))
	switch {
	case len(words) < 2 || i.user == "":
		return i, fmt.Errorf("%w: stridelog import KIND PATH... --user USER [--dry-run] [--timezone ZONE] [--verbose], where KIND is %s and PATH the archive, its parts or the unpacked folder", errUsage, strings.Join(kinds, " or "))
	case !slices.Contains(kinds, words[0]):
		return i, fmt.Errorf("%w: cannot import %q; the kinds are %s", errUsage, words[0], strings.Join(kinds, ", "))
	}
	if _, known := provider.ZoneNamed(i.TimeZone); i.TimeZone != "" && !known {
		return i, fmt.Errorf("%w: there is no time zone %q; an example is Europe/Rome", errUsage, i.TimeZone)
	}
	for _, path := range words[1:] {
		if _, err := os.Stat(path); err != nil {
			return i, fmt.Errorf("%w: %w; check the path", errUsage, err)
		}
		absolute, err := filepath.Abs(path)
		if err != nil {
			return i, err
		}
		i.Paths = append(i.Paths, absolute)
	}
	i.Kind = words[0]
	return i, nil
}

// importProgress is a line that replaces itself on a terminal, and a line now and
// then elsewhere.
type importProgress struct {
	p           Process
	began, told time.Time
	open        bool
}

func (s *importProgress) show(r poller.ImportReport) {
	now := time.Now()
	line := progressLine(r, now.Sub(s.began))
	if s.p.Terminal {
		fmt.Fprintf(s.p.Stderr, "\r\033[K%s", line)
		s.open = true
		return
	}
	if now.Sub(s.told) >= progressEvery {
		fmt.Fprintln(s.p.Stderr, line)
		s.told = now
	}
}

func (s *importProgress) end() {
	if s.open {
		fmt.Fprintln(s.p.Stderr)
	}
}

// progressLine tells the rate, and when the rest will be done at it.
func progressLine(r poller.ImportReport, since time.Duration) string {
	p := r.Progress
	line := fmt.Sprintf("importing: %d records, %d new, %.0f records/s", r.Counts.Found, r.Counts.Imported+r.Counts.Enriched, p.RecordsPerSecond)
	if p.BytesTotal > 0 && p.BytesRead > 0 {
		left := time.Duration(float64(since) * float64(p.BytesTotal-p.BytesRead) / float64(p.BytesRead))
		line += fmt.Sprintf(", %d %%, %s left", 100*p.BytesRead/p.BytesTotal, left.Round(time.Second))
	}
	return line
}

// writeImport is the report for people: what was done, then what needs their
// attention. Every file is listed only if they ask for it.
func writeImport(w io.Writer, i importing, done poller.Imported) {
	writeSummary(w, i, done)
	for _, f := range done.Files {
		if i.verbose || f.Problem != "" || f.Skipped[provider.SkipBroken] > 0 || f.Skipped[provider.SkipTooLarge] > 0 {
			writeFile(w, f)
		}
	}
	if n := len(done.Unknown); n > 0 {
		fmt.Fprintf(w, "  %d files are of no known kind", n)
		if i.verbose {
			fmt.Fprintf(w, ": %s", strings.Join(done.Unknown, ", "))
		}
		fmt.Fprintln(w, ".")
	}
	if len(done.Notes) > 0 {
		fmt.Fprintf(w, "  Notes: %s (docs/import.md, \"Reports\", says what they mean).\n", strings.Join(done.Notes, ", "))
	}
	if done.Status == "partial" {
		fmt.Fprintln(w, done.Message)
	}
	fmt.Fprintf(w, "The report stays at /api/v1/imports/%s", done.ID)
	if !i.verbose && len(done.Files) > 0 {
		fmt.Fprint(w, "; --verbose lists the files")
	}
	fmt.Fprintln(w)
}

// writeSummary says what became of the records and the routes.
func writeSummary(w io.Writer, i importing, done poller.Imported) {
	c, verb := done.Counts, "Imported"
	if i.DryRun {
		verb = "A dry run: would import"
	}
	if done.Status != "failed" {
		fmt.Fprintf(w, "%s %d of %d records that the export holds in %s (%.0f records/s)", verb, c.Imported, c.Found, done.Elapsed.Round(time.Millisecond), done.Progress.RecordsPerSecond)
		if r := done.Range; r != nil {
			fmt.Fprintf(w, ", from %s to %s", r.From.Format(time.DateOnly), r.To.Format(time.DateOnly))
		}
		fmt.Fprintln(w, ".")
	}
	routes := 0
	for _, f := range done.Files {
		if provider.IsRoutes(f.Kind) {
			routes += f.Imported
		}
	}
	for _, part := range []struct {
		n    int
		says string
	}{
		{c.AlreadyThere, "were already there"}, {c.Enriched, "were known and are enriched"}, {c.Rejected, "were not understood; the log keeps them"},
		{c.Skipped, "were skipped: " + skipped(done.Files)}, {c.Superseded, "of earlier imports turned out to be the same and are removed"},
		{c.Restated, "of earlier imports are known better now"},
		{routes, "routes came with them"},
	} {
		if part.n > 0 {
			fmt.Fprintf(w, "  %d %s.\n", part.n, part.says)
		}
	}
}

// skipped sums up why records were not brought in by themselves. What became of
// routes stands in their own line.
func skipped(files []poller.ImportFile) string {
	sums := map[string]int{}
	for _, f := range files {
		if provider.IsRoutes(f.Kind) {
			continue
		}
		for why, n := range f.Skipped {
			sums[why] += n
		}
	}
	var parts []string
	for _, why := range slices.Sorted(maps.Keys(sums)) {
		says := why
		switch why {
		case provider.SkipCompanion:
			says = "went along with the same activity of another file"
		case provider.SkipDuplicate:
			says = "stand elsewhere in the export, as new or newer"
		case provider.SkipDeleted:
			says = "are marked as deleted"
		case provider.SkipBroken:
			says = "are broken"
		case provider.SkipTooLarge:
			says = "are too large"
		}
		parts = append(parts, fmt.Sprintf("%d %s", sums[why], says))
	}
	return strings.Join(parts, ", ")
}

func writeFile(w io.Writer, f poller.ImportFile) {
	fmt.Fprintf(w, "  %s: %d found, %d imported, %d already there, %d enriched", f.Name, f.Found, f.Imported, f.AlreadyThere, f.Enriched)
	for _, why := range slices.Sorted(maps.Keys(f.Skipped)) {
		fmt.Fprintf(w, ", %d skipped (%s)", f.Skipped[why], why)
	}
	if f.Rejected > 0 {
		fmt.Fprintf(w, ", %d not understood", f.Rejected)
	}
	if f.Problem != "" {
		fmt.Fprintf(w, "; %s", f.Problem)
	}
	fmt.Fprintln(w)
}
