package events

import (
	"strings"
	"time"
	"unicode/utf8"
)

// Storable says whether a text column of PostgreSQL holds a text as it is: UTF-8
// without a NUL.
func Storable(s string) bool { return utf8.ValidString(s) && strings.IndexByte(s, 0) < 0 }

// The years that every layout of a time here can write, in every zone: JSON has four
// digits, and a timestamp of PostgreSQL ends later.
const (
	firstYear = 1
	lastYear  = 9998
)

// InRange says whether JSON and a column of PostgreSQL hold an instant in every zone.
func InRange(t time.Time) bool {
	year := t.UTC().Year()
	return year >= firstYear && year <= lastYear
}
