// Command specjson writes the OpenAPI document as JSON, members in the order of
// the YAML source: specjson openapi.yaml openapi.json.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"

	"github.com/goccy/go-yaml"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "specjson:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 2 {
		return fmt.Errorf("usage: specjson <openapi.yaml> <openapi.json>, got %d arguments", len(args))
	}
	source, err := os.ReadFile(args[0])
	if err != nil {
		return err
	}
	compact, err := yaml.YAMLToJSON(source)
	if err != nil {
		return fmt.Errorf("read %s: %w", args[0], err)
	}
	var out bytes.Buffer
	if err := json.Indent(&out, bytes.TrimSpace(compact), "", " "); err != nil {
		return fmt.Errorf("%s as JSON: %w", args[0], err)
	}
	out.WriteByte('\n')
	return os.WriteFile(args[1], out.Bytes(), 0o644)
}
