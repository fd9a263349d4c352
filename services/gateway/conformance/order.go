package conformance

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"

	"github.com/stridelog/stridelog/services/gateway/internal/openapi"
)

// Disorder says which members of a JSON text stand elsewhere than in its schema, and
// which the schema does not describe.
func (c *Contract) Disorder(s *openapi.Schema, text []byte) []string {
	return c.disorder("", s, bytes.TrimSpace(text))
}

func (c *Contract) disorder(path string, s *openapi.Schema, text []byte) (faults []string) {
	if s = c.document.Resolve(s); s == nil || len(text) == 0 {
		return nil
	}
	switch text[0] {
	case '[':
		var list []json.RawMessage
		if err := json.Unmarshal(text, &list); err != nil {
			return []string{fmt.Sprintf("%s: %v", path, err)}
		}
		for i, item := range list {
			faults = append(faults, c.disorder(path+"/"+strconv.Itoa(i), c.items(s), item)...)
		}
	case '{':
		return c.members(path, s, text)
	}
	return faults
}

// items is the schema of a list's rows.
func (c *Contract) items(s *openapi.Schema) *openapi.Schema {
	for _, part := range s.OneOf {
		if known := c.document.Resolve(part); known != nil && known.Items != nil {
			return known.Items
		}
	}
	return s.Items
}

// described are the members that a schema describes, with those of its parts before its
// own. open is that it allows others.
func (c *Contract) described(s *openapi.Schema) (names []string, schemas map[string]*openapi.Schema, open bool) {
	schemas = map[string]*openapi.Schema{}
	open = s.AdditionalProperties != nil && string(s.AdditionalProperties) != "false"
	for _, part := range slices.Concat(s.AllOf, s.OneOf) {
		if known := c.document.Resolve(part); known != nil {
			more, of, free := c.described(known)
			names, open = append(names, more...), open || free
			for name, schema := range of {
				schemas[name] = schema
			}
		}
	}
	for _, name := range s.Order {
		names, schemas[name] = append(names, name), s.Properties[name]
	}
	return names, schemas, open
}

func (c *Contract) members(path string, s *openapi.Schema, text []byte) (faults []string) {
	members, err := openapi.Members(text)
	if err != nil {
		return []string{fmt.Sprintf("%s: %v", path, err)}
	}
	names, schemas, open := c.described(s)
	if len(names) == 0 {
		return nil // an object without a shape of its own
	}
	last, before := -1, ""
	for _, m := range members {
		at := path + "/" + m.Name
		place := slices.Index(names, m.Name)
		switch {
		case place < 0 && !open:
			faults = append(faults, at+": is not described")
		case place < 0:
		case place < last:
			faults = append(faults, fmt.Sprintf("%s: stands after %s, and before it in the document", at, before))
		default:
			last, before = place, m.Name
			faults = append(faults, c.disorder(at, schemas[m.Name], m.Value)...)
		}
	}
	return faults
}
