package jsonarray

import (
	"bytes"
	"errors"

	"github.com/stridelog/stridelog/events/rawjson"
)

var errTooLong = errors.New("the element is too long")

// extent follows an element to its end: to the comma or the bracket that is
// outside of its own brackets and strings.
type extent struct {
	depth    int
	inString bool
	escaped  bool
}

// over is how many of the bytes belong to the element, and whether it ends there.
func (e *extent) over(text []byte) (n int, ended bool) {
	for i, c := range text {
		switch {
		case e.escaped:
			e.escaped = false
		case e.inString:
			e.escaped = c == '\\'
			e.inString = c != '"'
		case c == '"':
			e.inString = true
		case c == '{' || c == '[':
			e.depth++
		case e.depth > 0 && (c == '}' || c == ']'):
			e.depth--
		case e.depth == 0 && (c == ',' || c == ']'):
			return i, true
		}
	}
	return len(text), false
}

// measure is the length of the element that begins here, with the space behind it.
func (r *Reader) measure() (int, error) {
	var e extent
	length := 0
	for {
		n, ended := e.over(r.buf[r.at+length : r.end])
		length += n
		switch {
		case length > r.max:
			return 0, errTooLong
		case ended:
			return length, nil
		}
		if err := r.fill(); err != nil {
			return 0, err
		}
	}
}

// broken steps over an element that is no JSON: to the next one that begins in
// its bytes, else behind them.
func (r *Reader) broken(text []byte) Element {
	if next, found := r.nextIn(text); found {
		r.resyncs++
		r.at += next
		return Element{Fault: Broken}
	}
	r.at += len(text)
	r.skipComma()
	return Element{Fault: Broken}
}

// overlong steps over an element that is too long: over all of it if it is whole,
// else to the next one that begins in its bytes.
func (r *Reader) overlong() Element {
	var e extent
	n, ended := e.over(r.buf[r.at:r.end])
	if !ended || !rawjson.Valid(r.buf[r.at:r.at+n]) {
		if next, found := r.nextIn(r.buf[r.at : r.at+n]); found {
			r.resyncs++
			r.at += next
			return Element{Fault: Broken}
		}
	}
	for r.at += n; !ended; r.at += n {
		if r.fill() != nil {
			break // the next call tells how the array ends
		}
		n, ended = e.over(r.buf[r.at:r.end])
	}
	r.skipComma()
	return Element{Fault: TooLarge}
}

// nextIn finds an object behind the first byte that begins as elements do.
func (r *Reader) nextIn(text []byte) (at int, found bool) {
	for from := 1; from < len(text); {
		name := bytes.Index(text[from:], r.mark)
		if name < 0 {
			return 0, false
		}
		name += from
		before := bytes.TrimRight(text[:name], " \t\r\n")
		if len(before) > 1 && before[len(before)-1] == '{' {
			return len(before) - 1, true
		}
		from = name + len(r.mark)
	}
	return 0, false
}
