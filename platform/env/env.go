// Package env reads a program's settings from environment variables and
// collects every fault, so that a person can correct them all at once.
package env

import (
	"fmt"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"
)

// Reader reads variables. An empty variable counts as unset. It is not for use
// by several goroutines at once.
type Reader struct {
	lookup func(string) (string, bool)
	faults []string
}

// New reads through lookup, for a program os.LookupEnv.
func New(lookup func(string) (string, bool)) *Reader { return &Reader{lookup: lookup} }

func (r *Reader) get(name string) (string, bool) {
	v, ok := r.lookup(name)
	v = strings.TrimSpace(v)
	return v, ok && v != ""
}

// String is the variable's text, or def.
func (r *Reader) String(name, def string) string {
	if v, ok := r.get(name); ok {
		return v
	}
	return def
}

// Required is the variable's text; unset is a fault.
func (r *Reader) Required(name string) string {
	v, ok := r.get(name)
	if !ok {
		r.Fault(name, "is required and not set")
	}
	return v
}

// Secret is the text of NAME, or of the file that NAME_FILE names, without the
// white space around it. Both set is a fault; neither is "".
func (r *Reader) Secret(name string) string {
	value, direct := r.get(name)
	path, byFile := r.get(name + "_FILE")
	switch {
	case direct && byFile:
		r.Fault(name, "is set, and so is "+name+"_FILE: set one of them")
		return ""
	case !byFile:
		return value
	}
	b, err := os.ReadFile(path)
	if err != nil {
		r.Fault(name+"_FILE", err.Error())
		return ""
	}
	value = strings.TrimSpace(string(b))
	if value == "" {
		r.Fault(name+"_FILE", "names an empty file: "+path)
	}
	return value
}

// Duration reads a span such as 30s, 15m, 6h, 7d or 1d12h.
func (r *Reader) Duration(name string, def time.Duration) time.Duration {
	v, ok := r.get(name)
	if !ok {
		return def
	}
	d, err := ParseDuration(v)
	if err != nil {
		r.Fault(name, err.Error())
		return def
	}
	return d
}

// Int reads a whole number.
func (r *Reader) Int(name string, def int) int {
	v, ok := r.get(name)
	if !ok {
		return def
	}
	n, err := strconv.Atoi(v)
	if err != nil {
		r.Fault(name, fmt.Sprintf("%q is not a whole number", v))
		return def
	}
	return n
}

// Bool reads true or false, also 1 and 0, yes and no, on and off.
func (r *Reader) Bool(name string, def bool) bool {
	v, ok := r.get(name)
	if !ok {
		return def
	}
	switch strings.ToLower(v) {
	case "true", "1", "yes", "on":
		return true
	case "false", "0", "no", "off":
		return false
	}
	r.Fault(name, fmt.Sprintf("%q is neither true nor false", v))
	return def
}

// URL reads an absolute http or https URL; a slash at its end is dropped. An
// unset variable gives def as it is. The fault does not show the value, which
// may hold credentials.
func (r *Reader) URL(name, def string) string {
	v, ok := r.get(name)
	if !ok {
		return def
	}
	u, err := url.Parse(v)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		r.Fault(name, "is not a URL that begins with http:// or https:// and names a host")
		return def
	}
	return strings.TrimRight(v, "/")
}

// List reads values separated by commas; white space around them and empty ones
// are dropped.
func (r *Reader) List(name string, def []string) []string {
	v, ok := r.get(name)
	if !ok {
		return def
	}
	var list []string
	for part := range strings.SplitSeq(v, ",") {
		if part = strings.TrimSpace(part); part != "" {
			list = append(list, part)
		}
	}
	return list
}

// Fault adds a fault that the caller found. The text follows the name in the
// report and must not show a secret.
func (r *Reader) Fault(name, text string) { r.faults = append(r.faults, name+": "+text) }

// Err is nil, or an *Error with every fault so far.
func (r *Reader) Err() error {
	if len(r.faults) == 0 {
		return nil
	}
	return &Error{Faults: append([]string(nil), r.faults...)}
}

// Error lists faults, each "NAME: what is wrong".
type Error struct{ Faults []string }

// Error has one fault a line.
func (e *Error) Error() string { return "configuration:\n  " + strings.Join(e.Faults, "\n  ") }
