package jsontext

import (
	"strconv"
	"strings"
)

// Object writes an object's members in the order they are given.
type Object struct {
	style   Style
	members []string
}

// NewObject begins an empty object.
func NewObject(s Style) *Object { return &Object{style: s} }

// Inner is a new object that looks the same.
func (o *Object) Inner() *Object { return NewObject(o.style) }

// Raw adds a member whose value is JSON already.
func (o *Object) Raw(name, value string) {
	colon := ":"
	if o.style == Spaced {
		colon = ": "
	}
	o.members = append(o.members, `"`+name+`"`+colon+value)
}

// Text adds a string.
func (o *Object) Text(name, value string) { o.Raw(name, o.style.Text(value)) }

// Whole adds a whole number.
func (o *Object) Whole(name string, value int64) { o.Raw(name, strconv.FormatInt(value, 10)) }

// Decimal adds a number in the spelling of the style.
func (o *Object) Decimal(name string, value float64) { o.Raw(name, o.style.Decimal(value)) }

// Flag adds true or false.
func (o *Object) Flag(name string, value bool) { o.Raw(name, strconv.FormatBool(value)) }

// Empty says whether the object has no members yet.
func (o *Object) Empty() bool { return len(o.members) == 0 }

// Array writes elements that are JSON already.
func (o *Object) Array(elements []string) string {
	return "[" + strings.Join(elements, o.comma()) + "]"
}

func (o *Object) comma() string {
	if o.style == Spaced {
		return ", "
	}
	return ","
}

// String is the object's JSON.
func (o *Object) String() string { return "{" + strings.Join(o.members, o.comma()) + "}" }
