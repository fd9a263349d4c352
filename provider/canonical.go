package provider

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/stridelog/stridelog/events/rawjson"
)

// ContentHash is "sha256:<hex>" over a record's canonical form, without the
// members that the volatile paths name ("a", "a.b", "a[].b").
//
// Key order, white space and the way a string is escaped do not matter;
// everything else does. A number counts by its text (1.0 is not 1, nineteen
// digits stay nineteen digits) and a repeated key keeps all its values in
// their order. Bytes that are not JSON are hashed as they are. The error says
// which volatile path is malformed.
func ContentHash(raw []byte, volatile []string) (string, error) {
	h, err := NewHasher(volatile)
	if err != nil {
		return "", err
	}
	return h.Content(raw), nil
}

// canonical is the form that is hashed. It is JSON again where the record is.
func canonical(raw []byte, drop *pathTree) []byte {
	return (&canonicalizer{}).form(raw, drop)
}

// pathTree is a set of volatile paths, as the members to follow from a value.
type pathTree struct {
	drop      bool // the value itself goes
	members   map[string]*pathTree
	items     *pathTree // of every element, when the value is an array
	omitZeros bool      // of the root: members that say nothing go, wherever they are
}

func parsePaths(paths []string) (*pathTree, error) {
	root := &pathTree{}
	for _, path := range paths {
		if path == OmittedZeros {
			root.omitZeros = true
			continue
		}
		at := root
		for _, step := range strings.Split(path, ".") {
			name := strings.TrimRight(step, "[]")
			arrays := step[len(name):]
			if name == "" || arrays != strings.Repeat("[]", len(arrays)/2) {
				return nil, fmt.Errorf("volatile path %q is not of the form a.b or a[].b", path)
			}
			at = at.member(name)
			for range len(arrays) / 2 {
				at = at.item()
			}
		}
		if strings.HasSuffix(path, "]") {
			return nil, fmt.Errorf("volatile path %q names elements; end it with a member", path)
		}
		at.drop = true
	}
	return root, nil
}

func (t *pathTree) member(name string) *pathTree {
	if t.members == nil {
		t.members = map[string]*pathTree{}
	}
	if t.members[name] == nil {
		t.members[name] = &pathTree{}
	}
	return t.members[name]
}

func (t *pathTree) item() *pathTree {
	if t.items == nil {
		t.items = &pathTree{}
	}
	return t.items
}

// canonicalizer walks JSON that rawjson.Valid has accepted.
type canonicalizer struct {
	in        []byte
	at        int
	omitZeros bool
	members   []member // of the objects that are not over yet
	written   []byte   // members before they are put in order
	out       []byte
}

// form is the canonical form of a record. It shares the record's bytes, or those of
// the canonicalizer until the next call.
func (c *canonicalizer) form(raw []byte, drop *pathTree) []byte {
	// encoding/json lets broken UTF-8 pass and reads every broken byte as the
	// same character, so two different records could share a hash.
	if !utf8.Valid(raw) || !rawjson.Valid(raw) {
		return raw
	}
	c.in, c.at, c.members = raw, 0, c.members[:0]
	c.omitZeros = drop != nil && drop.omitZeros
	c.out = c.value(slices.Grow(c.out[:0], len(raw)), drop)
	return c.out
}

func (c *canonicalizer) skipSpace() {
	for c.at < len(c.in) && isSpace(c.in[c.at]) {
		c.at++
	}
}

func isSpace(b byte) bool { return b == ' ' || b == '\t' || b == '\r' || b == '\n' }

// accept steps over the byte, if it is next.
func (c *canonicalizer) accept(b byte) bool {
	c.skipSpace()
	if c.at < len(c.in) && c.in[c.at] == b {
		c.at++
		return true
	}
	return false
}

// value appends the canonical form of the next value. The tree may be nil.
func (c *canonicalizer) value(out []byte, drop *pathTree) []byte {
	c.skipSpace()
	switch c.in[c.at] {
	case '{':
		return c.object(out, drop)
	case '[':
		return c.array(out, drop)
	case '"':
		return c.text(out)
	}
	start := c.at
	for c.at < len(c.in) {
		if b := c.in[c.at]; b == ',' || b == ']' || b == '}' || isSpace(b) {
			break
		}
		c.at++
	}
	return append(out, c.in[start:c.at]...)
}

// member is where a member stands in what was written: a key, a colon, a value.
type member struct{ begin, colon, end int }

func (c *canonicalizer) object(out []byte, drop *pathTree) []byte {
	c.at++
	out = append(out, '{')
	first := len(c.members)
	for !c.accept('}') {
		c.accept(',')
		c.skipSpace()
		m := member{begin: len(out)}
		out = c.text(out)
		m.colon = len(out)
		c.accept(':')
		var next *pathTree
		if drop != nil {
			// The names in volatile paths need no escapes, so a key that has some
			// matches none of them.
			next = drop.members[string(out[m.begin+1:m.colon-1])]
		}
		out = c.value(append(out, ':'), next)
		m.end = len(out)
		if next != nil && next.drop || c.omitZeros && saysNothing(out[m.colon+1:]) {
			out = out[:m.begin]
			continue
		}
		c.members = append(c.members, m)
		out = append(out, ',')
	}
	out = c.sort(out, c.members[first:])
	c.members = c.members[:first]
	return append(out, '}')
}

// sort puts the members that were written last into the order of their keys, and
// takes the last comma off.
func (c *canonicalizer) sort(out []byte, members []member) []byte {
	if len(members) == 0 {
		return out
	}
	base := members[0].begin
	byKey := func(a, b member) int { return bytes.Compare(out[a.begin:a.colon], out[b.begin:b.colon]) }
	if !slices.IsSortedFunc(members, byKey) {
		// Stable: which of two values with one key comes last decides what a
		// reader sees, so their order counts.
		slices.SortStableFunc(members, byKey)
		c.written = append(c.written[:0], out[base:]...)
		out = out[:base]
		for _, m := range members {
			out = append(append(out, c.written[m.begin-base:m.end-base]...), ',')
		}
	}
	return out[:len(out)-1]
}

func (c *canonicalizer) array(out []byte, drop *pathTree) []byte {
	var next *pathTree
	if drop != nil {
		next = drop.items
	}
	c.at++
	out = append(out, '[')
	for !c.accept(']') {
		if c.accept(',') {
			out = append(out, ',')
		}
		out = c.value(out, next)
	}
	return append(out, ']')
}
