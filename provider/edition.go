package provider

import (
	"cmp"
	"hash/crc64"
	"time"
)

// Edition is what is known of one text of a record, to order it among others of the
// same record.
type Edition struct {
	Modified time.Time // UTC; zero when the record does not say
	Values   int       // that it holds: exports of some years say more than others
	Sum      uint64    // of its text, but for white space
}

// EditionOf looks at a record, of JSON or a table. Modified may be nil.
func EditionOf(modified *time.Time, raw []byte) Edition {
	var e Edition
	if modified != nil {
		e.Modified = modified.UTC()
	}
	text := make([]byte, 0, len(raw)) // without white space
	for i := 0; i < len(raw); i++ {
		switch c := raw[i]; c {
		case ' ', '\n', '\r', '\t':
		case '"':
			quoted := raw[i : i+quotedLength(raw[i:])]
			text = append(text, quoted...)
			i += len(quoted) - 1
		case ':', ',':
			e.Values++
			text = append(text, c)
		default:
			text = append(text, c)
		}
	}
	e.Sum = crc64.Checksum(text, crc64.MakeTable(crc64.ECMA))
	return e
}

// quotedLength is the length of the quoted text that raw starts with, quotes and all;
// of one that does not end, all of raw.
func quotedLength(raw []byte) int {
	for i := 1; i < len(raw); i++ {
		switch raw[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(raw)
}

// Compare is a total order of the texts of one record: modified later, then holding
// more values, then the sum, which has no meaning but makes the order total. So any
// order of imports ends with the same text.
func (e Edition) Compare(o Edition) int {
	return cmp.Or(e.Modified.Compare(o.Modified), cmp.Compare(e.Values, o.Values), cmp.Compare(e.Sum, o.Sum))
}
