package provider

import "bytes"

// OmittedZeros stands among volatile paths for every member, at any depth, whose
// value is a zero ("0", 0.0, "0s"), false, null or empty. A provider that writes
// protocol buffers as JSON may write such a member today and leave it out
// tomorrow. In a workout the two still differ: what is left out is null there.
const OmittedZeros = "*=0"

// saysNothing says whether a canonical value is one that OmittedZeros is about.
// Elements of an array are never left out: the others would move.
func saysNothing(value []byte) bool {
	switch string(value) {
	case "null", "false", "{}", "[]", `""`:
		return true
	}
	if quoted, ok := bytes.CutPrefix(value, []byte(`"`)); ok {
		// The library writes a 64-bit integer as "0" and a duration as "0s".
		return isZero(bytes.TrimSuffix(bytes.TrimSuffix(quoted, []byte(`"`)), []byte("s")))
	}
	return isZero(value)
}

// isZero says whether a number is zero however it is written. Any other text is not.
func isZero(number []byte) bool {
	number = bytes.TrimPrefix(number, []byte("-"))
	if i := bytes.IndexAny(number, "eE"); i > 0 {
		number = number[:i]
	}
	whole, fraction, dotted := bytes.Cut(number, []byte("."))
	if string(whole) != "0" || dotted && len(fraction) == 0 {
		return false
	}
	return len(bytes.Trim(fraction, "0")) == 0
}
