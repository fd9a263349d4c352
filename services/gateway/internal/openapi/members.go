package openapi

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// Member is a member of a JSON object.
type Member struct {
	Name  string
	Value json.RawMessage
}

// Members are those of a JSON object in the order in which they stand there.
func Members(object []byte) (list []Member, err error) {
	d := json.NewDecoder(bytes.NewReader(object))
	switch t, err := d.Token(); {
	case err != nil:
		return nil, fmt.Errorf("read a JSON object: %w", err)
	case t != json.Delim('{'):
		return nil, fmt.Errorf("read a JSON object: it does not begin with {, but with %v", t)
	}
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return nil, fmt.Errorf("read a JSON object: %w", err)
		}
		name, _ := t.(string) // the decoder takes nothing else for a name
		m := Member{Name: name}
		if err := d.Decode(&m.Value); err != nil {
			return nil, fmt.Errorf("read member %s of a JSON object: %w", name, err)
		}
		list = append(list, m)
	}
	return list, nil
}
