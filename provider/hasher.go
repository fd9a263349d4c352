package provider

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"

	"github.com/stridelog/stridelog/events"
)

// Hasher makes the content hashes of many records that have the same volatile
// members. It keeps its memory from one record to the next, so it is not for
// concurrent use.
type Hasher struct {
	drop *pathTree
	form canonicalizer
	text []byte
}

// NewHasher makes a Hasher that leaves the volatile paths out, as ContentHash does.
// The error says which of them is malformed.
func NewHasher(volatile []string) (*Hasher, error) {
	drop, err := parsePaths(volatile)
	if err != nil {
		return nil, fmt.Errorf("content hash: %w", err)
	}
	return &Hasher{drop: drop}, nil
}

// Content is ContentHash of a record.
func (h *Hasher) Content(raw []byte) string {
	return written(sha256.Sum256(h.form.form(raw, h.drop)))
}

// Import is the content hash of a record of an export: Content over the record and
// over what other files of the export say about it. So a companion that appears in
// a later archive makes a new version.
func (h *Hasher) Import(raw []byte, c events.ActivityContext) string {
	offset := ""
	if c.UTCOffsetSeconds != nil {
		offset = strconv.Itoa(*c.UTCOffsetSeconds)
	}
	h.text = h.text[:0]
	for _, text := range [...]string{h.Content(raw), c.Companion, offset, c.TimeZone} {
		h.text = strconv.AppendInt(h.text, int64(len(text)), 10)
		h.text = append(append(h.text, ':'), text...)
	}
	if zone := c.ImportTimeZone; zone != "" { // the hashes of facts without one stay as they are
		h.text = strconv.AppendInt(h.text, int64(len(zone)), 10)
		h.text = append(append(h.text, ':'), zone...)
	}
	return written(sha256.Sum256(h.text))
}

func written(sum [sha256.Size]byte) string {
	const scheme = "sha256:"
	text := make([]byte, 0, len(scheme)+hex.EncodedLen(len(sum)))
	return string(hex.AppendEncode(append(text, scheme...), sum[:]))
}
