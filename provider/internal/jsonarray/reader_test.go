package jsonarray_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"

	"github.com/stridelog/stridelog/provider/internal/jsonarray"
)

const limit = 200 // bytes of an element in these tests

// read is everything that a reader gives: elements, or their faults in angle
// brackets, and how the array ended.
func read(in io.Reader) (elements []string, end error) {
	var text bytes.Buffer
	r := jsonarray.NewReader(io.TeeReader(in, &text), jsonarray.Options{Max: limit, First: "logId"})
	for {
		e, err := r.Next()
		switch {
		case err != nil:
			if _, again := r.Next(); again == nil {
				return elements, errors.New("an array that has ended goes on")
			}
			return elements, err
		case e.Fault != "":
			elements = append(elements, "<"+e.Fault+">")
		case !bytes.HasPrefix(text.Bytes()[e.At:], e.Bytes):
			return elements, fmt.Errorf("%q does not stand at %d", e.Bytes, e.At)
		default:
			elements = append(elements, string(e.Bytes))
		}
	}
}

func TestArrays(t *testing.T) {
	long := `{"logId":1,"x":"` + strings.Repeat("y", limit) + `"}`
	for text, want := range map[string]struct {
		elements []string
		end      error
	}{
		`[]`:                                  {nil, io.EOF},
		" \n[ \t]\r\n":                        {nil, io.EOF},
		"\ufeff[1]":                           {[]string{"1"}, io.EOF},
		`[1 , "a,]\"" ,{"b" : [2,{}]}]`:       {[]string{"1", `"a,]\""`, `{"b" : [2,{}]}`}, io.EOF},
		`[1,]`:                                {[]string{"1"}, io.EOF},
		``:                                    {nil, jsonarray.ErrNotArray},
		`{"a":[]}`:                            {nil, jsonarray.ErrNotArray},
		`<html>`:                              {nil, jsonarray.ErrNotArray},
		`[`:                                   {nil, jsonarray.ErrTruncated},
		`[1`:                                  {[]string{"<broken>"}, jsonarray.ErrTruncated},
		`[1,`:                                 {[]string{"1"}, jsonarray.ErrTruncated},
		`[1][2]`:                              {[]string{"1"}, jsonarray.ErrTrailing},
		`[1]x`:                                {[]string{"1"}, jsonarray.ErrTrailing},
		`[1,,2]`:                              {[]string{"1", "<broken>", "2"}, io.EOF},
		`[{"logId":1},nonsense,{"logId":2}]`:  {[]string{`{"logId":1}`, "<broken>", `{"logId":2}`}, io.EOF},
		`[{"logId":1} {"logId":2},3]`:         {[]string{"<broken>", `{"logId":2}`, "3"}, io.EOF},
		`[{"logId":1,{"logId":2}]`:            {[]string{"<broken>", `{"logId":2}`}, io.EOF},
		`[{"logId":1,"a":"b},{ "logId" : 2}]`: {[]string{"<broken>", `{ "logId" : 2}`}, io.EOF},
		`[{"logId":1,"a":[}, {"logId":2}]`:    {[]string{"<broken>", `{"logId":2}`}, io.EOF},
		`[{"logId":1},{"logId":2,"a`:          {[]string{`{"logId":1}`, "<broken>"}, jsonarray.ErrTruncated},
		`[}{"logId":2}]`:                      {[]string{"<broken>", `{"logId":2}`}, io.EOF},
		`[` + long + `,2]`:                    {[]string{"<too_large>", "2"}, io.EOF},
		`[` + long + long:                     {[]string{"<broken>", "<too_large>"}, jsonarray.ErrTruncated},
		`[` + long + `,{"logId":2}]`:          {[]string{"<too_large>", `{"logId":2}`}, io.EOF},
		`[` + long[:len(long)-2]:              {[]string{"<too_large>"}, jsonarray.ErrTruncated},
		`[{"logId":1,"a":"` + strings.Repeat("b", limit-30) + `,{"logId":2},{"logId":3}]`: {[]string{"<broken>", `{"logId":2}`, `{"logId":3}`}, io.EOF},
	} {
		for name, in := range map[string]io.Reader{"at once": strings.NewReader(text), "byte by byte": iotest.OneByteReader(strings.NewReader(text))} {
			elements, end := read(in)
			if !errors.Is(end, want.end) {
				t.Errorf("%.80q %s: ended with %v, want %v", text, name, end, want.end)
			}
			if name == "at once" && !slices.Equal(elements, want.elements) {
				t.Errorf("%.80q: got %q, want %q", text, elements, want.elements)
			}
		}
	}
}

