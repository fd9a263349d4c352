package contract

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/stridelog/stridelog/events/rawjson"
	"github.com/stridelog/stridelog/services/gateway/internal/problem"
)

// CheckBody checks a JSON body: one object, known members, each once, with allowed values.
func (o *Operation) CheckBody(body []byte) (faults []problem.Field) {
	if len(bytes.TrimSpace(body)) == 0 {
		return []problem.Field{{Field: "body", Message: "is empty: send a JSON object"}}
	}
	if !utf8.Valid(body) {
		return []problem.Field{{Field: "body", Message: "is not UTF-8"}}
	}
	names, members, err := split(body)
	if err != nil {
		return []problem.Field{{Field: "body", Message: err.Error()}}
	}
	if len(names) < o.body.atLeast {
		return []problem.Field{{Field: "body", Message: "names nothing to change: send at least one member"}}
	}
	for _, name := range o.body.required {
		if !slices.Contains(names, name) {
			faults = append(faults, problem.Field{Field: name, Message: "is required"})
		}
	}
	for i, name := range names {
		s, known := o.body.members[name]
		var m string
		switch {
		case !known:
			m = "is not a member of this body; known are " + strings.Join(sorted(o.body.members), ", ")
		case slices.Contains(names[:i], name):
			m = "is given more than once"
		default:
			m = s.memberFault(members[i])
		}
		if m != "" {
			faults = append(faults, problem.Field{Field: clip(name), Message: m})
		}
	}
	return faults
}

// split takes a JSON object apart without losing repeated members.
func split(body []byte) (names []string, members []json.RawMessage, err error) {
	d := json.NewDecoder(bytes.NewReader(body))
	malformed := func() error {
		return fmt.Errorf("is not a JSON object: look at byte %d", d.InputOffset())
	}
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, nil, malformed()
	}
	for d.More() {
		t, err := d.Token()
		name, ok := t.(string)
		if err != nil || !ok {
			return nil, nil, malformed()
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return nil, nil, malformed()
		}
		names, members = append(names, name), append(members, value)
	}
	if _, err := d.Token(); err != nil {
		return nil, nil, malformed()
	}
	if d.More() || len(bytes.TrimSpace(body[d.InputOffset():])) > 0 {
		return nil, nil, malformed()
	}
	return names, members, nil
}

// memberFault says what is wrong with a member's value; empty when nothing is.
func (s *rule) memberFault(raw json.RawMessage) string {
	if bytes.Equal(raw, []byte("null")) {
		if slices.Contains(s.Type, "null") {
			return ""
		}
		return "must not be null"
	}
	switch s.Type[0] {
	case "integer":
		return s.integerFault(string(raw))
	case "array":
		return s.arrayFault(raw)
	}
	var text string
	if err := json.Unmarshal(raw, &text); err != nil {
		return "must be a string" + map[bool]string{true: " or null"}[slices.Contains(s.Type, "null")]
	}
	if rawjson.LoneSurrogate(raw) {
		return "holds half of a character: write both of its UTF-16 escapes, or the character itself"
	}
	return s.textFault(text)
}

func (s *rule) arrayFault(raw json.RawMessage) string {
	var items []json.RawMessage
	if err := json.Unmarshal(raw, &items); err != nil {
		return "must be an array"
	}
	switch {
	case len(items) < s.MinItems:
		return fmt.Sprintf("must have at least %d items", s.MinItems)
	case s.MaxItems > 0 && len(items) > s.MaxItems:
		return fmt.Sprintf("must have at most %d items", s.MaxItems)
	}
	for i, item := range items {
		if m := s.items.memberFault(item); m != "" {
			return fmt.Sprintf("has an item at %d that %s", i, m)
		}
	}
	return ""
}
