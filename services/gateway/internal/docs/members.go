package docs

import (
	"encoding/json"
	"slices"
	"strings"
)

// schema is the part of JSON Schema that the page shows.
type schema struct {
	Ref         string             `json:"$ref"`
	Type        json.RawMessage    `json:"type"` // a word or a list of them
	Format      string             `json:"format"`
	Description string             `json:"description"`
	Enum        []string           `json:"enum"`
	Properties  map[string]*schema `json:"properties"`
	Items       *schema            `json:"items"`
	AllOf       []*schema          `json:"allOf"`
	OneOf       []*schema          `json:"oneOf"`
}

// member is one line about what an answer holds.
type member struct{ Path, Type, Description string }

// members lists what a schema holds, by path: data[].source.provider.
func (d document) members(path string, s *schema) (list []member) {
	s = d.resolve(s)
	if s == nil {
		return nil
	}
	for _, part := range slices.Concat(s.AllOf, s.OneOf) {
		list = append(list, d.members(path, part)...)
	}
	if s.Items != nil {
		list = append(list, d.members(path+"[]", s.Items)...)
	}
	for _, name := range sorted(s.Properties) {
		at := strings.TrimPrefix(path+"."+name, ".")
		given := s.Properties[name]
		known := d.resolve(given)
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
		list = append(list, d.members(at, known)...)
	}
	return list
}

func (d document) resolve(s *schema) *schema {
	if s == nil || s.Ref == "" {
		return s
	}
	return d.Components.Schemas[s.Ref[strings.LastIndex(s.Ref, "/")+1:]]
}

// kind is the type in words: "string or null, date-time".
func kind(s *schema) string {
	var words []string
	if err := json.Unmarshal(s.Type, &words); err != nil {
		words = []string{strings.Trim(string(s.Type), `"`)}
	}
	word := strings.Join(words, " or ")
	if len(s.OneOf) > 0 {
		word = "object or null"
	}
	if s.Format != "" {
		word += ", " + s.Format
	}
	return word
}

func sorted(m map[string]*schema) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
