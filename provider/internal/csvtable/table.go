// Package csvtable reads CSV files whose columns are known by name, and keeps
// every row as the bytes that it was written in.
package csvtable

import (
	"bytes"
	"encoding/csv"
	"errors"
	"strings"
)

// Header is a table's first line.
type Header struct {
	line  []byte
	names []string
	place map[string]int
}

// Line is the header as it was written, without its line end.
func (h *Header) Line() []byte { return h.line }

// Has says whether there is a column of that name.
func (h *Header) Has(name string) bool {
	_, ok := h.place[name]
	return ok
}

// Row is one row: the bytes, and the values by column.
type Row struct {
	Line   []byte // without its line end; it shares the table's bytes
	header *Header
	values []string
}

// Columns are the names of the row's columns, in their order.
func (r Row) Columns() []string { return r.header.names }

// Value is the text of a column without space around it; empty when there is no
// such column.
func (r Row) Value(name string) string {
	at, ok := r.header.place[name]
	if !ok {
		return ""
	}
	return strings.TrimSpace(r.values[at])
}

// Table walks through a CSV text.
type Table struct {
	Header *Header
	rest   []byte
	size   int
}

// Open reads the header. The error says that there is none.
func Open(text []byte) (*Table, error) {
	t := &Table{size: len(text)}
	text = bytes.TrimPrefix(text, []byte("\ufeff"))
	line, rest := cut(text)
	names, err := split(line, false)
	if err != nil || len(bytes.TrimSpace(line)) == 0 {
		return nil, errors.New("the text does not begin with a line of column names")
	}
	t.rest = rest
	t.Header = &Header{line: line, names: names, place: map[string]int{}}
	for i, name := range names {
		names[i] = strings.TrimSpace(name)
		if _, twice := t.Header.place[names[i]]; !twice {
			t.Header.place[names[i]] = i
		}
	}
	return t, nil
}

// Offset is how many bytes were read.
func (t *Table) Offset() int { return t.size - len(t.rest) }

// Next reads a row; more is false at the end. A row that is broken has only its
// bytes, and ok is false.
func (t *Table) Next() (row Row, ok, more bool) {
	for {
		line, rest := cut(t.rest)
		if len(line) == 0 && len(rest) == 0 {
			t.rest = nil
			return Row{}, false, false
		}
		if len(line) == 0 { // an empty line is no row
			t.rest = rest
			continue
		}
		values, err := split(line, false)
		if err == nil && len(values) == len(t.Header.names) {
			t.rest = rest
			return Row{Line: line, header: t.Header, values: values}, true, true
		}
		row, ok = t.repair()
		return row, ok, true
	}
}

// repair reads one line of a row that makes no sense: a quote that does not
// close would take the following rows with it.
func (t *Table) repair() (Row, bool) {
	line, rest, _ := bytes.Cut(t.rest, []byte("\n"))
	line = bytes.TrimSuffix(line, []byte("\r"))
	t.rest = rest
	values, err := split(line, true)
	if err != nil || len(values) != len(t.Header.names) {
		return Row{Line: line}, false
	}
	return Row{Line: line, header: t.Header, values: values}, true
}

// cut takes one row off a text. A line end inside quotes belongs to the row.
func cut(text []byte) (line, rest []byte) {
	quoted := false
	for i, c := range text {
		switch {
		case c == '"':
			quoted = !quoted
		case c == '\n' && !quoted:
			return bytes.TrimSuffix(text[:i], []byte("\r")), text[i+1:]
		}
	}
	return bytes.TrimSuffix(text, []byte("\r")), nil
}

// split takes a row apart. lazy takes quotes in odd places for what they are.
func split(line []byte, lazy bool) ([]string, error) {
	if values, ok := usual(string(line)); ok {
		return values, nil
	}
	r := csv.NewReader(bytes.NewReader(line))
	r.LazyQuotes = lazy
	r.FieldsPerRecord = -1
	return r.Read()
}

// usual takes a row apart as most are written: each value plain, or in quotes with
// none inside. ok is false for any other row. encoding/csv takes three times as long.
func usual(line string) (values []string, ok bool) {
	if line == "" || strings.IndexByte(line, '\r') >= 0 {
		return nil, false
	}
	values = make([]string, 0, strings.Count(line, ",")+1)
	for {
		value, rest, ok := cell(line)
		if !ok {
			return nil, false
		}
		values = append(values, value)
		if rest == "" {
			return values, true
		}
		line = rest[1:]
	}
}

// cell is the first value of a line, and the rest, which begins with a comma.
func cell(line string) (value, rest string, ok bool) {
	if text, quoted := strings.CutPrefix(line, `"`); quoted {
		value, rest, ok = strings.Cut(text, `"`)
		return value, rest, ok && (rest == "" || rest[0] == ',')
	}
	end := strings.IndexByte(line, ',')
	if end < 0 {
		end = len(line)
	}
	return line[:end], line[end:], strings.IndexByte(line[:end], '"') < 0
}
