package workouts

import (
	"bytes"
	"errors"
	"time"

	"github.com/google/uuid"
)

// errDoc says that the projector's document is no JSON object with members.
var errDoc = errors.New("the stored document is not a JSON object: run stridelog rebuild")

// added are the members that are columns, or are made at reading.
type added struct {
	created, updated time.Time
	duplicateOf      *uuid.UUID
	details          *[]byte // nil: neither they nor splits and laps are shown; an empty one is null; they come last
	word             string  // what Open Wearables calls the type; empty is null
	zones            bool    // hr_zones and power_zones are shown
}

// appendWorkout appends a stored document with what is added to it. The document's own
// bytes stay as they are, but for its source: see appendSourced.
func appendWorkout(dst, doc []byte, a added) ([]byte, error) {
	doc = bytes.TrimSpace(doc)
	last := len(doc) - 1
	if last < 2 || doc[0] != '{' || doc[last] != '}' || len(bytes.TrimSpace(doc[1:last])) == 0 {
		return dst, errDoc
	}
	shown, splits, laps := cutLaps(doc[:last])
	dst = appendSourced(dst, shown)
	dst = append(dst, `,"open_wearables_type":`...)
	dst = appendWord(dst, orNil(a.word))
	if a.zones {
		var err error
		if dst, err = appendZones(dst, doc); err != nil {
			return dst, err
		}
	}
	dst = append(dst, `,"duplicate_of":`...)
	if a.duplicateOf == nil {
		dst = append(dst, "null"...)
	} else {
		id := a.duplicateOf.String()
		dst = appendWord(dst, &id)
	}
	dst = append(dst, `,"created_at":"`...)
	dst = a.created.UTC().AppendFormat(dst, time.RFC3339Nano)
	dst = append(dst, `","updated_at":"`...)
	dst = a.updated.UTC().AppendFormat(dst, time.RFC3339Nano)
	dst = append(dst, '"')
	if a.details != nil {
		dst = appendLaps(dst, splits, laps)
		dst = append(dst, `,"details":`...)
		dst = appendOrNull(dst, *a.details)
	}
	return append(dst, '}'), nil
}

// appendWord appends a text that needs no escaping: an id, a cursor, a date that
// was checked. nil is null.
func appendWord(dst []byte, word *string) []byte {
	if word == nil {
		return append(dst, "null"...)
	}
	dst = append(dst, '"')
	dst = append(dst, *word...)
	return append(dst, '"')
}
