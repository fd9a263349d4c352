// Command schemagen writes schemas/, asyncapi.json and asyncapi.yaml from the
// event types. Run it by go generate.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/stridelog/stridelog/events/internal/asyncapi"
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
	files := map[string][]byte{}
	for t, text := range schemas {
		files[filepath.Join("schemas", string(t)+".json")] = text
	}
	document, err := asyncapi.Generate(".")
	if err != nil {
		return err
	}
	files["asyncapi.json"] = document
	if files["asyncapi.yaml"], err = asyncapi.YAML(document); err != nil {
		return err
	}
	for name, text := range files {
		if err := os.WriteFile(name, text, 0o644); err != nil {
			return fmt.Errorf("write %s: %w", name, err)
		}
	}
	return nil
}
