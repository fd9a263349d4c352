package fitbit

import (
	"hash/fnv"
	"strconv"
	"strings"
	"unicode/utf16"

	"github.com/stridelog/stridelog/provider/simulator/fitbit/internal/wire"
)

// style is how a record's bytes look. All are legal JSON and mean the same; a
// system that keeps records as they came gives each back as it was.
type style int

const (
	plain        style = iota // what most records are
	trailingZero              // 5.520 and 1.0
	escapedSlash              // \/ in links
	spaced                    // a space after commas and colons
	escapedText               // é for what is not ASCII
	styles
)

// styleOf draws a record's style from its id: seven of eleven are plain.
func styleOf(externalID string) style {
	h := fnv.New32a()
	_, _ = h.Write([]byte(externalID))
	if s := style(h.Sum32() % 11); s < styles {
		return s
	}
	return plain
}

func (s style) distance(n float64) string {
	text := wire.Decimal(n)
	switch {
	case s != trailingZero:
		return text
	case strings.Contains(text, "."):
		return text + "0"
	default:
		return text + ".0"
	}
}

// string writes a JSON string. Markup and U+2028 stay as they are, which JSON
// allows and encoding/json avoids.
func (s style) string(text string) string {
	out := strings.ReplaceAll(wire.Quoted(text), `\u2028`, "\u2028")
	switch s {
	case escapedSlash:
		return strings.ReplaceAll(out, "/", `\/`)
	case escapedText:
		return escapeNonASCII(out)
	default:
		return out
	}
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

// object writes an object's members in the order they are given.
type object struct {
	style   style
	members []string
}

func newObject(s style) *object { return &object{style: s} }

// inner is a new object that looks the same.
func (o *object) inner() *object { return newObject(o.style) }

func (o *object) raw(name, value string) {
	colon := ":"
	if o.style == spaced {
		colon = ": "
	}
	o.members = append(o.members, `"`+name+`"`+colon+value)
}

func (o *object) text(name, value string)        { o.raw(name, o.style.string(value)) }
func (o *object) whole(name string, value int64) { o.raw(name, strconv.FormatInt(value, 10)) }
func (o *object) flag(name string, value bool)   { o.raw(name, strconv.FormatBool(value)) }

func (o *object) optional(name string, value *int) {
	if value != nil {
		o.whole(name, int64(*value))
	}
}

func (o *object) comma() string {
	if o.style == spaced {
		return ", "
	}
	return ","
}

func (o *object) array(elements []string) string {
	return "[" + strings.Join(elements, o.comma()) + "]"
}

// String is the object's JSON.
func (o *object) String() string { return "{" + strings.Join(o.members, o.comma()) + "}" }
