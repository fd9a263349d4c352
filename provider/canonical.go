package provider

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
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
	drop, err := parsePaths(volatile)
	if err != nil {
		return "", fmt.Errorf("content hash: %w", err)
	}
	sum := sha256.Sum256(canonical(raw, drop))
	return "sha256:" + hex.EncodeToString(sum[:]), nil
}

// canonical is the form that is hashed. It is JSON again where the record is.
func canonical(raw []byte, drop *pathTree) []byte {
	// encoding/json lets broken UTF-8 pass and reads every broken byte as the
	// same character, so two different records could share a hash.
	if !utf8.Valid(raw) || !json.Valid(raw) {
		return raw
	}
	c := canonicalizer{in: raw, omitZeros: drop != nil && drop.omitZeros}
	return c.value(make([]byte, 0, len(raw)), drop)
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

// canonicalizer walks JSON that json.Valid has accepted.
type canonicalizer struct {
	in        []byte
	at        int
	omitZeros bool
}

func (c *canonicalizer) skipSpace() {
	for c.at < len(c.in) && strings.IndexByte(" \t\r\n", c.in[c.at]) >= 0 {
		c.at++
	}
}

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
	for c.at < len(c.in) && strings.IndexByte(" \t\r\n,]}", c.in[c.at]) < 0 {
		c.at++
	}
	return append(out, c.in[start:c.at]...)
}

func (c *canonicalizer) object(out []byte, drop *pathTree) []byte {
	type member struct{ key, value []byte }
	var members []member
	c.at++
	for !c.accept('}') {
		c.accept(',')
		c.skipSpace()
		key := c.text(nil)
		c.accept(':')
		var next *pathTree
		if drop != nil {
			next = drop.members[keyName(key)]
		}
		value := c.value(nil, next)
		if (next == nil || !next.drop) && !(c.omitZeros && saysNothing(value)) {
			members = append(members, member{key, value})
		}
	}
	// Stable: which of two values with one key comes last decides what a
	// reader sees, so their order counts.
	slices.SortStableFunc(members, func(a, b member) int { return bytes.Compare(a.key, b.key) })
	out = append(out, '{')
	for i, m := range members {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(append(append(out, m.key...), ':'), m.value...)
	}
	return append(out, '}')
}

// keyName is the key that a canonical string stands for. The names in volatile
// paths need no escapes, so a key that has some matches none of them.
func keyName(canonical []byte) string { return string(canonical[1 : len(canonical)-1]) }

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
