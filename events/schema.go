package events

import (
	"embed"
	"fmt"
)

//go:generate go run ./internal/schemagen

//go:embed schemas/*.json
var schemaFiles embed.FS

// Schema is the JSON Schema of a type's data.
func Schema(t Type) ([]byte, error) {
	if _, err := Describe(t); err != nil {
		return nil, err
	}
	text, err := schemaFiles.ReadFile("schemas/" + string(t) + ".json")
	if err != nil {
		return nil, fmt.Errorf("schema of %s: %w", t, err)
	}
	return text, nil
}
