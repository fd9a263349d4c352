package contract

import (
	"fmt"
	"net/mail"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/stridelog/stridelog/services/gateway/internal/openapi"
	"github.com/stridelog/stridelog/services/gateway/internal/problem"
)

// CheckPath checks the values of a path's parameters.
func (o *Operation) CheckPath(value func(name string) string) (faults []problem.Field) {
	for _, p := range o.path {
		if m := p.rule.fault(value(p.Name)); m != "" {
			faults = append(faults, problem.Field{Field: p.Name, Message: m})
		}
	}
	return faults
}

// CheckQuery checks a raw query: known names, each once, with allowed values.
func (o *Operation) CheckQuery(raw string) (faults []problem.Field) {
	values, err := url.ParseQuery(raw)
	if err != nil {
		return []problem.Field{{Field: "query", Message: "is not a well-formed query string: percent-encode %, ; and & in values"}}
	}
	for _, name := range sorted(values) {
		p, known := o.query[name]
		if m := queryFault(p, known || o.OpenQuery || o.ignores(name), known, values[name]); m != "" {
			faults = append(faults, problem.Field{Field: clip(name), Message: m})
		}
	}
	for _, name := range sorted(o.query) {
		if o.query[name].Required && !values.Has(name) {
			faults = append(faults, problem.Field{Field: name, Message: "is required"})
		}
	}
	return faults
}

// Ignored are the names of a raw query's parameters that do nothing, sorted.
func (o *Operation) Ignored(raw string) (names []string) {
	if len(o.Operation.Ignored) == 0 {
		return nil
	}
	values, err := url.ParseQuery(raw)
	if err != nil {
		return nil
	}
	for _, name := range sorted(values) {
		if o.ignores(name) {
			names = append(names, name)
		}
	}
	return names
}

func (o *Operation) ignores(name string) bool {
	return slices.ContainsFunc(o.Operation.Ignored, func(i openapi.Ignored) bool { return i.Name == name })
}

func queryFault(p parameter, allowed, known bool, values []string) string {
	switch {
	case !allowed:
		return "is not a parameter of this route"
	case !known:
		return ""
	case p.rule.items != nil:
		return p.rule.listFault(Words(values))
	case len(values) > 1:
		return "is given more than once"
	case values[0] == "" && p.AllowEmptyValue:
		return ""
	case values[0] == "":
		return "is empty: give a value or leave it out"
	}
	return p.rule.fault(values[0])
}

// Words are the values of a parameter that takes several: repeated, with commas between
// them, or both.
func Words(values []string) []string {
	words := make([]string, 0, len(values))
	for _, v := range values {
		words = append(words, strings.Split(v, ",")...)
	}
	return words
}

// listFault says what is wrong with the values of a list; empty when nothing is.
func (s *rule) listFault(words []string) string {
	if s.MaxItems > 0 && len(words) > s.MaxItems {
		return fmt.Sprintf("has more than %d values", s.MaxItems)
	}
	for _, w := range words {
		if w == "" {
			return "has an empty value: give values with commas between them, or leave it out"
		}
		if m := s.items.fault(w); m != "" {
			return m
		}
	}
	return ""
}

// fault says what is wrong with a text; empty when nothing is.
func (s *rule) fault(text string) string {
	if s.Type[0] == "integer" {
		return s.integerFault(text)
	}
	return s.textFault(text)
}

// textFault says what is wrong with a text whose type is string.
func (s *rule) textFault(text string) string {
	length := utf8.RuneCountInString(text)
	switch {
	case !utf8.ValidString(text):
		return "is not UTF-8"
	case strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return "holds a control character"
	case length < s.MinLength:
		return fmt.Sprintf("must have at least %d characters", s.MinLength)
	case s.MaxLength > 0 && length > s.MaxLength:
		return fmt.Sprintf("must have at most %d characters", s.MaxLength)
	case len(s.Enum) > 0 && !slices.Contains(s.Enum, text):
		return "must be one of " + strings.Join(s.Enum, ", ")
	case s.pattern != nil && !s.pattern.MatchString(text):
		return "must match " + s.Pattern
	}
	return formatFault(s.Format, text)
}

func (s *rule) integerFault(text string) string {
	n, err := strconv.ParseInt(text, 10, 64)
	switch {
	case err != nil || text != strconv.FormatInt(n, 10):
		return "must be a whole number"
	case s.Minimum != nil && n < *s.Minimum:
		return fmt.Sprintf("must be at least %d", *s.Minimum)
	case s.Maximum != nil && n > *s.Maximum:
		return fmt.Sprintf("must be at most %d", *s.Maximum)
	}
	return ""
}

func formatFault(format, text string) string {
	switch format {
	case "uuid":
		if !isUUID(text) {
			return "must be a UUID such as 7d3c8a52-07b5-4b7e-9a39-0d6f8f0f7a11"
		}
	case "uuid-or-external":
		// An id of the client's own is ours before anything is checked.
		if !isUUID(text) {
			return "must be a UUID such as 7d3c8a52-07b5-4b7e-9a39-0d6f8f0f7a11, or external: and your own id of the person"
		}
	case "uri":
		if u, err := url.Parse(text); err != nil || u.Scheme == "" || (u.Host == "" && u.Opaque == "" && u.Path == "") {
			return "must be an absolute URI"
		}
	case "email":
		if a, err := mail.ParseAddress(text); err != nil || a.Address != text {
			return "must be an e-mail address"
		}
	case "date-time":
		at, err := time.Parse(time.RFC3339Nano, text)
		if err == nil {
			_, err = inRange(When{Time: at})
		}
		if err != nil {
			return "must be an instant with an offset (2026-09-01T06:30:00Z), in the years 1900 to 2999"
		}
	case "date-or-date-time":
		if _, err := ParseWhen(text); err != nil {
			return err.Error()
		}
	}
	return ""
}

func isUUID(text string) bool {
	id, err := uuid.Parse(text)
	return err == nil && strings.EqualFold(id.String(), text)
}

// clip keeps a stranger's name for a member short enough to be repeated.
func clip(name string) string {
	const most = 64
	name = strings.ToValidUTF8(name, "?")
	if utf8.RuneCountInString(name) <= most {
		return name
	}
	return string([]rune(name)[:most]) + "…"
}

func sorted[V any](m map[string]V) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
