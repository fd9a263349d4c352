package provider

import (
	"strings"
	"time"
)

// Witnesses is how many activities at a page's end must agree on how far it reaches.
const Witnesses = 3

// ReadPast says whether a page, newest first, reaches below an instant. Its last
// activities must agree: a single one out of order must not end the reading.
func ReadPast(page []Record, limit time.Time) bool {
	seen := 0
	for i := len(page) - 1; i >= 0 && seen < Witnesses; i-- {
		if page[i].StartedAt == nil {
			continue
		}
		if !page[i].StartedAt.Before(limit) {
			return false
		}
		seen++
	}
	return seen > 0
}

const madeUp = "unidentified-"

// MadeUpID names a record that has no usable id after its content without the
// volatile members, so that the same record gets the same id again.
func MadeUpID(record []byte, volatile []string) string {
	hash, err := ContentHash(record, volatile)
	if err != nil {
		hash, _ = ContentHash(record, nil) // without paths it cannot fail
	}
	return madeUp + strings.TrimPrefix(hash, "sha256:")
}

// IsMadeUpID says whether an id is one of MadeUpID, which names nothing at the
// provider.
func IsMadeUpID(id string) bool { return strings.HasPrefix(id, madeUp) }
