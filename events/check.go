package events

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// checker is a payload that says what is wrong with it. Encode and Decode both ask, so
// that nobody writes what nobody reads.
type checker interface {
	// check looks at every member that must say something, or that somebody keeps a
	// row, a key or a subject by.
	check(c *check)
}

// check gathers what is wrong with one event. The first fault counts. No fault quotes
// a value: ids and texts are a person's.
type check struct {
	event *Event
	fault error
}

func (c *check) fail(format string, args ...any) {
	if c.fault == nil {
		c.fault = fmt.Errorf(format, args...)
	}
}

// person compares a payload's owner with that of the subject: erasure goes by subject.
func (c *check) person(userID, provider string) {
	c.id("user_id", userID)
	c.text("provider", provider)
	if userID != c.event.UserID || provider != c.event.Provider {
		c.fail("user_id and provider are not those of the subject")
	}
}

// id wants a UUID as this system writes it.
func (c *check) id(name, value string) {
	if !isUUID(value) {
		c.fail("%s is no UUID in lower case", name)
	}
}

// optionalID is id for a member that may be absent.
func (c *check) optionalID(name, value string) {
	if value != "" {
		c.id(name, value)
	}
}

// text wants a text that says something and that a database can hold.
func (c *check) text(name, value string) {
	if value == "" {
		c.fail("%s is missing", name)
	}
	c.optionalText(name, value)
}

// optionalText is text for a member that may be absent or empty.
func (c *check) optionalText(name, value string) {
	if !Storable(value) {
		c.fail("%s is no text that a database can hold", name)
	}
}

// at wants an instant.
func (c *check) at(name string, t time.Time) {
	if !isInstant(t) {
		c.fail("%s is missing or out of range", name)
	}
}

// sequence wants a place in a stream, or zero for none.
func (c *check) sequence(name string, n uint64) {
	if n > math.MaxInt64 {
		c.fail("%s is larger than a database can hold", name)
	}
}

// kind wants the name of a kind whose records travel under this type.
func (c *check) kind(name string) {
	if !isKindName(name) || travelsElsewhere(name) {
		c.fail("kind is none that such a fact can have")
	}
}

// kindName wants the name of any kind.
func (c *check) kindName(name, value string) {
	if !isKindName(value) {
		c.fail("%s names no kind", name)
	}
}

// parent wants the name of another record, where there is one.
func (c *check) parent(name string, p *ParentRef) {
	if p == nil {
		return
	}
	c.kindName(name+".kind", p.Kind)
	c.text(name+".external_id", p.ExternalID)
}

// date wants a civil date, or nothing.
func (c *check) date(name, value string) {
	if value == "" {
		return
	}
	if t, err := time.Parse(time.DateOnly, value); err != nil || !InRange(t) {
		c.fail("%s is no date of the form YYYY-MM-DD", name)
	}
}

// offset wants seconds from UTC that a zone can have, or nothing.
func (c *check) offset(name string, seconds *int) {
	const most = 18 * 60 * 60 // as in every library of time
	if seconds != nil && (*seconds < -most || *seconds > most) {
		c.fail("%s is further from UTC than a zone can be", name)
	}
}

// isUUID knows a UUID in the form that google/uuid and PostgreSQL write: 36
// characters, lower case.
func isUUID(s string) bool {
	const length = 36
	if len(s) != length {
		return false
	}
	for i := range len(s) {
		switch c := s[i]; {
		case i == 8 || i == 13 || i == 18 || i == 23:
			if c != '-' {
				return false
			}
		case c >= '0' && c <= '9', c >= 'a' && c <= 'f':
		default:
			return false
		}
	}
	return true
}

// isInstant says whether an instant was set and is in range.
func isInstant(t time.Time) bool { return !t.IsZero() && InRange(t) }

// checkEnvelope looks at what stands in the headers.
func checkEnvelope(e *Event) error {
	const control = "%s has characters that a header cannot hold"
	switch {
	case e.ID == "":
		return fmt.Errorf("%s is missing", HeaderID)
	case !isHeader(e.ID):
		return fmt.Errorf(control, HeaderID)
	case e.Source == "":
		return fmt.Errorf("%s is missing", HeaderSource)
	case !isHeader(e.Source):
		return fmt.Errorf(control, HeaderSource)
	case !isHeader(e.About):
		return fmt.Errorf(control, HeaderSubject)
	case !isInstant(e.Time):
		return fmt.Errorf("%s is missing or out of range", HeaderTime)
	}
	return nil
}

// isHeader says whether a header, and a text column, hold a value as it is.
func isHeader(s string) bool {
	for i := range len(s) {
		switch c := s[i]; {
		case c >= utf8.RuneSelf:
			return utf8.ValidString(s) && strings.IndexFunc(s, unicode.IsControl) < 0
		case c < ' ', c == '\x7f':
			return false
		}
	}
	return true
}

// checkData asks the payload what is wrong with it.
func checkData(e *Event) error {
	if e.Data == nil {
		return errors.New("there is no data")
	}
	data, ok := e.Data.(checker)
	if !ok {
		return nil // of an unknown type, or written by hand
	}
	c := check{event: e}
	data.check(&c)
	return c.fault
}
