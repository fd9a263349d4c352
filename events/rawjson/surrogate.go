package rawjson

import (
	"bytes"
	"strconv"
	"unicode/utf16"
)

// LoneSurrogate says whether a JSON text escapes half of a character without its other
// half: \ud800. That is no character. Readers put U+FFFD in its place, which makes one
// text of two different ones.
func LoneSurrogate(text []byte) bool {
	for {
		at := bytes.IndexByte(text, '\\')
		if at < 0 || at+1 >= len(text) {
			return false
		}
		first, ok := unit(text[at:])
		if !ok {
			text = text[at+2:] // the escape of another character
			continue
		}
		text = text[at+unitSize:]
		if !utf16.IsSurrogate(first) {
			continue
		}
		second, ok := unit(text)
		if !ok || utf16.DecodeRune(first, second) == '\uFFFD' {
			return true
		}
		text = text[unitSize:]
	}
}

// unitSize is how many bytes the escape of a UTF-16 unit has.
const unitSize = len(`\u0000`)

// unit reads the escape of a UTF-16 unit at the start of a text.
func unit(text []byte) (rune, bool) {
	if len(text) < unitSize || text[0] != '\\' || text[1] != 'u' {
		return 0, false
	}
	n, err := strconv.ParseUint(string(text[2:unitSize]), 16, 16)
	return rune(n), err == nil
}
