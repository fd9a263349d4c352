package provider

import (
	"strings"
	"time"
)

// Witnesses is how many records at a page's end must agree on how far it reaches.
const Witnesses = 3

// ReadPast says whether a page, newest first in an order, reaches below an instant. Its
// last records must agree: a single one out of order must not end the reading.
func ReadPast(page []Record, o Order, limit time.Time) bool {
	seen := 0
	for i := len(page) - 1; i >= 0 && seen < Witnesses; i-- {
		at, ok := page[i].At(o)
		if !ok {
			continue
		}
		if !at.Before(limit) {
			return false
		}
		seen++
	}
	return seen > 0
}

// Oldest is the earliest instant of a page's records in an order; zero when none has
// one.
func Oldest(page []Record, o Order) time.Time {
	var oldest time.Time
	for _, r := range page {
		if at, ok := r.At(o); ok && (oldest.IsZero() || at.Before(oldest)) {
			oldest = at.UTC()
		}
	}
	return oldest
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
