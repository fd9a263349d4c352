package provider

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func hash(t testing.TB, raw string, volatile ...string) string {
	t.Helper()
	h, err := ContentHash([]byte(raw), volatile)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func TestContentHashIsFixed(t *testing.T) {
	// sha256 of {"a":1.0,"b":[true,null],"é\"":"\u0001x"}, computed elsewhere. A
	// change of this value re-hashes every record there is.
	const want = "sha256:7493eecb049864d9785f198add40bd903997bf92b6636acbb99c4df0e1840801"
	if got := hash(t, " {\"b\" : [ true , null ], \"\\u00e9\\\"\":\"\\u0001\\u0078\",\n\"a\":1.0}\n"); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestContentHashOfTheSameRecord(t *testing.T) {
	for _, same := range [][2]string{
		{`{"a":1,"b":2}`, `{"b":2,"a":1}`},
		{`{"a":[1,{"b":2,"c":3}]}`, "\t{ \"a\" : [ 1 , { \"c\":3, \"b\":2 } ] }\r\n"},
		{`"é/\n"`, `"\u00E9\/\u000a"`},
		{`"😀"`, `"\ud83d\ude00"`},
		{`{"ab":1}`, `{"\u0061b":1}`},
		{"[]", "[ ]"},
		{"{}", "{\n}"},
	} {
		if hash(t, same[0]) != hash(t, same[1]) {
			t.Errorf("%s and %s are the same record", same[0], same[1])
		}
	}
}

func TestContentHashOfDifferentRecords(t *testing.T) {
	for _, other := range [][2]string{
		{`1`, `1.0`},
		{`1e2`, `100`},
		{`1e2`, `1E2`},
		{`2471190346655808113`, `2471190346655808114`},
		{`[1,2]`, `[2,1]`},
		{`[1,2]`, `[12]`},
		{`[[1],2]`, `[[1,2]]`},
		{`{"a":1}`, `{"a":"1"}`},
		{`{"a":null}`, `{}`},
		{`{"a":1,"a":2}`, `{"a":2,"a":1}`},
		{`{"a":1,"a":2}`, `{"a":2}`},
		{`"\ud800"`, `"\ud801"`},
		{`"\ud800"`, `"\ufffd"`},
		{`"\\ud800"`, `"\ud800"`},
		{`"a\u0000"`, `"a"`},
		{`""`, `" "`},
		{"\"\xff\"", "\"\xfe\""},
		{`{"a":1`, `{"a":1 `},
		{`<html>`, `<html> `},
		{"\ufeff{}", `{}`},
	} {
		if hash(t, other[0]) == hash(t, other[1]) {
			t.Errorf("%q and %q are different records", other[0], other[1])
		}
	}
}

func TestContentHashLeavesVolatileMembersOut(t *testing.T) {
	paths := []string{"link", "source.url", "zones[].name", "deep[][].x.y"}
	base := hash(t, `{"a":1,"source":{"id":"1"},"zones":[{"min":1},7],"deep":[[{"x":{}}]]}`, paths...)
	for name, raw := range map[string]string{
		"member":  `{"a":1,"link":"http://x","source":{"id":"1"},"zones":[{"min":1},7],"deep":[[{"x":{}}]]}`,
		"escaped": `{"a":1,"\u006cink":{"b":[]},"source":{"id":"1"},"zones":[{"min":1},7],"deep":[[{"x":{}}]]}`,
		"nested":  `{"a":1,"source":{"url":null,"id":"1"},"zones":[{"min":1,"name":"Picco"},7],"deep":[[{"x":{"y":1}}]]}`,
	} {
		if hash(t, raw, paths...) != base {
			t.Errorf("%s: a volatile member counts", name)
		}
	}
	for name, raw := range map[string]string{
		"of another place": `{"a":1,"source":{"id":"1","link":1},"zones":[{"min":1},7],"deep":[[{"x":{}}]]}`,
		"not an array":     `{"a":1,"source":{"id":"1"},"zones":{"name":1},"deep":[[{"x":{}}]]}`,
		"the value itself": `{"a":1,"zones":[{"min":1},7],"deep":[[{"x":{}}]]}`,
	} {
		if hash(t, raw, paths...) == base {
			t.Errorf("%s: a member that is not volatile does not count", name)
		}
	}
}

func TestContentHashRefusesMalformedPaths(t *testing.T) {
	for _, path := range []string{"", ".", "a.", ".a", "a..b", "a[]", "a[", "a].b", "a[0].b", "[].a", "a[[]].b"} {
		if _, err := ContentHash([]byte(`{}`), []string{"fine", path}); err == nil || !strings.Contains(err.Error(), "volatile path") {
			t.Errorf("%q: got %v", path, err)
		}
	}
}

// value is JSON as a tree: what a record says, without how it is written.
type value struct {
	literal string   // a number, true, false or null
	text    []uint16 // a string as UTF-16 units, lone surrogates included
	items   []value  // of an array
	keys    []value  // of an object; the values are items
	kind    byte     // 'l', 's', 'a', 'o'
}

func drawValue(t *rapid.T, depth int) value {
	kinds := "llssao"
	if depth == 0 {
		kinds = "ls"
	}
	v := value{kind: kinds[rapid.IntRange(0, len(kinds)-1).Draw(t, "kind")]}
	switch v.kind {
	case 'l':
		v.literal = rapid.SampledFrom([]string{"0", "-0", "1", "1.0", "1.00", "1e0", "2471190346655808113", "2471190346655808114", "true", "false", "null"}).Draw(t, "literal")
	case 's':
		v = drawText(t)
	case 'a', 'o':
		for range rapid.IntRange(0, 3).Draw(t, "size") {
			if v.kind == 'o' {
				v.keys = append(v.keys, drawText(t))
			}
			v.items = append(v.items, drawValue(t, depth-1))
		}
	}
	return v
}

func drawText(t *rapid.T) value {
	units := []uint16{'a', 'b', 'n', '"', '\\', '/', '\n', 0, 0x1f, 0x7f, 0xe9, 0x2028, 0xfffd, 0xd83d, 0xde00, 0xd800, 0xdfff, 0xfeff}
	return value{kind: 's', text: rapid.SliceOfN(rapid.SampledFrom(units), 0, 3).Draw(t, "text")}
}

// meaning is what counts about a value: members by key, same keys in order.
func (v value) meaning() any {
	switch v.kind {
	case 'l':
		return v.literal
	case 's':
		return append([]uint16{}, v.text...)
	}
	items := []any{}
	if v.kind == 'a' {
		for _, i := range v.items {
			items = append(items, i.meaning())
		}
		return items
	}
	order := make([]int, len(v.keys))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return slices.Compare(v.keys[a].text, v.keys[b].text) })
	for _, i := range order {
		items = append(items, v.keys[i].meaning(), v.items[i].meaning())
	}
	return map[string]any{"object": items}
}

