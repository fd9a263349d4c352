package provider

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/stridelog/stridelog/events"
)

func TestImportHashIsFixed(t *testing.T) {
	// Computed elsewhere, over the lengths and texts of the record's own hash, the
	// companion, the offset and the zone. A change of this value brings every record
	// of every export in again.
	const want = "sha256:d20d1bada1d4d01fa2d675f3250170e8ba0209f92a863a39ef1935106ab1670a"
	h, err := NewHasher([]string{"link"})
	if err != nil {
		t.Fatal(err)
	}
	offset := 3600
	c := events.ActivityContext{TimeZone: "Europe/Paris", UTCOffsetSeconds: &offset, Companion: "h\r\n1", Locale: "does not count"}
	if got := h.Import([]byte(`{ "link": "x", "a": 1 }`), c); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if c.ImportTimeZone = "Europe/Rome"; h.Import([]byte(`{ "link": "x", "a": 1 }`), c) == want {
		t.Error("the stated zone does not count")
	}
	if h.Import([]byte(`{"a":1}`), events.ActivityContext{}) == want {
		t.Error("what other files say does not count")
	}
}

// What a Hasher keeps of one record never shows in the hash of another.
func TestAHasherForgets(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		volatile := rapid.SampledFrom([][]string{nil, {"a"}, {OmittedZeros}}).Draw(t, "volatile")
		h, err := NewHasher(volatile)
		if err != nil {
			t.Fatal(err)
		}
		for range rapid.IntRange(1, 4).Draw(t, "records") {
			var text strings.Builder
			drawValue(t, 2).write(t, &text)
			raw := []byte(text.String()[rapid.IntRange(0, 1).Draw(t, "from"):])
			want, err := ContentHash(raw, volatile)
			if err != nil {
				t.Fatal(err)
			}
			if got := h.Content(raw); got != want {
				t.Fatalf("%q: got %s behind other records, and %s alone", raw, got, want)
			}
		}
	})
}
