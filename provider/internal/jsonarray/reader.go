// Package jsonarray reads the elements of one JSON array from a stream, byte for
// byte, however large the array is. It goes on behind an element that is broken.
package jsonarray

import (
	"bytes"
	"errors"
	"io"

	"github.com/stridelog/stridelog/events/rawjson"
)

// Why an array is not read to its end.
var (
	ErrNotArray  = errors.New("the text is not a JSON array")
	ErrTruncated = errors.New("the array ends in the middle")
	ErrTrailing  = errors.New("more text follows the array")
	ErrRuined    = errors.New("too much of the array is broken")
)

// maxResyncs bounds how often the next element is searched for inside a broken
// one, because each search reads some bytes again.
const maxResyncs = 1000

// Options say what the elements are.
type Options struct {
	Max int // bytes of an element
	// First is the name of every element's first member. Where an object begins
	// with it, a broken element may end.
	First string
}

// Faults of an element.
const (
	Broken   = "broken"    // it is no JSON
	TooLarge = "too_large" // it has more bytes than Options.Max
)

// Element is one element of the array.
type Element struct {
	Bytes []byte // without white space around them; valid until the next call; nil with a fault
	At    int64  // bytes of the stream before Bytes
	Fault string // empty, Broken or TooLarge
	// Members are those of an object, valid as long as Bytes; none for any other value.
	Members []Member
}

// IsObject says whether the element is an object.
func (e Element) IsObject() bool { return len(e.Bytes) > 0 && e.Bytes[0] == '{' }

// Member is one member of an object: its name with the quotes, and its value.
type Member struct{ Quoted, Value []byte }

// Reader reads one array. It holds little more than one element.
type Reader struct {
	in      io.Reader
	max     int
	mark    []byte // First in quotes
	buf     []byte
	at, end int // of the bytes in buf that were not read yet
	passed  int64
	failed  error // of in; io.EOF at its end
	began   bool
	over    error // how the array ended, once it has
	resyncs int
	members []Member // of the element that was read last
}

const chunk = 32 << 10

// NewReader reads an array from in.
func NewReader(in io.Reader, o Options) *Reader {
	return &Reader{in: in, max: o.Max, mark: []byte(`"` + o.First + `"`), buf: make([]byte, chunk)}
}

// Offset is how many bytes of the stream were read.
func (r *Reader) Offset() int64 { return r.passed + int64(r.at) }

// Next reads one element. It ends with io.EOF behind the array's end, with one of
// this package's errors, or with that of the stream.
func (r *Reader) Next() (Element, error) {
	if r.over != nil {
		return Element{}, r.over
	}
	if !r.began {
		if err := r.begin(); err != nil {
			return Element{}, err
		}
	}
	c, err := r.skipSpace()
	switch {
	case err != nil:
		return Element{}, r.cutOff(err)
	case c == ']':
		return Element{}, r.finish()
	case r.resyncs > maxResyncs:
		return Element{}, ErrRuined
	}
	if element, ok := r.whole(); ok {
		return element, nil
	}
	length, err := r.measure()
	switch {
	case errors.Is(err, errTooLong):
		return r.overlong(), nil
	case errors.Is(err, io.EOF):
		return r.broken(r.buf[r.at:r.end]), nil
	case err != nil:
		return Element{}, err
	}
	element := bytes.TrimRight(r.buf[r.at:r.at+length], " \t\r\n")
	if len(element) == 0 || r.scan(element) != len(element) {
		return r.broken(r.buf[r.at : r.at+length]), nil
	}
	at := r.Offset()
	r.at += length
	r.skipComma()
	return Element{Bytes: element, At: at, Members: r.members}, nil
}

// whole reads an element that lies in the buffer with what follows it, as most do:
// in one scan that finds its end and proves it to be JSON.
func (r *Reader) whole() (Element, bool) {
	length := r.scan(r.buf[r.at:r.end])
	if length < 0 {
		return Element{}, false
	}
	behind := r.at + length
	for behind < r.end && isSpace(r.buf[behind]) {
		behind++
	}
	if behind == r.end || behind-r.at > r.max || r.buf[behind] != ',' && r.buf[behind] != ']' {
		return Element{}, false
	}
	element := Element{Bytes: r.buf[r.at : r.at+length], At: r.Offset(), Members: r.members}
	r.at = behind
	r.skipComma()
	return element, true
}

// scan is how many bytes the value has that a text begins with, or -1 if it begins
// with none that is whole. It keeps the members of an object.
func (r *Reader) scan(text []byte) int {
	r.members = r.members[:0]
	if text[0] != '{' {
		return rawjson.Prefix(text)
	}
	return rawjson.WalkPrefix(text, func(quoted, value []byte) { r.members = append(r.members, Member{quoted, value}) })
}

func (r *Reader) begin() error {
	for r.end-r.at < 3 && r.fill() == nil {
		continue
	}
	if bytes.HasPrefix(r.buf[r.at:r.end], []byte("\ufeff")) {
		r.at += 3
	}
	c, err := r.skipSpace()
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if err != nil || c != '[' {
		return ErrNotArray
	}
	r.at++
	r.began = true
	return nil
}

func (r *Reader) cutOff(err error) error {
	if errors.Is(err, io.EOF) {
		return ErrTruncated
	}
	return err
}

// finish looks at what follows the array.
func (r *Reader) finish() error {
	r.at++
	r.over = ErrTrailing
	if _, err := r.skipSpace(); err != nil {
		r.over = err // io.EOF, or the stream's
	}
	return r.over
}

// skipSpace is the next character that is no white space.
func (r *Reader) skipSpace() (byte, error) {
	for {
		for ; r.at < r.end; r.at++ {
			if c := r.buf[r.at]; !isSpace(c) {
				return c, nil
			}
		}
		if err := r.fill(); err != nil {
			return 0, err
		}
	}
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }

// skipComma steps over what separates elements.
func (r *Reader) skipComma() {
	if r.at < r.end && r.buf[r.at] == ',' {
		r.at++
	}
}

// fill reads more, behind what was not read yet.
func (r *Reader) fill() error {
	if r.failed != nil {
		return r.failed
	}
	if r.at > 0 {
		copy(r.buf, r.buf[r.at:r.end])
		r.passed += int64(r.at)
		r.end -= r.at
		r.at = 0
	}
	if r.end == len(r.buf) {
		r.buf = append(r.buf, make([]byte, len(r.buf))...)
	}
	n, err := r.in.Read(r.buf[r.end:])
	r.end += n
	r.failed = err
	if n > 0 {
		return nil
	}
	return err
}
