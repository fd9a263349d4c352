package fitbit

import (
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"
)

// member is one member of an object with its value's exact bytes.
type member struct {
	name  string
	value json.RawMessage
}

type memberList []member

// readMembers reads an object's members in their order. A name that comes
// twice is there twice. Values share the object's bytes.
func readMembers(object []byte) (memberList, error) {
	list := make(memberList, 0, 32) // an entry has some 30
	var fault error
	end := scanObject(object, scanSpace(object, 0), 1, func(quoted, value []byte) {
		name, err := nameOf(quoted)
		if err != nil {
			fault = fmt.Errorf("read member name: %w", err)
		}
		list = append(list, member{name, value})
	})
	if scanSpace(object, end) != len(object) {
		return nil, errors.New("the record is not a whole JSON object")
	}
	return list, fault
}

// readElements reads an array's elements; ok is false for anything else. Elements
// share the array's bytes.
func readElements(array []byte) (list []json.RawMessage, ok bool) {
	end := scanArray(array, 0, 1, func(element []byte) { list = append(list, element) })
	return list, end == len(array)
}

// nameOf is a member's name without its quotes and escapes.
func nameOf(quoted []byte) (name string, err error) {
	if inner := quoted[1 : len(quoted)-1]; plain(inner) {
		return string(inner), nil
	}
	err = json.Unmarshal(quoted, &name)
	return name, err
}

// appendName is the inverse of nameOf.
func appendName(to []byte, name string) ([]byte, error) {
	if plain(name) {
		return append(append(append(to, '"'), name...), '"'), nil
	}
	quoted, err := json.Marshal(name)
	return append(to, quoted...), err
}

// plain says that a text is the same with JSON's escapes and without.
func plain[Text string | []byte](text Text) bool {
	for i := range len(text) {
		switch c := text[i]; {
		case c < ' ', c >= utf8.RuneSelf, c == '"', c == '\\', c == '<', c == '>', c == '&':
			return false
		}
	}
	return true
}

// byName gives the last value of each name, as other JSON readers do. A null is
// the same as an absent member.
func (l memberList) byName() map[string]json.RawMessage {
	fields := make(map[string]json.RawMessage, len(l))
	for _, m := range l {
		if string(m.value) == "null" {
			delete(fields, m.name)
			continue
		}
		fields[m.name] = m.value
	}
	return fields
}
