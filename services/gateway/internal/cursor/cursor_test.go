package cursor_test

import (
	"crypto/sha256"
	"encoding/base64"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/stridelog/stridelog/services/gateway/internal/cursor"
)

func place(total cursor.Total) cursor.Place {
	return cursor.Place{
		Backwards: true, Time: time.Date(2026, 9, 1, 2, 3, 4, 5000, time.UTC),
		ID: uuid.MustParse("7d3c8a52-07b5-4b7e-9a39-0d6f8f0f7a11"), Total: total,
	}
}

func FuzzDecode(f *testing.F) {
	list := cursor.NewFilter("list", "a")
	for _, total := range []cursor.Total{{}, cursor.Of(0), cursor.Of(20_000), cursor.Of(cursor.TooMany), cursor.Of(1 << 53)} {
		good := list.Encode(place(total))
		if got, err := list.Decode(good); err != nil || got != place(total) {
			f.Fatalf("%+v came back as %+v, %v", place(total), got, err)
		}
		if _, err := cursor.NewFilter("lista").Decode(good); err == nil {
			f.Fatal("a cursor fits another list")
		}
		f.Add(good)
		f.Add(good[1:])
		f.Add(good + "=")
		f.Add("!" + good[1:])
	}
	f.Add("")
	f.Fuzz(func(t *testing.T, s string) {
		p, err := list.Decode(s)
		if err == nil && list.Encode(p) != s {
			t.Errorf("%q means %+v, which is written %q", s, p, list.Encode(p))
		}
		if err == nil && p.Total.Rows < cursor.TooMany {
			t.Errorf("%q has a total of %d", s, p.Total.Rows)
		}
	})
}

// A word that a program before totals wrote, for the filter ("list", "a").
const older = "AQEABlpiUa9GBX08ilIHtUt-mjkNb48PehFJcOWpSuro6isfRko"

func TestAWordOfAnOlderProgramIsAPlaceWithoutTotal(t *testing.T) {
	got, err := cursor.NewFilter("list", "a").Decode(older)
	if err != nil || got != place(cursor.Total{}) {
		t.Errorf("%q is %+v, %v", older, got, err)
	}
}

// A client that knows the format can write any time. What no column holds is refused
// here, and not by the database.
func TestATimeThatNoRowHasIsRefused(t *testing.T) {
	list := cursor.NewFilter("list", "a")
	for _, year := range []int{-290_000, -4800, -4713, 0, 9999, 290_000} {
		p := place(cursor.Total{})
		p.Time = time.Date(year, 6, 1, 0, 0, 0, 0, time.UTC)
		if got, err := list.Decode(list.Encode(p)); err == nil {
			t.Errorf("the year %d came through as %+v", year, got)
		}
	}
	for _, at := range []time.Time{{}, time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(9998, 12, 31, 23, 59, 59, 0, time.UTC)} {
		p := place(cursor.Total{})
		p.Time = at
		if got, err := list.Decode(list.Encode(p)); err != nil || !got.Time.Equal(at) {
			t.Errorf("%v came back as %+v, %v", at, got, err)
		}
	}
}

// A client that knows the format can write any total. What could be none is refused, so that
// no page shows it.
func TestATotalThatCannotBeIsRefused(t *testing.T) {
	list := cursor.NewFilter("list", "a")
	for _, rows := range []int64{-2, -1 << 63, 1<<53 + 1, 1<<63 - 1} {
		if p, err := list.Decode(list.Encode(place(cursor.Of(rows)))); err == nil {
			t.Errorf("a total of %d came through as %+v", rows, p)
		}
	}
	word, err := base64.RawURLEncoding.DecodeString(list.Encode(place(cursor.Of(5))))
	if err != nil {
		t.Fatal(err)
	}
	forged := word[:len(word)-12]
	forged[0] = 1 // a version that has no total
	check := sha256.Sum256(append(append([]byte{}, list[:]...), forged...))
	if p, err := list.Decode(base64.RawURLEncoding.EncodeToString(append(forged, check[:12]...))); err == nil {
		t.Errorf("a word of one version with the length of another came through as %+v", p)
	}
}
