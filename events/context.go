package events

import (
	"strconv"
	"time"
)

// ContextFetched is what files of an export say beside its records: the time zone of
// the person's profile, or the UTC offset of an activity's track. It is published
// where no fact of a record says the same, so that the files of an export can be
// imported one by one, in any order.
type ContextFetched struct {
	UserID     string          `json:"user_id"`
	Provider   string          `json:"provider"`
	ExternalID string          `json:"external_id,omitempty"` // of the activity; absent when it is about the person
	Context    ActivityContext `json:"context"`
	Origin     Origin          `json:"origin"`
	FetchedAt  time.Time       `json:"fetched_at"`
}

// EventType implements Data.
func (*ContextFetched) EventType() Type { return TypeContextFetched }

// ContextFactID is the ce-id of a context fact: one for each thing that is said of a
// person or of an activity.
func ContextFactID(userID, provider, externalID string, c ActivityContext) string {
	offset := ""
	if c.UTCOffsetSeconds != nil {
		offset = strconv.Itoa(*c.UTCOffsetSeconds)
	}
	return derive("context", userID, provider, externalID, c.TimeZone, c.DistanceUnit, c.Locale, offset)
}
