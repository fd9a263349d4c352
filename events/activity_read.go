package events

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/stridelog/stridelog/events/rawjson"
)

// UnmarshalJSON reads the fact and gives the record's bytes back as they were.
// Members that are not there stay zero; Decode wants them all.
func (a *ActivityFetched) UnmarshalJSON(data []byte) error {
	return a.read(bytes.Clone(data), false)
}

// read is UnmarshalJSON for a payload that nobody changes: the record shares its
// bytes. With whole, members that must be there are. It goes over the payload once: encoding/json would check it first and then
// again, and the record is most of it. Names are compared exactly.
func (a *ActivityFetched) read(data []byte, whole bool) error {
	var read ActivityFetched
	var raw rawMembers
	var fault error
	object := rawjson.Walk(bytes.Trim(data, " \t\r\n"), func(name, value []byte) {
		if err := read.member(name, value, &raw); err != nil && fault == nil {
			fault = fmt.Errorf("read %s: %w", name, err)
		}
	})
	if !object {
		return errors.New("decode activity fact: the payload is not one JSON object")
	}
	if fault == nil && whole {
		fault = raw.missing()
	}
	if fault == nil {
		read.Raw, fault = raw.record()
	}
	if fault != nil {
		return fmt.Errorf("decode activity fact: %w", fault)
	}
	*a = read
	return nil
}

// member reads one member by its name, which still has its quotes. Unknown ones are
// passed over.
func (a *ActivityFetched) member(name, value []byte, raw *rawMembers) (err error) {
	switch string(name) {
	case `"user_id"`:
		return readText(value, &a.UserID)
	case `"provider"`:
		return readText(value, &a.Provider)
	case `"connection_id"`:
		return readText(value, &a.ConnectionID)
	case `"sync_id"`:
		return readText(value, &a.SyncID)
	case `"import_id"`:
		return readText(value, &a.ImportID)
	case `"provider_account_id"`:
		return readText(value, &a.ProviderAccountID)
	case `"external_id"`:
		return readText(value, &a.ExternalID)
	case `"foreign_id"`:
		return json.Unmarshal(value, &a.ForeignID)
	case `"aliases"`:
		return readValue(value, &a.Aliases)
	case `"slot"`:
		return readText(value, &a.Slot)
	case `"part"`:
		return readNumber(value, &a.Part)
	case `"file"`:
		return readValue(value, &a.File)
	case `"door"`:
		return readText(value, &a.Door)
	case `"format"`:
		return readText(value, &a.Format)
	case `"context"`:
		raw.has(hasContext, value)
		return readContext(value, &a.Context)
	case `"provider_modified_at"`:
		return json.Unmarshal(value, &a.ProviderModifiedAt)
	case `"listed_at"`:
		return json.Unmarshal(value, &a.ListedAt)
	case `"content_hash"`:
		return readText(value, &a.ContentHash)
	case `"hash_version"`:
		raw.has(hasHashVersion, value)
		return readNumber(value, &a.HashVersion)
	case `"replaces_sequence"`:
		return readNumber(value, &a.ReplacesSequence)
	case `"origin"`:
		return readText(value, &a.Origin)
	case `"fetched_at"`:
		return a.FetchedAt.UnmarshalJSON(value)
	case `"started_at"`:
		return json.Unmarshal(value, &a.StartedAt)
	case `"identity_zone"`:
		return readText(value, &a.IdentityZone)
	case memberKind:
		return fmt.Errorf("%s is no member of this type", memberKind)
	case `"raw_encoding"`:
		raw.has(hasRawEncoding, value)
		return readText(value, &raw.Encoding)
	case `"raw"`:
		raw.seen |= hasRaw // null is a record, too
		raw.Value = value
	}
	return nil
}

// readText reads a string; anything but a plain one is left to encoding/json.
func readText[Text ~string](value []byte, into *Text) error {
	if text, ok := rawjson.Plain(value); ok {
		*into = Text(text)
		return nil
	}
	return readValue(value, into)
}

// readNumber reads a whole number that is not negative; any other is left to
// encoding/json.
func readNumber[Number int | uint64](value []byte, into *Number) error {
	if n, err := strconv.ParseUint(string(value), 10, 31); err == nil {
		*into = Number(n)
		return nil
	}
	return json.Unmarshal(value, into)
}

// readValue reads a value that has texts in it.
func readValue(value []byte, into any) error {
	if halfCharacter(value) {
		return errHalfCharacter
	}
	return json.Unmarshal(value, into)
}

// readContext leaves out the work for a context that says nothing.
func readContext(value []byte, into *ActivityContext) error {
	if string(value) == "{}" {
		return nil
	}
	return readValue(value, into)
}
