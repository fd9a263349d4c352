package command

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/stridelog/stridelog/standalone/internal/config"
)

// runVersion says what this program was built from.
func runVersion(_ context.Context, p Process, _ config.Config, args []string) error {
	flags := newFlags(p, "version")
	asJSON := flags.Bool("json", false, "print one JSON document")
	switch err := parseFlags(flags, args, "stridelog version [--json]"); {
	case err != nil:
		return err
	case *asJSON:
		return writeJSON(p.Stdout, p.Build)
	}
	commit := p.Build.Commit
	if p.Build.Modified {
		commit += ", with changes"
	}
	table := tabwriter.NewWriter(p.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintf(table, "version\t%s\ncommit\t%s\nbuilt\t%s\ngo\t%s\n", p.Build.Version, commit, p.Build.Time, p.Build.Go)
	return table.Flush()
}

// writeJSON writes a document for programs, two spaces a level. The order of members
// is that of the type.
func writeJSON(w io.Writer, v any) error {
	out := json.NewEncoder(w)
	out.SetIndent("", "  ")
	out.SetEscapeHTML(false)
	return out.Encode(v)
}