func TestAStreamThatFailsEndsTheArrayWithItsError(t *testing.T) {
	fault := errors.New("the disk is gone")
	in := io.MultiReader(strings.NewReader(`[{"logId":1},{"logId":2},{"log`), iotest.ErrReader(fault))
	elements, end := read(in)
	if !errors.Is(end, fault) || !slices.Equal(elements, []string{`{"logId":1}`, `{"logId":2}`}) {
		t.Errorf("got %q and %v", elements, end)
	}
}

func TestAnArrayOfBrokenElementsIsGivenUp(t *testing.T) {
	elements, end := read(strings.NewReader("[" + strings.Repeat(`{"logId":1,`, 1500)))
	if !errors.Is(end, jsonarray.ErrRuined) || len(elements) > 1100 {
		t.Errorf("%d elements, ended with %v", len(elements), end)
	}
}

// Whatever stands around the elements and however the stream is cut, each comes
// out with the bytes it went in with.
func TestElementsKeepTheirBytes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		space := rapid.SampledFrom([]string{"", " ", "\n  ", "\t\r\n"})
		value := rapid.SampledFrom([]string{
			`{"logId":1}`, `{ "logId" : 2471190346655808113, "d" : 1.0 }`, `"\\\"]},{"`, `-2.84E-14`, `[[ ],{}]`, "null",
			"{\"logId\":3,\"n\":\"\u2028<&>\"}", `{"logId":4,"a":{"logId":5}}`,
		})
		want := rapid.SliceOfN(value, 0, 30).Draw(t, "elements")
		var text strings.Builder
		text.WriteString(space.Draw(t, "before") + "[")
		for i, v := range want {
			if i > 0 {
				text.WriteByte(',')
			}
			text.WriteString(space.Draw(t, "space") + v + space.Draw(t, "space"))
		}
		text.WriteString("]" + space.Draw(t, "after"))
		pieces := rapid.IntRange(1, 40).Draw(t, "pieces")
		got, end := read(&cutUp{text: text.String(), size: pieces})
		if !errors.Is(end, io.EOF) || !slices.Equal(got, want) {
			t.Fatalf("got %q and %v, want %q", got, end, want)
		}
	})
}

// cutUp gives a text in pieces.
type cutUp struct {
	text string
	size int
}

func (c *cutUp) Read(p []byte) (int, error) {
	n := copy(p, c.text[:min(c.size, len(c.text))])
	c.text = c.text[n:]
	if n == 0 {
		return 0, io.EOF
	}
	return n, nil
}

func FuzzArray(f *testing.F) {
	for _, seed := range []string{
		`[]`, `[{"logId":1,"a":"b"},{"logId":2}]`, `[{"logId":1,"a":"b},{"logId":2}]`, `[1,,2]`, `[1]x`, "\ufeff[ 1 , [2] ]", `[{"logId":`, `[}]`,
		`[{"logId":1,{"logId":2,{"logId":3}]`, `["` + strings.Repeat("a", 2*limit) + `"]`, `[` + strings.Repeat(`[`, 300) + `]`, `{}`,
	} {
		f.Add([]byte(seed), 7)
	}
	f.Fuzz(func(t *testing.T, text []byte, size int) {
		elements, end := read(&cutUp{text: string(text), size: max(1, size%100)})
		at := 0
		for _, e := range elements {
			if strings.HasPrefix(e, "<") {
				continue
			}
			if !json.Valid([]byte(e)) || len(e) > limit {
				t.Fatalf("%q of %q is no element", e, text)
			}
			found := bytes.Index(text[at:], []byte(e))
			if found < 0 {
				t.Fatalf("%q does not stand in %q, or not in this order", e, text)
			}
			at += found + len(e)
		}
		var whole []json.RawMessage
		if json.Unmarshal(text, &whole) != nil || whole == nil {
			return
		}
		if !errors.Is(end, io.EOF) {
			t.Fatalf("%q is a whole array and ended with %v", text, end)
		}
		for i, e := range whole {
			if len(e) <= limit && (len(elements) != len(whole) || elements[i] != string(e)) {
				t.Fatalf("%q gave %q", text, elements)
			}
		}
	})
}

func ExampleReader() {
	r := jsonarray.NewReader(strings.NewReader(`[{"logId": 1}, {"logId": 2.0}]`), jsonarray.Options{Max: 1 << 20, First: "logId"})
	for {
		element, err := r.Next()
		if err != nil {
			return
		}
		fmt.Println(string(element.Bytes))
	}
	// Output:
	// {"logId": 1}
	// {"logId": 2.0}
}
