package jsontext

import (
	"bytes"
	"encoding/json"
	"strings"
)

// Member is a member of an object. Its value keeps the spelling it came with.
type Member struct {
	Name  string
	Value json.RawMessage
}

// Walk applies a change to the members of every object, the innermost first. path
// is the names that lead to the object, each after a dot. What is no JSON stays.
func Walk(raw json.RawMessage, change func(path string, members []Member) []Member) json.RawMessage {
	return walk(raw, "", change)
}

func walk(raw json.RawMessage, path string, change func(path string, members []Member) []Member) json.RawMessage {
	trimmed := bytes.TrimSpace(raw)
	d := json.NewDecoder(bytes.NewReader(trimmed))
	open, err := d.Token()
	if err != nil {
		return raw
	}
	var parts []string
	switch open {
	case json.Delim('['):
		for d.More() {
			var v json.RawMessage
			if d.Decode(&v) != nil {
				return raw
			}
			parts = append(parts, string(walk(v, path, change)))
		}
		return json.RawMessage("[" + strings.Join(parts, ",") + "]")
	case json.Delim('{'):
		var members []Member
		for d.More() {
			name, err := d.Token()
			var v json.RawMessage
			if err != nil || d.Decode(&v) != nil {
				return raw
			}
			word, _ := name.(string)
			members = append(members, Member{word, walk(v, path+"."+word, change)})
		}
		for _, m := range change(path, members) {
			parts = append(parts, Quoted(m.Name)+":"+string(m.Value))
		}
		return json.RawMessage("{" + strings.Join(parts, ",") + "}")
	default:
		return raw
	}
}
