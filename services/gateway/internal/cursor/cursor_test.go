package cursor_test

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/stridelog/stridelog/services/gateway/internal/cursor"
)

func FuzzDecode(f *testing.F) {
	list := cursor.NewFilter("list", "a")
	place := cursor.Place{Backwards: true, Time: time.Date(2026, 9, 1, 2, 3, 4, 5000, time.UTC), ID: uuid.MustParse("7d3c8a52-07b5-4b7e-9a39-0d6f8f0f7a11")}
	good := list.Encode(place)
	if got, err := list.Decode(good); err != nil || got != place {
		f.Fatalf("%+v came back as %+v, %v", place, got, err)
	}
	if _, err := cursor.NewFilter("lista").Decode(good); err == nil {
		f.Fatal("a cursor fits another list")
	}
	f.Add(good)
	f.Add("")
	f.Add(good[1:])
	f.Add(good + "=")
	f.Add("!" + good[1:])
	f.Fuzz(func(t *testing.T, s string) {
		p, err := list.Decode(s)
		if err == nil && list.Encode(p) != s {
			t.Errorf("%q means %+v, which is written %q", s, p, list.Encode(p))
		}
	})
}
