// Package rawjson takes JSON apart in one pass and keeps every value as the
// bytes it was written in: a provider's record must survive digit for digit.
package rawjson

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Member is one member of an object with its value's exact bytes.
type Member struct {
	Name  string
	Value json.RawMessage
}

// Members are the members of an object in their order. A name that comes twice
// is there twice.
type Members []Member

// The room for an object's members: one for so many bytes, and at most so many. More
// members than that are fine.
const (
	bytesOfMember = 20
	usual         = 32
)

// Read reads an object with space around it. Values share the object's bytes. The
// error says what is wrong, without a word of the text.
func Read(object []byte) (Members, error) {
	list := make(Members, 0, min(usual, len(object)/bytesOfMember+1))
	var fault error
	end := scanObject(object, scanSpace(object, 0), 1, func(quoted, value []byte) {
		name, err := nameOf(quoted)
		if err != nil {
			fault = fmt.Errorf("read member name: %w", err)
		}
		list = append(list, Member{name, value})
	})
	if scanSpace(object, end) != len(object) {
		return nil, errors.New("the record is not a whole JSON object")
	}
	return list, fault
}

// Valid says whether a text is one JSON value with nothing but space around it, as
// json.Valid does, in a third of the time.
func Valid(text []byte) bool { return ValidInside(text, 0) }

// ValidInside is Valid for a text that is to stand in so many brackets, which count
// towards the depth that readers take.
func ValidInside(text []byte, brackets int) bool {
	return scanSpace(text, scanValue(text, scanSpace(text, 0), brackets)) == len(text)
}

// Prefix is how many bytes the value has that a text begins with, or -1 if it begins
// with none that is whole. A number that ends with the text may be cut off.
func Prefix(text []byte) int { return scanValue(text, 0, 0) }

// Elements reads an array; ok is false for anything else. Elements share the
// array's bytes.
func Elements(array []byte) (list []json.RawMessage, ok bool) {
	end := scanArray(array, 0, 1, func(element []byte) { list = append(list, element) })
	return list, end == len(array)
}

// Walk reads an object and hands on each member, its name with the quotes; ok is
// false for anything else, and then some may have been handed on. There is no space
// around the object.
func Walk(object []byte, take func(quoted, value []byte)) (ok bool) {
	return WalkPrefix(object, take) == len(object)
}

// WalkPrefix is Walk for the object that a text begins with. It is how many bytes the
// object has, or -1 if the text begins with none that is whole.
func WalkPrefix(text []byte, take func(quoted, value []byte)) int {
	return scanObject(text, 0, 1, take)
}

// Value gives the last value of a name, as other JSON readers do; nil for a null as
// for an absent member. For a few names it is cheaper than ByName.
func (l Members) Value(name string) json.RawMessage {
	for i := len(l) - 1; i >= 0; i-- {
		if l[i].Name != name {
			continue
		}
		if string(l[i].Value) == "null" {
			return nil
		}
		return l[i].Value
	}
	return nil
}

// ByName gives what Value gives, of each name that has one.
func (l Members) ByName() map[string]json.RawMessage {
	fields := make(map[string]json.RawMessage, len(l))
	for _, m := range l {
		if string(m.Value) == "null" {
			delete(fields, m.Name)
			continue
		}
		fields[m.Name] = m.Value
	}
	return fields
}

// Without is the object of all members but the named ones, values verbatim, but
// for bytes that are no text and that no database takes; nil when none is left.
func (l Members) Without(used []string) (json.RawMessage, error) {
	size := 2
	for _, m := range l {
		size += len(m.Name) + len(m.Value) + 4
	}
	out := append(make([]byte, 0, size), '{')
	for _, m := range l {
		if slices.Contains(used, m.Name) {
			continue
		}
		if len(out) > 1 {
			out = append(out, ',')
		}
		var err error
		if out, err = AppendName(out, m.Name); err != nil {
			return nil, err
		}
		out = append(append(out, ':'), m.Value...)
	}
	if len(out) == 1 {
		return nil, nil
	}
	if out = append(out, '}'); utf8.Valid(out) {
		return out, nil
	}
	return bytes.ToValidUTF8(out, []byte("\ufffd")), nil
}

// Number reads a number that a float holds; its bounds are the caller's.
func Number(value json.RawMessage) (float64, bool) {
	n, err := strconv.ParseFloat(string(value), 64)
	return n, err == nil && scanNumber(value, 0) == len(value) // ParseFloat also reads Inf and 0x1p4
}

// Text reads a string that says something.
func Text(value json.RawMessage) (string, bool) {
	if len(value) < 2 || value[0] != '"' {
		return "", false
	}
	text, err := nameOf(value)
	return text, err == nil && strings.TrimSpace(text) != ""
}

// Plain is the text of a string in quotes that has no escapes and needs none; ok is
// false for any other value.
func Plain(value []byte) (text string, ok bool) {
	if len(value) < 2 || value[0] != '"' || !plain(value[1:len(value)-1]) {
		return "", false
	}
	return string(value[1 : len(value)-1]), true
}

// nameOf is a string without its quotes and escapes.
func nameOf(quoted []byte) (name string, err error) {
	if name, ok := Plain(quoted); ok {
		return name, nil
	}
	err = json.Unmarshal(quoted, &name)
	return name, err
}

// AppendName writes a name as a string in quotes.
func AppendName(to []byte, name string) ([]byte, error) {
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
