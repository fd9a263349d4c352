package postgres_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stridelog/stridelog/platform/postgres"
	"github.com/stridelog/stridelog/platform/postgres/postgrestest"
)

func TestAnyTextGoesIntoAJSONColumn(t *testing.T) {
	db := postgrestest.New(t)
	for _, text := range []string{"", "a", "\x00", "a\x00b\x00\x00", `\u0000`, `\` + "\x00", `\\` + "\x00", "\xff\x00", "\u2028\x00\"", strings.Repeat("\x00\\", 100)} {
		written, err := postgres.JSON(map[string]string{text: text})
		if err != nil {
			t.Fatal(err)
		}
		var read string
		if err := db.QueryRow(t.Context(), `SELECT v.value FROM jsonb_each_text($1::jsonb) v`, written).Scan(&read); err != nil {
			t.Errorf("%q is written %s: %v", text, written, err)
		}
		want := strings.ReplaceAll(strings.ToValidUTF8(text, "\ufffd"), "\x00", "\ufffd")
		if read != want {
			t.Errorf("%q came back as %q", text, read)
		}
	}
}

func FuzzJSON(f *testing.F) {
	f.Add("\x00", `\u0000`)
	f.Add(`\`+"\x00", `"`)
	f.Fuzz(func(t *testing.T, a, b string) {
		written, err := postgres.JSON([]string{a, b})
		if err != nil {
			t.Fatal(err)
		}
		var read []string
		if err := json.Unmarshal(written, &read); err != nil || strings.Contains(strings.Join(read, ""), "\x00") {
			t.Errorf("%q and %q are written %s: %v", a, b, written, err)
		}
	})
}
