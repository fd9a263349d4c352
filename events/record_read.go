package events

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/stridelog/stridelog/events/rawjson"
)

// recordMembers are those of RecordFetched without its methods.
type recordMembers RecordFetched

// MarshalJSON writes the fact with its record spliced in, compressed where it is long.
// encoding/json would compact the result, so the envelope codec calls it directly.
func (r *RecordFetched) MarshalJSON() ([]byte, error) {
	object, err := json.Marshal((*recordMembers)(r))
	if err != nil {
		return nil, fmt.Errorf("encode record fact: %w", err)
	}
	return r.Raw.appendPacked(object)
}

// UnmarshalJSON reads the fact and gives the record's bytes back as they were. Members
// that are not there stay zero; Decode wants them all.
func (r *RecordFetched) UnmarshalJSON(data []byte) error { return r.read(bytes.Clone(data), false) }

// read is UnmarshalJSON for a payload that nobody changes: the record may share its
// bytes. With whole, members that must be there are.
func (r *RecordFetched) read(data []byte, whole bool) error {
	var raw rawMembers
	var fault error
	object := rawjson.Walk(bytes.Trim(data, " \t\r\n"), func(name, value []byte) {
		switch string(name) {
		case `"context"`:
			raw.has(hasContext, value)
		case `"hash_version"`:
			raw.has(hasHashVersion, value)
		case `"raw_encoding"`:
			raw.has(hasRawEncoding, value)
			fault = errors.Join(fault, readText(value, &raw.Encoding))
		case `"raw"`:
			raw.seen |= hasRaw // null is a record, too
			raw.Value = value
			return // it holds a provider's own words
		}
		if halfCharacter(value) && fault == nil {
			fault = errHalfCharacter
		}
	})
	if !object {
		return errors.New("decode record fact: the payload is not one JSON object")
	}
	if fault == nil && whole {
		fault = raw.missing()
	}
	var read recordMembers
	if fault == nil {
		fault = json.Unmarshal(data, &read)
	}
	if fault == nil {
		read.Raw, fault = raw.record()
	}
	if fault != nil {
		return fmt.Errorf("decode record fact: %w", fault)
	}
	*r = RecordFetched(read)
	return nil
}
