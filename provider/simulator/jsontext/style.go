// Package jsontext writes and changes JSON the way clouds do and encoding/json
// does not: members in a given order, numbers and texts in the spelling of the
// record.
package jsontext

import (
	"bytes"
	"encoding/json"
	"hash/fnv"
	"strconv"
	"strings"
	"unicode/utf16"
)

// Style is how a record's bytes look. All are legal JSON and mean the same; a
// system that keeps records as they came gives each back as it was.
type Style int

// The styles.
const (
	Plain        Style = iota // what most records are
	TrailingZero              // 5.520 and 1.0
	EscapedSlash              // \/ in links
	Spaced                    // a space after commas and colons
	EscapedText               // é for what is not ASCII
	styles
)

// StyleOf draws a record's style from its id: seven of eleven are plain.
func StyleOf(externalID string) Style {
	h := fnv.New32a()
	_, _ = h.Write([]byte(externalID))
	if s := Style(h.Sum32() % 11); s < styles {
		return s
	}
	return Plain
}

// Decimal writes a number without an exponent, perhaps with a zero more.
func (s Style) Decimal(n float64) string {
	text := strconv.FormatFloat(n, 'f', -1, 64)
	switch {
	case s != TrailingZero:
		return text
	case strings.Contains(text, "."):
		return text + "0"
	default:
		return text + ".0"
	}
}

// Text writes a JSON string. Markup and U+2028 stay as they are, which JSON
// allows and encoding/json avoids.
func (s Style) Text(text string) string {
	out := strings.ReplaceAll(Quoted(text), `\u2028`, "\u2028")
	switch s {
	case EscapedSlash:
		return strings.ReplaceAll(out, "/", `\/`)
	case EscapedText:
		return escapeNonASCII(out)
	default:
		return out
	}
}

// Quoted is a JSON string as people write it: & and < stay.
func Quoted(text string) string {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(text) // a string: it cannot fail
	return strings.TrimSuffix(b.String(), "\n")
}

func escapeNonASCII(text string) string {
	var b strings.Builder
	for _, r := range text {
		if r < 0x80 {
			_, _ = b.WriteRune(r)
			continue
		}
		for _, unit := range utf16.Encode([]rune{r}) {
			digits := strconv.FormatUint(uint64(unit), 16)
			_, _ = b.WriteString(`\u` + strings.Repeat("0", 4-len(digits)) + digits)
		}
	}
	return b.String()
}
