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

// maxDepth is how many brackets a value may stand in, as for encoding/json.
const maxDepth = 10_000

// canonicalizer reads JSON once: it checks the text while it writes the form.
type canonicalizer struct {
	in        []byte
	at        int
	depth     int  // of brackets that are open
	broken    bool // the text is no JSON
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
	if !utf8.Valid(raw) {
		return raw
	}
	c.in, c.at, c.depth, c.broken, c.members = raw, 0, 0, false, c.members[:0]
	c.omitZeros = drop != nil && drop.omitZeros
	c.out = c.value(slices.Grow(c.out[:0], len(raw)), drop)
	if c.skipSpace(); c.broken || c.at < len(c.in) {
		return raw
	}
	return c.out
}

func (c *canonicalizer) skipSpace() {
	for c.at < len(c.in) && isSpace(c.in[c.at]) {
		c.at++
	}
}

func isSpace(b byte) bool { return b == ' ' || b == '\t' || b == '\r' || b == '\n' }

// peek is the next byte that is no space; 0, which stands nowhere in JSON, at the end.
func (c *canonicalizer) peek() byte {
	if c.skipSpace(); c.at < len(c.in) {
		return c.in[c.at]
	}
	return 0
}

// accept steps over the byte, if it is next.
func (c *canonicalizer) accept(b byte) bool {
	next := c.peek() == b
	if next {
		c.at++
	}
	return next
}

// expect steps over the byte, which has to be next.
func (c *canonicalizer) expect(b byte) { c.broken = !c.accept(b) || c.broken }

// scalar is the next value, which is no object and no array, as it stands there;
// nil when it is no JSON.
func (c *canonicalizer) scalar() []byte {
	length := rawjson.Prefix(c.in[c.at:])
	if length < 0 {
		c.broken = true
		return nil
	}
	c.at += length
	return c.in[c.at-length : c.at]
}

// value appends the canonical form of the next value. The tree may be nil. What it
// appends once the text is broken means nothing.
func (c *canonicalizer) value(out []byte, drop *pathTree) []byte {
	switch c.peek() {
	case '{':
		return c.object(out, drop)
	case '[':
		return c.array(out, drop)
	case '"':
		return c.text(out)
	default:
		return append(out, c.scalar()...)
	}
}

// open steps over a bracket.
func (c *canonicalizer) open() {
	c.at++
	c.depth++
	c.broken = c.broken || c.depth > maxDepth
}

// close steps over the bracket behind the last of some values; false says that a
// comma stands there, and one more value has to follow.
func (c *canonicalizer) close(bracket byte) bool {
	if c.broken || c.accept(',') {
		return c.broken
	}
	c.expect(bracket)
	c.depth--
	return true
}

// member is where a member stands in what was written: a key, a colon, a value.
type member struct{ begin, colon, end int }

func (c *canonicalizer) object(out []byte, drop *pathTree) []byte {
	c.open()
	out = append(out, '{')
	first := len(c.members)
	for over := c.peek() == '}' && c.close('}'); !over; over = c.close('}') {
		out = c.member(out, drop)
	}
	if c.broken {
		return out
	}
	out = c.sort(out, c.members[first:])
	c.members = c.members[:first]
	return append(out, '}')
}

// member appends a member and a comma, or nothing when it does not count.
func (c *canonicalizer) member(out []byte, drop *pathTree) []byte {
	m := member{begin: len(out)}
	if c.peek() != '"' {
		c.broken = true
		return out
	}
	out = c.text(out)
	m.colon = len(out)
	if c.expect(':'); c.broken {
		return out
	}
	var next *pathTree
	if drop != nil {
		// The names in volatile paths need no escapes, so a key that has some
		// matches none of them.
		next = drop.members[string(out[m.begin+1:m.colon-1])]
	}
	out = c.value(append(out, ':'), next)
	m.end = len(out)
	if next != nil && next.drop || c.omitZeros && saysNothing(out[m.colon+1:]) {
		return out[:m.begin]
	}
	c.members = append(c.members, m)
	return append(out, ',')
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
	c.open()
	out = append(out, '[')
	if c.peek() == ']' && c.close(']') {
		return append(out, ']')
	}
	for {
		out = c.value(out, next)
		if c.close(']') {
			return append(out, ']')
		}
		out = append(out, ',')
	}
}
