// Package cursor writes a place in a list as an opaque word that fits only the
// list it came from.
package cursor

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/stridelog/stridelog/events"
)

// Place is a row of a list that is sorted by time and id.
type Place struct {
	// Backwards reads towards the first row of the list; forwards is towards its last.
	Backwards bool
	Time      time.Time // to the microsecond, as the database keeps it
	ID        uuid.UUID
	// Total is what the first page counted. Lists that count on every page leave it out.
	Total Total
}

// Total is how many rows all pages of a list have together. Its zero value is that
// nobody has counted yet.
type Total struct {
	Counted bool
	Rows    int64 // TooMany, or the number
}

// TooMany says that the rows are more than are counted.
const TooMany int64 = -1

// maxRows is the highest number that a total can have: JSON numbers are exact up to it.
const maxRows = 1 << 53

// Of is a total that has been counted.
func Of(rows int64) Total { return Total{Counted: true, Rows: rows} }

func (t Total) valid() bool { return t.Rows >= TooMany && t.Rows <= maxRows }

// ErrInvalid says that a cursor was not made by this list with these filters.
var ErrInvalid = errors.New("the cursor does not belong to this list")

// A word is the version, the direction, the time, the id, the total where the version
// has one, and the check.
const (
	version      = 1
	versionTotal = 2 // with the total
	bodySize     = 1 + 1 + 8 + 16
	totalSize    = 8
	checkSize    = 12
)

// Filter stands for a list: its name and every filter that shapes it.
type Filter [sha256.Size]byte

// NewFilter takes the parts that tell lists apart, in a fixed order.
func NewFilter(parts ...string) Filter {
	h := sha256.New()
	for _, p := range parts {
		h.Write([]byte(strconv.Itoa(len(p)) + ":" + p))
	}
	return Filter(h.Sum(nil))
}

// Encode writes a place.
func (f Filter) Encode(p Place) string {
	b := make([]byte, 0, bodySize+totalSize+checkSize)
	b = append(b, version, 0)
	if p.Backwards {
		b[1] = 1
	}
	b = binary.BigEndian.AppendUint64(b, uint64(p.Time.UnixMicro()))
	b = append(b, p.ID[:]...)
	if p.Total.Counted {
		b[0] = versionTotal
		b = binary.BigEndian.AppendUint64(b, uint64(p.Total.Rows))
	}
	b = append(b, f.check(b)...)
	return base64.RawURLEncoding.EncodeToString(b)
}

// Decode reads a place back, or fails with ErrInvalid. Words of both versions are read:
// one of an older program carries no total.
func (f Filter) Decode(s string) (Place, error) {
	if len(s) > base64.RawURLEncoding.EncodedLen(bodySize+totalSize+checkSize) {
		return Place{}, ErrInvalid
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(s)
	if err != nil || len(b) < bodySize+checkSize {
		return Place{}, ErrInvalid
	}
	body, check := b[:len(b)-checkSize], b[len(b)-checkSize:]
	if body[1] > 1 || subtle.ConstantTimeCompare(check, f.check(body)) != 1 {
		return Place{}, ErrInvalid
	}
	p := Place{
		Backwards: body[1] == 1,
		Time:      time.UnixMicro(int64(binary.BigEndian.Uint64(body[2:10]))).UTC(),
		ID:        uuid.UUID(body[10:bodySize]),
	}
	switch {
	case body[0] == version && len(body) == bodySize:
	case body[0] == versionTotal && len(body) == bodySize+totalSize:
		p.Total = Of(int64(binary.BigEndian.Uint64(body[bodySize:])))
	default:
		return Place{}, ErrInvalid
	}
	// No row lies out of range, and the database would refuse to compare.
	if !p.Total.valid() || !events.InRange(p.Time) {
		return Place{}, ErrInvalid
	}
	return p, nil
}

// check ties the body to the filter. It is no secret: a forged cursor reaches
// nothing that the list does not show anyway, and a forged total is shown to nobody
// but the forger.
func (f Filter) check(body []byte) []byte {
	h := sha256.New()
	h.Write(f[:])
	h.Write(body)
	return h.Sum(nil)[:checkSize]
}
