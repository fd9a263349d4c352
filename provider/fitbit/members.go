package fitbit

import (
	"bytes"
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
//
// Once the object is known to be JSON, finding where a value ends takes no parser;
// encoding/json would look at each byte three times more.
func readMembers(object []byte) (memberList, error) {
	if !isObject(object) || !json.Valid(object) {
		return nil, errors.New("the record is not a whole JSON object")
	}
	at := skipSpace(object, bytes.IndexByte(object, '{')+1)
	list := make(memberList, 0, 32) // an entry has some 30
	for object[at] != '}' {
		end := valueEnd(object, at)
		name, err := nameOf(object[at:end])
		if err != nil {
			return nil, fmt.Errorf("read member name: %w", err)
		}
		at = skipSpace(object, skipSpace(object, end)+1) // over the colon
		end = valueEnd(object, at)
		list = append(list, member{name, object[at:end:end]})
		if at = skipSpace(object, end); object[at] == ',' {
			at = skipSpace(object, at+1)
		}
	}
	return list, nil
}

// nameOf is a member's name without its quotes and escapes.
func nameOf(quoted []byte) (name string, err error) {
	for _, c := range quoted {
		if c == '\\' || c >= utf8.RuneSelf {
			err = json.Unmarshal(quoted, &name)
			return name, err
		}
	}
	return string(quoted[1 : len(quoted)-1]), nil
}

func skipSpace(text []byte, at int) int {
	for text[at] == ' ' || text[at] == '\t' || text[at] == '\n' || text[at] == '\r' {
		at++
	}
	return at
}

// valueEnd is where the value that starts at a place in valid JSON ends. The value
// stands in an object, so something follows it.
func valueEnd(text []byte, at int) int {
	for depth := 0; ; {
		switch text[at] {
		case '"':
			at = stringEnd(text, at)
		case '{', '[':
			depth++
			at++
		case '}', ']':
			depth--
			at++
		case ',', ':', ' ', '\t', '\n', '\r': // inside brackets: outside, scalarEnd stops before
			at++
		default:
			at = scalarEnd(text, at)
		}
		if depth == 0 {
			return at
		}
	}
}

func stringEnd(text []byte, at int) int {
	for at++; text[at] != '"'; at++ {
		if text[at] == '\\' {
			at++
		}
	}
	return at + 1
}

// scalarEnd is where a number, true, false or null ends.
func scalarEnd(text []byte, at int) int {
	for {
		switch text[at] {
		case ',', '}', ']', ' ', '\t', '\n', '\r':
			return at
		}
		at++
	}
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
