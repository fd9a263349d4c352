package provider

import (
	"cmp"
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
	const offset, prime = 14695981039346656037, 1099511628211 // FNV-1a
	e.Sum = offset
	quoted := false
	for i := 0; i < len(raw); i++ {
		c := raw[i]
		switch {
		case quoted && c == '\\' && i+1 < len(raw):
			e.Sum = (e.Sum ^ uint64(c)) * prime
			i++
			c = raw[i]
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == ' ' || c == '\n' || c == '\r' || c == '\t':
			continue
		case c == ':' || c == ',':
			e.Values++
		}
		e.Sum = (e.Sum ^ uint64(c)) * prime
	}
	return e
}

// Compare is a total order of the texts of one record: modified later, then holding
// more values, then the sum, which has no meaning but makes the order total. So any
// order of imports ends with the same text.
func (e Edition) Compare(o Edition) int {
	return cmp.Or(e.Modified.Compare(o.Modified), cmp.Compare(e.Values, o.Values), cmp.Compare(e.Sum, o.Sum))
}
