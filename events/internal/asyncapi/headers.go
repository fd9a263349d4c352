package asyncapi

import (
	"github.com/invopop/jsonschema"

	"github.com/stridelog/stridelog/events"
)

// commonHeaders describes the headers that every event has: CloudEvents 1.0 and
// what NATS and tracing add.
func commonHeaders() *jsonschema.Schema {
	s := &jsonschema.Schema{
		Type: "object", Properties: jsonschema.NewProperties(),
		Description: "Headers are CloudEvents attributes. JetStream may add headers of its own.",
	}
	add := func(name string, required bool, property *jsonschema.Schema) {
		s.Properties.Set(name, property)
		if required {
			s.Required = append(s.Required, name)
		}
	}
	text := func(description string) *jsonschema.Schema {
		return &jsonschema.Schema{Type: "string", MinLength: ptr(uint64(1)), Description: description}
	}
	add(events.HeaderSpecVersion, true, &jsonschema.Schema{Type: "string", Const: events.SpecVersion})
	add(events.HeaderID, true, text("Names the event. The same event may be delivered again, with the same id."))
	add(events.HeaderType, true, text("The event's type, with its version."))
	add(events.HeaderSource, true, text("The service that says it: stridelog/<service>."))
	add(events.HeaderSubject, false, text("The id of what the event is about: a connection, a sync, a record, a workout."))
	add(events.HeaderTime, true, &jsonschema.Schema{Type: "string", Format: "date-time", Description: "When it happened, in UTC."})
	add(events.HeaderDataSchema, true, &jsonschema.Schema{Type: "string", Format: "uri", Description: "Names the JSON Schema of the payload. Every installation serves it under the same path, /schemas/{name}."})
	add(events.HeaderContentType, true, &jsonschema.Schema{Type: "string", Const: events.ContentType})
	add(events.HeaderMsgID, true, text("Equal to ce-id; JetStream drops a repetition within its window."))
	add(events.HeaderTraceParent, false, text("W3C trace context of the request that led here."))
	return s
}

// headers are those of one event type.
func headers(t events.Type) *jsonschema.Schema {
	own := jsonschema.NewProperties()
	own.Set(events.HeaderType, &jsonschema.Schema{Type: "string", Const: string(t)})
	required := []string(nil)
	if f, ok := events.FenceOf(t); ok && f != events.FenceActivity {
		own.Set(events.HeaderKind, &jsonschema.Schema{Type: "string", Description: "The kind of data that the record is of, also in the payload."})
		required = append(required, events.HeaderKind)
	}
	own.Set(events.HeaderDataSchema, &jsonschema.Schema{Type: "string", Const: events.SchemaURL(t)})
	return &jsonschema.Schema{
		Type:  "object",
		AllOf: []*jsonschema.Schema{{Ref: "#/components/schemas/" + headersName}, {Properties: own, Required: required}},
	}
}

func ptr[T any](v T) *T { return &v }
