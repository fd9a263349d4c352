// Command schemagen writes schemas/ from the event types. Run it by go generate.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/stridelog/stridelog/events/internal/schema"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "schemagen:", err)
		os.Exit(1)
	}
}

func run() error {
	schemas, err := schema.Generate(".")
	if err != nil {
		return err
	}
	for t, text := range schemas {
		if err := os.WriteFile(filepath.Join("schemas", string(t)+".json"), text, 0o644); err != nil {
			return fmt.Errorf("write schema of %s: %w", t, err)
		}
	}
	return nil
}
