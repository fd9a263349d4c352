package events

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"github.com/stridelog/stridelog/events/rawjson"
)

// Raw is a provider's record, byte for byte. It is never re-encoded.
type Raw []byte

// How raw bytes are written into the payload (member raw_encoding).
const (
	rawJSON   = "json"   // the value is the record itself, spliced in
	rawText   = "text"   // the value is a JSON string of the record's text
	rawBase64 = "base64" // the value is a base64 string of the record's bytes
	rawGzip   = "gzip"   // the value is a base64 string of the record's bytes, compressed
)

const (
	// MaxRaw is how many bytes a record may have.
	MaxRaw = 32 << 20
	// plainRaw is how many bytes a record may have that is not compressed.
	plainRaw = 4 << 10
)

// payloadBrackets are those that a spliced record stands in. Readers of JSON bound
// the depth of the whole payload.
const payloadBrackets = 1

// encoding chooses the plainest form that gives the same bytes back. JSON with
// white space around it goes as text, because a decoder drops that space.
func (r Raw) encoding() string {
	switch {
	case !utf8.Valid(r):
		return rawBase64
	case len(r) > 0 && len(bytes.TrimSpace(r)) == len(r) && rawjson.ValidInside(r, payloadBrackets):
		return rawJSON
	default:
		return rawText
	}
}

// appendTo splices the record into a JSON object that has at least one member,
// as its last members.
func (r Raw) appendTo(object []byte) ([]byte, error) {
	if len(object) < 3 || object[len(object)-1] != '}' {
		return nil, fmt.Errorf("splice raw: %d bytes of JSON are not an object with members", len(object))
	}
	encoding := r.encoding()
	out := make([]byte, 0, len(object)+len(r)+48)
	out = append(out, object[:len(object)-1]...)
	out = append(out, `,"raw_encoding":"`...)
	out = append(out, encoding...)
	out = append(out, `","raw":`...)
	switch encoding {
	case rawJSON:
		out = append(out, r...)
	case rawText:
		text, err := json.Marshal(string(r))
		if err != nil {
			return nil, fmt.Errorf("splice raw as text: %w", err)
		}
		out = append(out, text...)
	case rawBase64:
		out = append(out, '"')
		out = base64.StdEncoding.AppendEncode(out, r)
		out = append(out, '"')
	}
	return append(out, '}'), nil
}

// appendPacked is appendTo for the types that compress a record of more than 4 KB, where
// that makes it shorter.
func (r Raw) appendPacked(object []byte) ([]byte, error) {
	if len(r) > MaxRaw {
		return nil, fmt.Errorf("splice raw: its %d bytes exceed %d", len(r), MaxRaw)
	}
	if len(r) <= plainRaw {
		return r.appendTo(object)
	}
	packed, err := compress(r)
	if err != nil {
		return nil, err
	}
	if base64.StdEncoding.EncodedLen(len(packed)) >= len(r) {
		return r.appendTo(object)
	}
	out := append(object[:len(object)-1:len(object)-1], `,"raw_encoding":"gzip","raw":"`...)
	return append(base64.StdEncoding.AppendEncode(out, packed), `"}`...), nil
}

func compress(plain []byte) ([]byte, error) {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err := w.Write(plain)
	if err := errors.Join(err, w.Close()); err != nil {
		return nil, fmt.Errorf("compress raw: %w", err)
	}
	return b.Bytes(), nil
}

// uncompress reads one compressed record with nothing behind it.
func uncompress(packed []byte) ([]byte, error) {
	in := bytes.NewReader(packed)
	unzip, err := gzip.NewReader(in)
	if err != nil {
		return nil, fmt.Errorf("uncompress raw: %w", err)
	}
	unzip.Multistream(false)
	plain, err := io.ReadAll(io.LimitReader(unzip, MaxRaw+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("uncompress raw: %w", err)
	case len(plain) > MaxRaw:
		return nil, fmt.Errorf("uncompress raw: it exceeds %d bytes", MaxRaw)
	case in.Len() > 0:
		return nil, fmt.Errorf("uncompress raw: %d bytes are behind it", in.Len())
	}
	return plain, nil
}

// rawMembers are the two members that appendTo writes. Value shares the payload's
// bytes.
type rawMembers struct {
	Encoding string
	Value    []byte
	seen     factMembers
}

// factMembers are the members of a fact with a record that must be there though their
// zero value is legal, a bit for each.
type factMembers uint8

const (
	hasContext factMembers = 1 << iota
	hasHashVersion
	hasRawEncoding
	hasRaw
)

func (m *rawMembers) has(one factMembers, value []byte) {
	if string(value) != "null" {
		m.seen |= one
	}
}

// missing names a member that must be there and is not.
func (m *rawMembers) missing() error {
	switch {
	case m.seen&hasContext == 0:
		return errors.New("context is missing")
	case m.seen&hasHashVersion == 0:
		return errors.New("hash_version is missing")
	case m.seen&(hasRawEncoding|hasRaw) != hasRawEncoding|hasRaw:
		return errors.New("raw or raw_encoding is missing")
	}
	return nil
}

// record is the inverse of appendTo. It may share the payload's bytes.
func (m rawMembers) record() (Raw, error) {
	switch m.Encoding {
	case rawJSON:
		return m.Value, nil
	case rawText:
		var text string
		if err := m.unquote(&text); err != nil {
			return nil, fmt.Errorf("read raw text: %w", err)
		}
		return Raw(text), nil
	case rawBase64:
		var data []byte
		if err := m.unquote(&data); err != nil {
			return nil, fmt.Errorf("read raw base64: %w", err)
		}
		return Raw(data), nil
	case rawGzip:
		var data []byte
		if err := m.unquote(&data); err != nil {
			return nil, fmt.Errorf("read raw gzip: %w", err)
		}
		return uncompress(data)
	default:
		return nil, fmt.Errorf("raw_encoding %q is not json, text, base64 or gzip", m.Encoding)
	}
}

// unquote reads the value, which must be a string: encoding/json takes more for bytes.
func (m rawMembers) unquote(into any) error {
	if len(m.Value) == 0 || m.Value[0] != '"' {
		return errors.New("it is no string")
	}
	return json.Unmarshal(m.Value, into)
}

// MarshalJSON writes the fact with its record spliced in. encoding/json would
// compact the result, so the envelope codec calls it directly.
func (a *ActivityFetched) MarshalJSON() ([]byte, error) {
	type members ActivityFetched // without methods
	object, err := json.Marshal((*members)(a))
	if err != nil {
		return nil, fmt.Errorf("encode activity fact: %w", err)
	}
	return a.Raw.appendTo(object)
}
