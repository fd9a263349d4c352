package rawjson_test

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stridelog/stridelog/events/rawjson"
)

func TestHalvesOfCharactersAreFound(t *testing.T) {
	for text, lone := range map[string]bool{
		`"a"`: false, `"\u0041"`: false, `"\ud83d\ude00"`: false, `"\uD83D\uDE00 and \ud83d\ude00"`: false, `"\\ud800"`: false, `"\ufffd"`: false,
		`"\ud800"`: true, `"\udfff"`: true, `"\ude00\ud83d"`: true, `"\ud83d\\ude00"`: true, `"\ud83d\ud83d\ude00"`: true, `{"a":"\\\ud800"}`: true,
		`"\ud83d😀"`: true, `"\`: false, `"\u`: false, `"\ud8`: false, ``: false,
	} {
		if got := rawjson.LoneSurrogate([]byte(text)); got != lone {
			t.Errorf("%s: %v", text, got)
		}
	}
}

// A text without halves comes back from encoding/json as it was written; one with
// halves does not.
func FuzzLoneSurrogate(f *testing.F) {
	for _, text := range []string{`"\ud800"`, `"\ud83d\ude00"`, `"\\ud800\n\u0000"`, `"\udc00\ud800x"`} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var read string
		if !utf8.ValidString(text) || json.Unmarshal([]byte(text), &read) != nil {
			return
		}
		if strings.Contains(text, "\ufffd") || strings.Contains(strings.ToLower(text), `\ufffd`) {
			return // it says U+FFFD itself
		}
		if lone, replaced := rawjson.LoneSurrogate([]byte(text)), strings.Contains(read, "\ufffd"); lone != replaced {
			t.Errorf("%q: a half %v, replaced %v", text, lone, replaced)
		}
	})
}
