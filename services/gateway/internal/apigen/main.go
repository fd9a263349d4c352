// Command apigen generates the Go code of the OpenAPI document with oapi-codegen:
// apigen openapi.yaml codegen.yaml. The structs have their members in the order of
// the document, so that answers do, and nothing is generated for the answers that
// tell of errors: package problem writes those.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/goccy/go-yaml"
)

const generator = "github.com/oapi-codegen/oapi-codegen/v2/cmd/oapi-codegen@v2.8.2"

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "apigen:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 2 {
		return fmt.Errorf("usage: apigen <openapi.yaml> <codegen.yaml>, got %d arguments", len(args))
	}
	source, err := os.ReadFile(args[0])
	if err != nil {
		return err
	}
	document, err := prepared(source)
	if err != nil {
		return fmt.Errorf("read %s: %w", args[0], err)
	}
	dir, err := os.MkdirTemp("", "apigen")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "openapi.json")
	if err := os.WriteFile(file, document, 0o600); err != nil {
		return err
	}
	command := exec.CommandContext(context.Background(), "go", "run", generator, "-config", args[1], file)
	command.Stdout, command.Stderr = os.Stdout, os.Stderr
	if err := command.Run(); err != nil {
		return fmt.Errorf("run %s: %w", generator, err)
	}
	return nil
}

// prepared is the document as JSON, as the generator is to see it.
func prepared(source []byte) ([]byte, error) {
	var document yaml.MapSlice
	if err := yaml.UnmarshalWithOptions(source, &document, yaml.UseOrderedMap()); err != nil {
		return nil, err
	}
	return json.Marshal(withoutErrors(document, ""))
}

// withoutErrors is a node without the answers that tell of errors; the members of each
// schema say which place they have. within names the member that holds the node.
func withoutErrors(node any, within string) any {
	switch n := node.(type) {
	case []any:
		list := make([]any, len(n))
		for i, item := range n {
			list[i] = withoutErrors(item, "")
		}
		return list
	case yaml.MapSlice:
		object := map[string]any{}
		for place, item := range n {
			name := fmt.Sprint(item.Key)
			if within == "responses" && isErrorAnswer(name) {
				continue
			}
			child := withoutErrors(item.Value, name)
			if schema, ok := child.(map[string]any); ok && within == "properties" {
				schema["x-order"] = place
			}
			object[name] = child
		}
		return object
	}
	return node
}

// isErrorAnswer says whether an answer has a status from 400 on, or is a component that
// such answers refer to. The default answers stay: their components are the problems.
func isErrorAnswer(name string) bool {
	return strings.HasPrefix(name, "4") || strings.HasPrefix(name, "5") || name[0] >= 'A' && name[0] <= 'Z' && !strings.HasPrefix(name, "Problem")
}
