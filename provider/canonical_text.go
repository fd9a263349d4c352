package provider

import (
	"bytes"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

const hexDigits = "0123456789abcdef"

// text appends the canonical form of the next string: the characters
// themselves; quotes, backslashes and control characters escaped in one way. A
// surrogate without its other half is no character and stays an escape, so
// that two different ones stay different.
func (c *canonicalizer) text(out []byte) []byte {
	begin := c.at
	quoted := c.scalar()
	if bytes.IndexByte(quoted, '\\') < 0 {
		return append(out, quoted...)
	}
	end := c.at - 1
	out = append(out, '"')
	for c.at = begin + 1; c.at < end; {
		if c.in[c.at] != '\\' {
			out = append(out, c.in[c.at])
			c.at++
			continue
		}
		switch r := c.escape(); {
		case r == '"' || r == '\\':
			out = append(out, '\\', byte(r))
		case r < 0x20 || utf16.IsSurrogate(r):
			out = append(out, '\\', 'u', hexDigits[r>>12&0xf], hexDigits[r>>8&0xf], hexDigits[r>>4&0xf], hexDigits[r&0xf])
		default:
			out = utf8.AppendRune(out, r)
		}
	}
	c.at = end + 1
	return append(out, '"')
}

// escape reads one escape, or two that are the halves of one character.
func (c *canonicalizer) escape() rune {
	letter := c.in[c.at+1]
	c.at += 2
	switch letter {
	case 'b':
		return '\b'
	case 'f':
		return '\f'
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	case 'u':
		r := c.hex4()
		if !utf16.IsSurrogate(r) || c.at+6 > len(c.in) || c.in[c.at] != '\\' || c.in[c.at+1] != 'u' {
			return r
		}
		before := c.at
		c.at += 2
		if whole := utf16.DecodeRune(r, c.hex4()); whole != utf8.RuneError {
			return whole
		}
		c.at = before
		return r
	default: // a quote, a backslash or a slash
		return rune(letter)
	}
}

func (c *canonicalizer) hex4() rune {
	n, _ := strconv.ParseUint(string(c.in[c.at:c.at+4]), 16, 16) // scalar has checked the digits
	c.at += 4
	return rune(n)
}
