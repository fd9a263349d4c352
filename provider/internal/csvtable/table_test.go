package csvtable_test

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/stridelog/stridelog/provider/internal/csvtable"
)

// rows are the values of columns a and b of every row; a broken one is its line
// in angle brackets.
func rows(t interface{ Fatal(...any) }, text string) []string {
	table, err := csvtable.Open([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for {
		row, ok, more := table.Next()
		switch {
		case !more:
			if table.Offset() != len(text) {
				t.Fatal("the table ends before its text")
			}
			return all
		case !ok:
			all = append(all, fmt.Sprintf("<%s>", row.Line))
		default:
			all = append(all, row.Value("a")+"|"+row.Value("b"))
		}
	}
}

func TestTables(t *testing.T) {
	for text, want := range map[string][]string{
		"a,b":                              nil,
		"a,b\r\n1,2\r\n3,4":                {"1|2", "3|4"},
		"\ufeffb,a\n1,2\n":                 {"2|1"},
		"a, b \n1, 2 \n":                   {"1|2"},
		"a,b\n\n1,2\n\n\n3,4\n\n":          {"1|2", "3|4"},
		"a,b\n\"1,\n2\",\"say \"\"x\"\"\"": {"1,\n2|say \"x\""},
		"a,b\n1\n1,2,3\n4,5\n":             {"<1>", "<1,2,3>", "4|5"},
		"a,b\n\"1,2\n3,4\n5,6\n":           {"<\"1,2>", "3|4", "5|6"},
		"a,b\n1,x\"y\n3,4\n":               {"1|x\"y", "3|4"},
		"a,b\n\"1\"x,\"\"\n\"\",\"3\"\n":   {"<\"1\"x,\"\">", "|3"},
		"a,b\n1,x\"y\n3,z\"\n":             {"1|x\"y", "3|z\""},
		"b,c\n1,2":                         {"|1"},
		"a,a,b\n1,2,3":                     {"1|3"},
	} {
		if got := rows(t, text); !slices.Equal(got, want) {
			t.Errorf("%q gave %q, want %q", text, got, want)
		}
	}
}

func TestTextsWithoutColumnNames(t *testing.T) {
	for _, text := range []string{"", "\r\n", "  \n1,2", "\"a,b\n1,2"} {
		if _, err := csvtable.Open([]byte(text)); err == nil {
			t.Errorf("%q has a header", text)
		}
	}
	table, err := csvtable.Open([]byte("a,b\r\n1,2"))
	if err != nil || !table.Header.Has("b") || table.Header.Has("c") || string(table.Header.Line()) != "a,b" {
		t.Errorf("got %+v, error %v", table, err)
	}
}

// What a writer of CSV writes is read, and every row is the bytes it was.
func TestRowsAreKeptAsTheyAre(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cell := rapid.SampledFrom([]string{"", "1", "a b", "x,y", "say \"it\"", "two\nlines", "é\u2028", "[A: 0.8, B: 0.1]", "\"", ",,"})
		records := rapid.SliceOfN(rapid.SliceOfN(cell, 3, 3), 0, 10).Draw(t, "records")
		var text bytes.Buffer
		w := csv.NewWriter(&text)
		w.UseCRLF = rapid.Bool().Draw(t, "crlf")
		if err := w.WriteAll(append([][]string{{"a", "b", "c"}}, records...)); err != nil {
			t.Fatal(err)
		}
		table, err := csvtable.Open(text.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range records {
			row, ok, more := table.Next()
			if !ok || !more || !bytes.Contains(text.Bytes(), row.Line) {
				t.Fatalf("the row of %q: %t, %t, %q", want, ok, more, row.Line)
			}
			for i, name := range []string{"a", "b", "c"} {
				// A reader of CSV gives \n for the \r\n inside a cell.
				if got := row.Value(name); got != strings.TrimSpace(want[i]) {
					t.Fatalf("%s is %q, want %q", name, got, want[i])
				}
			}
		}
		if _, _, more := table.Next(); more {
			t.Fatal("there is one more row")
		}
	})
}

func FuzzTable(f *testing.F) {
	for _, seed := range []string{"a,b\n1,2\n", "a,b\n\"1,2\n3,4", "a\n\"\"\"\n", "\ufeffa,b\r\n\r\n1,\"x\ny\"\r\n", "a,b\n1\n1,2,3\n", "\"", "a,b\n\r\n\"\r"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		table, err := csvtable.Open(text)
		if err != nil {
			return
		}
		for last := -1; ; {
			row, ok, more := table.Next()
			if !more {
				return
			}
			if table.Offset() <= last || !bytes.Contains(text, row.Line) {
				t.Fatalf("%q: at %d after %d, row %q", text, table.Offset(), last, row.Line)
			}
			last = table.Offset()
			for _, name := range columnsOf(row, ok) {
				_ = row.Value(name)
			}
		}
	})
}

func columnsOf(row csvtable.Row, ok bool) []string {
	if !ok {
		return nil
	}
	return row.Columns()
}