// write writes the value in a drawn style: white space, escapes, key order.
func (v value) write(t *rapid.T, b *strings.Builder) {
	space := func() { b.WriteString(rapid.SampledFrom([]string{"", "", " ", "\n\t", "\r\n  "}).Draw(t, "space")) }
	space()
	defer space()
	switch v.kind {
	case 'l':
		b.WriteString(v.literal)
	case 's':
		writeText(t, b, v.text)
	case 'a':
		b.WriteByte('[')
		for i, item := range v.items {
			if i > 0 {
				b.WriteByte(',')
			}
			item.write(t, b)
		}
		space()
		b.WriteByte(']')
	case 'o':
		b.WriteByte('{')
		for n, i := range v.drawOrder(t) {
			if n > 0 {
				b.WriteByte(',')
			}
			v.keys[i].write(t, b)
			b.WriteByte(':')
			v.items[i].write(t, b)
		}
		space()
		b.WriteByte('}')
	}
}

// drawOrder is an order of the members in which those of one key keep theirs.
func (v value) drawOrder(t *rapid.T) []int {
	order := make([]int, len(v.keys))
	for i := range order {
		order[i] = i
	}
	if len(order) > 1 {
		order = rapid.Permutation(order).Draw(t, "order")
	}
	places := map[string][]int{}
	for place, i := range order {
		key := fmt.Sprint(v.keys[i].text)
		places[key] = append(places[key], place)
	}
	for _, at := range places {
		var members []int
		for _, place := range at {
			members = append(members, order[place])
		}
		slices.Sort(members)
		for n, place := range at {
			order[place] = members[n]
		}
	}
	return order
}

