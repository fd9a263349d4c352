// Package api is the public contract: the OpenAPI document and what is generated
// from it. The document leads; change it first and run go generate.
package api

import (
	_ "embed"
	"encoding/json"
)

//go:generate go run ../apigen openapi.yaml codegen.yaml
//go:generate go run ../specjson openapi.yaml openapi.json

//go:embed openapi.json
var document []byte

// Document is the OpenAPI document as JSON. Callers must not change it.
func Document() []byte { return document }

// Text is a member of a patch: absent, null or a text.
type Text struct {
	Given bool
	Value *string
}

// UnmarshalJSON implements json.Unmarshaler; it is called only for a member that is there.
func (t *Text) UnmarshalJSON(data []byte) error {
	t.Given = true
	return json.Unmarshal(data, &t.Value)
}
