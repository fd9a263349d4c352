package docs

import (
	"slices"
	"strings"

	"github.com/stridelog/stridelog/services/gateway/internal/openapi"
)

// member is one line about what an answer holds.
type member struct{ Path, Type, Description string }

// members lists what a schema holds, by path: data[].source.provider. They stand in
// the order of the document, which is that of the answers.
func members(d *openapi.Document, path string, s *openapi.Schema) (list []member) {
	s = d.Resolve(s)
	if s == nil {
		return nil
	}
	for _, part := range slices.Concat(s.AllOf, s.OneOf) {
		list = append(list, members(d, path, part)...)
	}
	if s.Items != nil {
		list = append(list, members(d, path+"[]", s.Items)...)
	}
	for _, name := range s.Order {
		at := strings.TrimPrefix(path+"."+name, ".")
		given := s.Properties[name]
		known := d.Resolve(given)
		if known == nil {
			continue
		}
		about := given.Description
		if about == "" {
			about = known.Description
		}
		if len(known.Enum) > 0 {
			about = strings.TrimSpace(about + " One of " + strings.Join(known.Enum, ", ") + ".")
		}
		list = append(list, member{at, kind(known), about})
		list = append(list, members(d, at, known)...)
	}
	return list
}

// kind is the type in words: "string or null, date-time".
func kind(s *openapi.Schema) string {
	word := strings.Join(s.Type, " or ")
	if len(s.OneOf) > 0 {
		word = "object or null"
	}
	if s.Format != "" {
		word += ", " + s.Format
	}
	return word
}
