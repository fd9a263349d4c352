// Package schema makes the JSON Schema of every event type from its Go type
// and the comments beside its fields, so that the three cannot drift apart.
package schema

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/invopop/jsonschema"

	"github.com/stridelog/stridelog/events"
)

const module = "github.com/stridelog/stridelog/events"

// Generate returns the schema of each event type as text.
func Generate(sourceDir string) (map[events.Type][]byte, error) {
	schemas, err := Reflect(sourceDir)
	if err != nil {
		return nil, err
	}
	out := make(map[events.Type][]byte)
	for t, s := range schemas {
		if out[t], err = Render(s); err != nil {
			return nil, fmt.Errorf("schema of %s: %w", t, err)
		}
	}
	return out, nil
}

// Reflect returns the schema of each event type. The folder is that of the
// module's source, whose comments become descriptions.
func Reflect(sourceDir string) (map[events.Type]*jsonschema.Schema, error) {
	reflector := &jsonschema.Reflector{
		DoNotReference: true,
		Anonymous:      true,
		// A shape may gain members under its name; who reads it must not refuse them.
		AllowAdditionalProperties: true,
		Mapper:                    mapType,
	}
	if err := reflector.AddGoComments(module, sourceDir, jsonschema.WithFullComment()); err != nil {
		return nil, fmt.Errorf("read comments in %s: %w", sourceDir, err)
	}
	reflector.CommentMap = keysByPackage(reflector.CommentMap)
	out := make(map[events.Type]*jsonschema.Schema)
	for _, d := range events.Types() {
		s := reflector.ReflectFromType(reflect.TypeOf(d.New()).Elem())
		allowNull(reflect.TypeOf(d.New()).Elem(), s)
		s.ID = jsonschema.ID(events.SchemaURL(d.Type))
		s.Title = d.GoName()
		s.Description = d.Says
		switch d.Type {
		case events.TypeActivityFetched:
			addRaw(s, "json", "text", "base64")
		case events.TypeRecordFetched, events.TypeChunkFetched:
			addRaw(s, "json", "text", "base64", "gzip")
		}
		out[d.Type] = s
	}
	return out, nil
}

// keysByPackage corrects the comment keys: they are made from the folder the
// source was read from, which is not always the module's root.
func keysByPackage(comments map[string]string) map[string]string {
	out := make(map[string]string, len(comments))
	for key, text := range comments {
		name := key[strings.LastIndex(key, "/")+1:]
		if _, after, ok := strings.Cut(name, "."); ok {
			out[module+"."+after] = strings.Join(strings.Fields(text), " ")
		}
	}
	return out
}

// mapType gives the types whose JSON the reflector cannot see.
func mapType(t reflect.Type) *jsonschema.Schema {
	if t == reflect.TypeOf(json.RawMessage{}) {
		return &jsonschema.Schema{Type: "object"}
	}
	return nil
}

// allowNull lets every pointer member that is always written be null: a
// provider that did not say is told apart from one that said zero.
func allowNull(t reflect.Type, s *jsonschema.Schema) {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
		if len(s.OneOf) > 0 { // the value, or null
			s = s.OneOf[0]
		}
		if t.Kind() == reflect.Slice && s.Items != nil {
			s = s.Items
		}
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct || s.Properties == nil {
		return
	}
	for i := range t.NumField() {
		field := t.Field(i)
		if field.Anonymous {
			allowNull(field.Type, s)
			continue
		}
		name, options, _ := strings.Cut(field.Tag.Get("json"), ",")
		property, ok := s.Properties.Get(name)
		if !ok {
			continue
		}
		allowNull(field.Type, property)
		if field.Type.Kind() == reflect.Pointer && !strings.Contains(options, "omitempty") {
			description := property.Description
			property.Description = ""
			s.Properties.Set(name, &jsonschema.Schema{
				Description: description,
				OneOf:       []*jsonschema.Schema{property, {Type: "null"}},
			})
		}
	}
}

// addRaw describes the spliced record, which the Go type writes by hand in one of these
// encodings.
func addRaw(s *jsonschema.Schema, encodings ...any) {
	description := "How raw holds the record: json is the record itself, byte for byte; text is a JSON string of its text; base64 is a string of its bytes."
	if slices.Contains(encodings, any("gzip")) {
		description = strings.TrimSuffix(description, ".") + "; gzip is a base64 string of its bytes, compressed."
	}
	s.Properties.Set("raw_encoding", &jsonschema.Schema{
		Type: "string", Enum: encodings, Description: description,
	})
	s.Properties.Set("raw", &jsonschema.Schema{Description: "The provider's record, never re-encoded."})
	s.Required = append(s.Required, "raw_encoding", "raw")
}

// Render is the text of a generated document: indented, in the order of its
// members, with <, > and & as they are.
func Render(document any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(document); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}
