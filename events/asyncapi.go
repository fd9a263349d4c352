package events

import _ "embed"

//go:embed asyncapi.json
var asyncAPI []byte

// AsyncAPI is the AsyncAPI document of this contract as JSON; asyncapi.yaml says
// the same for people. Callers must not change it.
func AsyncAPI() []byte { return asyncAPI }
