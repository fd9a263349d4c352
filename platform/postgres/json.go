package postgres

import (
	"bytes"
	"encoding/json"
)

// JSON is a value as a jsonb column takes it: such a column holds no NUL, so U+FFFD
// stands in its place, as it does for bytes that are not UTF-8.
func JSON(v any) ([]byte, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	const nul = `\u0000`
	at := 0
	for {
		found := bytes.IndexByte(text[at:], '\\')
		if found < 0 {
			return text, nil
		}
		at += found
		if bytes.HasPrefix(text[at:], []byte(nul)) {
			copy(text[at:], `\ufffd`)
		}
		at += 2 // the backslash and what it escapes
	}
}
