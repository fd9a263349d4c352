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
)

// Place is a row of a list that is sorted by time and id, newest first.
type Place struct {
	// Backwards reads towards newer rows; forwards is towards older ones.
	Backwards bool
	Time      time.Time // to the microsecond, as the database keeps it
	ID        uuid.UUID
}

// ErrInvalid says that a cursor was not made by this list with these filters.
var ErrInvalid = errors.New("the cursor does not belong to this list")

const (
	version   = 1
	bodySize  = 1 + 1 + 8 + 16
	checkSize = 12
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
	b := make([]byte, 0, bodySize+checkSize)
	b = append(b, version, 0)
	if p.Backwards {
		b[1] = 1
	}
	b = binary.BigEndian.AppendUint64(b, uint64(p.Time.UnixMicro()))
	b = append(b, p.ID[:]...)
	b = append(b, f.check(b)...)
	return base64.RawURLEncoding.EncodeToString(b)
}

// Decode reads a place back, or fails with ErrInvalid.
func (f Filter) Decode(s string) (Place, error) {
	if len(s) != base64.RawURLEncoding.EncodedLen(bodySize+checkSize) {
		return Place{}, ErrInvalid
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(s)
	if err != nil {
		return Place{}, ErrInvalid
	}
	body, check := b[:bodySize], b[bodySize:]
	if body[0] != version || body[1] > 1 || subtle.ConstantTimeCompare(check, f.check(body)) != 1 {
		return Place{}, ErrInvalid
	}
	return Place{
		Backwards: body[1] == 1,
		Time:      time.UnixMicro(int64(binary.BigEndian.Uint64(body[2:10]))).UTC(),
		ID:        uuid.UUID(body[10:26]),
	}, nil
}

// check ties the body to the filter. It is no secret: a forged cursor reaches
// nothing that the list does not show anyway.
func (f Filter) check(body []byte) []byte {
	h := sha256.New()
	h.Write(f[:])
	h.Write(body)
	return h.Sum(nil)[:checkSize]
}
