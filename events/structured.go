package events

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/stridelog/stridelog/events/rawjson"
)

// The members that say where a message lay. They are CloudEvents extensions.
const (
	memberSubject  = "natssubject"
	memberStream   = "natsstream"
	memberSequence = "sequence"

	contentTypeMember = "datacontenttype"
	attributePrefix   = "ce-"

	// structuredBrackets are those that the data stands in.
	structuredBrackets = 1
)

// Stored is a message of a stream with its place.
type Stored struct {
	Message
	Stream   string
	Sequence uint64
}

// Structured writes a message as a CloudEvent in structured mode: one JSON object
// without a line break, whatever its record holds. Data that cannot stand in it is in
// data_base64. ReadStructured gives every record back byte for byte.
func (s Stored) Structured() ([]byte, error) {
	object := map[string]string{memberSubject: s.Subject, memberStream: s.Stream, memberSequence: strconv.FormatUint(s.Sequence, 10)}
	for name, values := range s.Header {
		if member, ok := attribute(name); ok && len(values) > 0 {
			object[member] = values[0]
		}
	}
	out, err := json.Marshal(object)
	if err != nil {
		return nil, fmt.Errorf("write message %d of %s as a CloudEvent: %w", s.Sequence, s.Stream, err)
	}
	out = out[:len(out)-1]
	if data, ok := oneLine(s.Data); ok {
		return append(append(append(out, `,"data":`...), data...), '}'), nil
	}
	out = append(out, `,"data_base64":"`...)
	return append(base64.StdEncoding.AppendEncode(out, s.Data), `"}`...), nil
}

// attribute is the member that a header becomes. The message id is the event's.
func attribute(header string) (member string, ok bool) {
	switch header {
	case HeaderContentType:
		return contentTypeMember, true
	case HeaderTraceParent:
		return header, true
	default:
		return strings.CutPrefix(header, attributePrefix)
	}
}

// oneLine is data that reads the same and holds no line break. A record that does is
// written as text. ok is false for what is not JSON, or is nested too deep.
func oneLine(data []byte) (line []byte, ok bool) {
	if !rawjson.ValidInside(data, structuredBrackets) {
		return nil, false
	}
	if !bytes.ContainsAny(data, "\r\n") {
		return data, true
	}
	members, err := rawjson.Read(data)
	if err != nil {
		return nil, false
	}
	spliced := string(members.ByName()["raw_encoding"]) == `"`+rawJSON+`"`
	var out bytes.Buffer
	for i, m := range members {
		if i > 0 {
			out.WriteByte(',')
		}
		value := []byte(m.Value)
		switch {
		case spliced && m.Name == "raw_encoding":
			value = []byte(`"` + rawText + `"`)
		case spliced && m.Name == "raw":
			value, err = json.Marshal(string(m.Value))
		}
		name, failed := json.Marshal(m.Name)
		if err := errors.Join(err, failed); err != nil {
			return nil, false
		}
		out.Write(append(name, ':'))
		if err := json.Compact(&out, value); err != nil {
			return nil, false
		}
	}
	return append(append([]byte{'{'}, out.Bytes()...), '}'), true
}

// ReadStructured is the inverse of Structured. Every error wraps ErrUndecodable.
func ReadStructured(line []byte) (Stored, error) {
	var object map[string]json.RawMessage
	if err := json.Unmarshal(line, &object); err != nil {
		return Stored{}, fmt.Errorf("%w: it is no JSON object: %w", ErrUndecodable, err)
	}
	s := Stored{Message: Message{Header: map[string][]string{}}}
	for name, value := range object {
		if name == "data" {
			s.Data = value
			continue
		}
		var text string
		if err := json.Unmarshal(value, &text); err != nil {
			return Stored{}, fmt.Errorf("%w: its member %s is no string: %w", ErrUndecodable, name, err)
		}
		if err := s.set(name, text); err != nil {
			return Stored{}, fmt.Errorf("%w: its member %s: %w", ErrUndecodable, name, err)
		}
	}
	return s, nil
}

func (s *Stored) set(name, text string) (err error) {
	switch name {
	case memberSubject:
		s.Subject = text
	case memberStream:
		s.Stream = text
	case memberSequence:
		s.Sequence, err = strconv.ParseUint(text, 10, 64)
	case "data_base64":
		s.Data, err = base64.StdEncoding.DecodeString(text)
	case contentTypeMember:
		s.Header[HeaderContentType] = []string{text}
	case HeaderTraceParent:
		s.Header[HeaderTraceParent] = []string{text}
	default:
		s.Header[attributePrefix+name] = []string{text}
		if attributePrefix+name == HeaderID {
			s.Header[HeaderMsgID] = []string{text}
		}
	}
	return err
}
