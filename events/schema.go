package events

import (
	"embed"
	"fmt"
	"strings"
)

//go:generate go run ./internal/schemagen

//go:embed schemas/*.json
var schemaFiles embed.FS

// SchemaPath is where the gateway of every installation serves the schemas: the path
// of the addresses that ce-dataschema names. A file's name follows it.
const SchemaPath = "/schemas/"

const (
	schemaHost   = "https://stridelog.dev"
	schemaSuffix = ".json"
)

// SchemaURL is the address of the JSON Schema of a type's data: its name, the same in
// every installation. The gateway serves it under the same path.
func SchemaURL(t Type) string { return schemaHost + SchemaPath + string(t) + schemaSuffix }

// SchemaFile is the schema whose address ends in a name: stridelog.sync.finished.v1.json.
// ok is false when there is none of that name.
func SchemaFile(name string) (text []byte, ok bool) {
	t, ok := strings.CutSuffix(name, schemaSuffix)
	if !ok {
		return nil, false
	}
	text, err := Schema(Type(t))
	return text, err == nil
}

// Schema is the JSON Schema of a type's data.
func Schema(t Type) ([]byte, error) {
	if _, err := Describe(t); err != nil {
		return nil, err
	}
	text, err := schemaFiles.ReadFile("schemas/" + string(t) + schemaSuffix)
	if err != nil {
		return nil, fmt.Errorf("schema of %s: %w", t, err)
	}
	return text, nil
}