func writeText(t *rapid.T, b *strings.Builder, units []uint16) {
	b.WriteByte('"')
	for i := 0; i < len(units); i++ {
		r, width := rune(units[i]), 1
		if utf16.IsSurrogate(r) && i+1 < len(units) {
			if whole := utf16.DecodeRune(r, rune(units[i+1])); whole != utf8.RuneError {
				r, width = whole, 2
			}
		}
		plain := r >= 0x20 && r != '"' && r != '\\' && !utf16.IsSurrogate(r)
		short := map[rune]string{'"': `\"`, '\\': `\\`, '/': `\/`, '\n': `\n`}[r]
		switch choice := rapid.IntRange(0, 2).Draw(t, "escape"); {
		case choice == 0 && plain:
			b.WriteRune(r)
		case choice == 1 && short != "":
			b.WriteString(short)
		default:
			format := rapid.SampledFrom([]string{`\u%04x`, `\u%04X`}).Draw(t, "digits")
			for _, u := range units[i : i+width] {
				fmt.Fprintf(b, format, u)
			}
		}
		i += width - 1
	}
	b.WriteByte('"')
}

// change alters one thing somewhere in the value, or nothing.
func (v value) change(t *rapid.T) value {
	if len(v.items) == 0 || rapid.IntRange(0, 2).Draw(t, "here") == 0 {
		return drawValue(t, 1)
	}
	out := v
	out.items, out.keys = slices.Clone(v.items), slices.Clone(v.keys)
	at := rapid.IntRange(0, len(v.items)-1).Draw(t, "at")
	switch how := rapid.IntRange(0, 3).Draw(t, "how"); {
	case how == 0:
		out.items = slices.Delete(out.items, at, at+1)
		if v.kind == 'o' {
			out.keys = slices.Delete(out.keys, at, at+1)
		}
	case how == 1 && v.kind == 'o':
		out.keys[at] = drawText(t)
	case how == 2:
		out.items[0], out.items[at] = out.items[at], out.items[0]
	default:
		out.items[at] = out.items[at].change(t)
	}
	return out
}

func TestContentHashSeesMeaningAndNothingElse(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		one := drawValue(t, 3)
		other := one
		if rapid.Bool().Draw(t, "changed") {
			other = one.change(t)
		}
		var a, b strings.Builder
		one.write(t, &a)
		other.write(t, &b)
		if !json.Valid([]byte(a.String())) || !json.Valid([]byte(b.String())) {
			t.Fatalf("the generator wrote no JSON: %q, %q", a.String(), b.String())
		}
		same := reflect.DeepEqual(one.meaning(), other.meaning())
		x, errX := ContentHash([]byte(a.String()), nil)
		y, errY := ContentHash([]byte(b.String()), nil)
		if errX != nil || errY != nil {
			t.Fatal(errX, errY)
		}
		if (x == y) != same {
			t.Fatalf("same meaning: %t, same hash: %t\n%q\n%q", same, x == y, a.String(), b.String())
		}
	})
}

func FuzzContentHash(f *testing.F) {
	for _, seed := range []string{
		`{"logId":2471190346655808113,"distance":5.50,"a":[1.0,{"b":"\u2028<&>"}]}`, `"\ud800\udc00\ud800"`, `{"a":1,"a":2,"\u0061":3}`,
		`[[[]]]`, ` -0.0e-1 `, "\ufeff{}", "{", `"\`, "\"\xff\"", "", `{"a":{"b":[{"c":1}]}}`, `nul`,
	} {
		f.Add([]byte(seed))
	}
	drop, err := parsePaths([]string{"a.b[].c", "d"})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		form := canonical(raw, nil)
		if !json.Valid(raw) || !utf8.Valid(raw) {
			if !bytes.Equal(form, raw) {
				t.Fatalf("no JSON, yet changed: %q became %q", raw, form)
			}
			return
		}
		if !json.Valid(form) {
			t.Fatalf("%q became no JSON: %q", raw, form)
		}
		if again := canonical(form, nil); !bytes.Equal(again, form) {
			t.Fatalf("the canonical form of %q is not its own: %q", form, again)
		}
		var compact bytes.Buffer
		if err := json.Compact(&compact, raw); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(canonical(compact.Bytes(), nil), form) {
			t.Fatalf("white space counts in %q", raw)
		}
		if less := canonical(raw, drop); !json.Valid(less) {
			t.Fatalf("without volatile members %q became no JSON: %q", raw, less)
		}
	})
}
