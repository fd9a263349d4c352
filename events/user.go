package events

import "time"

// UserErased says that a person's data was erased everywhere. The user's id is
// not in it: the erasure's own id takes the user's place in the subject.
type UserErased struct {
	ErasureID string           `json:"erasure_id"`
	Counts    map[string]int64 `json:"counts"` // what was deleted, by kind
	ErasedAt  time.Time        `json:"erased_at"`
}

// EventType implements Data.
func (*UserErased) EventType() Type { return TypeUserErased }
