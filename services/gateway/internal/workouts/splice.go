package workouts

import (
	"bytes"
	"errors"
	"time"

	"github.com/google/uuid"
)

// errDoc says that the projector's document is no JSON object with members.
var errDoc = errors.New("the stored document is not a JSON object: run stridelog rebuild")

// appendWorkout appends a stored document with the members that are columns. The
// document's own bytes stay as they are. details is spliced in when it is not
// nil; an empty one is null.
func appendWorkout(dst, doc []byte, created, updated time.Time, duplicateOf *uuid.UUID, details *[]byte) ([]byte, error) {
	doc = bytes.TrimSpace(doc)
	last := len(doc) - 1
	if last < 2 || doc[0] != '{' || doc[last] != '}' || len(bytes.TrimSpace(doc[1:last])) == 0 {
		return dst, errDoc
	}
	dst = append(dst, doc[:last]...)
	if details != nil {
		dst = append(dst, `,"details":`...)
		if len(*details) == 0 {
			dst = append(dst, "null"...)
		}
		dst = append(dst, *details...)
	}
	dst = append(dst, `,"duplicate_of":`...)
	if duplicateOf == nil {
		dst = append(dst, "null"...)
	} else {
		id := duplicateOf.String()
		dst = appendWord(dst, &id)
	}
	dst = append(dst, `,"created_at":"`...)
	dst = created.UTC().AppendFormat(dst, time.RFC3339Nano)
	dst = append(dst, `","updated_at":"`...)
	dst = updated.UTC().AppendFormat(dst, time.RFC3339Nano)
	return append(dst, `"}`...), nil
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
