package events

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// ParentRef names a record that another one belongs to. A kind's name has no slash,
// so that an id that holds a parent can be taken apart.
type ParentRef struct {
	Kind       string `json:"kind"`
	ExternalID string `json:"external_id"`
}

// RecordID is the id of a record: the same for one user's record however it came in,
// and after every rebuild. That of an activity is its workout's.
func RecordID(kind, userID, provider, externalID string) string {
	if kind == kindActivity {
		return WorkoutID(userID, provider, externalID)
	}
	return derive("record", kind, userID, provider, externalID)
}

// DayID is the external id of what a resource says about a civil date, of one slot where
// the provider has several sources: <resource>/<date>[/<slot>].
func DayID(resource, date, slot string) string {
	id := escape(resource, dotless) + "/" + escape(date, dotted)
	if slot != "" {
		id += "/" + escape(slot, dotted)
	}
	return id
}

// DayParts are what a day's external id is made of.
type DayParts struct{ Resource, Date, Slot string }

// ParseDayID is the inverse of DayID.
func ParseDayID(id string) (DayParts, error) {
	parts := strings.Split(id, "/")
	if len(parts) == 2 {
		parts = append(parts, "")
	}
	if len(parts) != 3 {
		return DayParts{}, notAnID("day", dayForm)
	}
	resource, a := unescape(parts[0])
	date, b := unescape(parts[1])
	slot, c := unescape(parts[2])
	if errors.Join(a, b, c) != nil || DayID(resource, date, slot) != id {
		return DayParts{}, notAnID("day", dayForm)
	}
	return DayParts{resource, date, slot}, nil
}

// ChunkID is the external id of the samples of a series in a span:
// <series>[.<step>]/<slot>/<span>[/<parent>]. The step is that of averages (1min), empty
// for the samples themselves. The span is a UTC hour (2026-11-09T07) for a series of 60
// or more samples an hour, else a UTC day: the series' constant. The parent is the
// record that the samples belong to, such as an activity; nil for none.
func ChunkID(series, step, slot, span string, parent *ParentRef) string {
	id := escape(series, dotless)
	if step != "" {
		id += "." + escape(step, dotless)
	}
	id += "/" + escape(slot, dotted) + "/" + escape(span, dotted)
	if parent != nil {
		id += "/" + parent.Kind + "/" + parent.ExternalID
	}
	return id
}

// ChunkParts are what a chunk's external id is made of.
type ChunkParts struct {
	Series, Step, Slot, Span string
	Parent                   *ParentRef
}

// ParseChunkID is the inverse of ChunkID.
func ParseChunkID(id string) (ChunkParts, error) {
	const own, all = 3, 5 // parts without and with a parent's kind and id
	parts := strings.SplitN(id, "/", all)
	if len(parts) != own && len(parts) != all {
		return ChunkParts{}, notAnID("chunk", chunkForm)
	}
	series, step, _ := strings.Cut(parts[0], ".")
	var c ChunkParts
	var faults [4]error
	c.Series, faults[0] = unescape(series)
	c.Step, faults[1] = unescape(step)
	c.Slot, faults[2] = unescape(parts[1])
	c.Span, faults[3] = unescape(parts[2])
	if len(parts) == all {
		c.Parent = &ParentRef{Kind: parts[own], ExternalID: parts[own+1]}
	}
	if errors.Join(faults[:]...) != nil || ChunkID(c.Series, c.Step, c.Slot, c.Span, c.Parent) != id {
		return ChunkParts{}, notAnID("chunk", chunkForm)
	}
	return c, nil
}

// AttachmentID is the external id of a file that belongs to a record:
// <parent kind>/<parent external id>/<name>.
func AttachmentID(parent ParentRef, name string) string {
	return parent.Kind + "/" + parent.ExternalID + "/" + escape(name, dotted)
}

// ParseAttachmentID is the inverse of AttachmentID. A parent's id may hold slashes.
func ParseAttachmentID(id string) (parent ParentRef, name string, err error) {
	first, last := strings.IndexByte(id, '/'), strings.LastIndexByte(id, '/')
	if first < 0 || first == last {
		return ParentRef{}, "", notAnID("attachment", attachmentForm)
	}
	parent = ParentRef{Kind: id[:first], ExternalID: id[first+1 : last]}
	name, err = unescape(id[last+1:])
	if err != nil || AttachmentID(parent, name) != id {
		return ParentRef{}, "", notAnID("attachment", attachmentForm)
	}
	return parent, name, nil
}

// The forms of the ids that are made of parts.
const (
	dayForm        = "<resource>/<date>[/<slot>]"
	chunkForm      = "<series>[.<step>]/<slot>/<span>[/<parent kind>/<parent external id>]"
	attachmentForm = "<parent kind>/<parent external id>/<name>"
)

// notAnID quotes nothing: an id can be a person's.
func notAnID(what, form string) error {
	return fmt.Errorf("the external id of the %s is not of the form %s", what, form)
}

// recordFactID is the ce-id of a record's fact. It covers the sequence that the fact
// replaces, as an activity's does. For a removal delivery and hash are empty.
func recordFactID(t Type, kind, userID, provider, externalID string, replaces uint64, delivery, contentHash string) string {
	return derive("record_fact", string(t), kind, userID, provider, externalID, strconv.FormatUint(replaces, 10), delivery, contentHash)
}

// What escape leaves as it is, beside letters and digits.
const (
	dotless = "-_~:"
	dotted  = dotless + "."
)

// escape writes a text with percent signs for every byte that is not a letter, a digit
// or one of plain, so that parts of an id can be told apart.
func escape(text, plain string) string {
	const hex = "0123456789ABCDEF"
	var out strings.Builder
	for i := range len(text) {
		c := text[i]
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', strings.IndexByte(plain, c) >= 0:
			out.WriteByte(c)
		default:
			out.Write([]byte{'%', hex[c>>4], hex[c&0x0f]})
		}
	}
	return out.String()
}

// unescape is the inverse of escape; who calls it compares what escape makes of the
// result, so that one thing has one id.
func unescape(text string) (string, error) {
	var out strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] != '%' {
			out.WriteByte(text[i])
			continue
		}
		if i+2 >= len(text) {
			return "", errors.New("an escape is cut off")
		}
		c, err := strconv.ParseUint(text[i+1:i+3], 16, 8)
		if err != nil {
			return "", errors.New("an escape has no two hexadecimal digits")
		}
		out.WriteByte(byte(c))
		i += 2
	}
	return out.String(), nil
}
