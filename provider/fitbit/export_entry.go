package fitbit

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"hash/crc32"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/stridelog/stridelog/events/rawjson"
	"github.com/stridelog/stridelog/provider/archive"
	"github.com/stridelog/stridelog/provider/internal/jsonarray"
)

// readEntries reads a page of exercises and hands over each entry, or what is
// wrong with it. The problem says why the page could not be read to its end. An
// error is take's or the context's.
func readEntries(ctx context.Context, f archive.File, take func(raw []byte, fault string) error) (problem string, err error) {
	in, err := f.Open()
	if err != nil {
		return problemOf(err), ctx.Err()
	}
	defer func() { _ = in.Close() }()
	array := jsonarray.NewReader(in, jsonarray.Options{Max: maxEntry, First: "logId"})
	for {
		element, err := array.Next()
		if ctx.Err() != nil {
			return "", ctx.Err()
		}
		if err != nil {
			return endOf(err, f.Size), nil
		}
		if err := take(element.Bytes, element.Fault); err != nil {
			return "", err
		}
	}
}

// endOf is the problem of a page that ended so; empty when it is read to its end.
func endOf(err error, size int64) string {
	switch {
	case errors.Is(err, io.EOF):
		return ""
	case size == 0:
		return "the file is empty"
	case errors.Is(err, jsonarray.ErrNotArray):
		return "the file is not a list of exercises"
	case errors.Is(err, jsonarray.ErrTruncated):
		return "the file ends in the middle; what stands before was read"
	case errors.Is(err, jsonarray.ErrTrailing):
		return "more text follows the list of exercises; it was not read"
	case errors.Is(err, jsonarray.ErrRuined):
		return "too much of the file is broken; the rest was not read"
	default:
		return problemOf(err)
	}
}

// pageEntry is an entry of a page, as far as an importer looks at it.
type pageEntry struct {
	id       string // empty when it has none
	number   uint64 // the same
	times    entryTimes
	modified *time.Time
	sum      uint32 // of its bytes
}

// entryTimes are when an entry says it was.
type entryTimes struct {
	written  time.Time // startTime as it stands there, read as UTC; zero when it cannot be read
	wall     bool      // written is a wall clock's time
	duration time.Duration
	timed    bool // duration can be read
}

func readEntry(raw []byte) (pageEntry, error) {
	m, err := membersOf(raw)
	if err != nil {
		return pageEntry{}, err
	}
	e := pageEntry{times: m.entryTimes(), sum: crc32.Checksum(raw, crc32.MakeTable(crc32.Castagnoli))}
	if id, ok := digitsOf(m.logID); ok {
		e.id = id
		e.number, _ = strconv.ParseUint(id, 10, 64) // digitsOf has checked it
	}
	if at, ok := exportTime(m.lastModified); ok {
		e.modified = &at
	}
	return e, nil
}

// entryMembers are the few members of an entry that an importer looks at: each
// entry is read twice. One that is null or absent is nil.
type entryMembers struct {
	logID, lastModified json.RawMessage
	timeMembers
}

// timeMembers are those that say when it was.
type timeMembers struct{ startTime, duration, logType, source json.RawMessage }

func membersOf(raw []byte) (m entryMembers, err error) {
	isObject := rawjson.Walk(bytes.Trim(raw, " \t\r\n"), func(quoted, value []byte) {
		name := quoted[1 : len(quoted)-1]
		if bytes.IndexByte(name, '\\') >= 0 {
			var plain string
			_ = json.Unmarshal(quoted, &plain) // the walk has checked it
			name = []byte(plain)
		}
		if string(value) == "null" {
			value = nil
		}
		switch string(name) {
		case "logId":
			m.logID = value
		case "startTime":
			m.startTime = value
		case "duration":
			m.duration = value
		case "lastModified":
			m.lastModified = value
		case "logType":
			m.logType = value
		case "source":
			m.source = value
		}
	})
	if !isObject {
		return entryMembers{}, errors.New("the record is not a JSON object")
	}
	return m, nil
}

func (m timeMembers) entryTimes() entryTimes {
	var t entryTimes
	t.written, _ = exportTime(m.startTime)
	t.duration, t.timed = milliseconds(m.duration)
	t.wall = m.isWallTime()
	return t
}

// isWallTime knows the one kind of entry whose startTime is not UTC: what people
// typed into the app on an iPhone (section 2.2).
func (m timeMembers) isWallTime() bool {
	if logType, _ := rawjson.Text(m.logType); logType != "manual" {
		return false
	}
	source, err := rawjson.Read(m.source)
	if err != nil {
		return false
	}
	name, _ := rawjson.Text(source.ByName()["name"])
	return strings.Contains(name, "iPhone")
}

// exportTime reads MM/dd/yy HH:mm:ss. The year is one of this century: Fitbit
// was founded in 2007.
func exportTime(value json.RawMessage) (time.Time, bool) {
	text, _ := rawjson.Text(value)
	at, err := time.Parse("01/02/06 15:04:05", text)
	if err != nil {
		return time.Time{}, false
	}
	if at.Year() < 2000 {
		at = at.AddDate(100, 0, 0)
	}
	return at, true
}

// problem is why an entry is no workout; empty when it can be one.
func (e pageEntry) problem() string {
	switch {
	case e.id == "":
		return "logId is missing or is not a whole number"
	case e.times.written.IsZero():
		return "startTime is missing or is not a date and time of an export"
	case !e.times.timed:
		return "duration is missing or is no plausible number of milliseconds"
	default:
		return ""
	}
}

// version is what is kept of an entry between the two readings.
type version struct {
	times    entryTimes
	modified int64 // seconds; 0 when unknown
	sum      uint32
	row      int // that goes along with it; -1 for none
	taken    bool
}

// entryIndex holds the newest version of every entry by its logId.
type entryIndex map[uint64]*version

func (x entryIndex) add(e pageEntry) {
	v := versionOf(e)
	if known, ok := x[e.number]; !ok || v.after(known) {
		x[e.number] = v
	}
}

func versionOf(e pageEntry) *version {
	v := &version{times: e.times, sum: e.sum, row: -1}
	if e.modified != nil {
		v.modified = e.modified.Unix()
	}
	return v
}

// after is an order of versions that does not depend on where they were found.
func (v *version) after(other *version) bool {
	if v.modified != other.modified {
		return v.modified > other.modified
	}
	return v.sum > other.sum
}

// take says whether this is the version to hand over. It is so once.
func (x entryIndex) take(e pageEntry) (*version, bool) {
	best := x[e.number]
	this := versionOf(e)
	if best == nil || best.taken || this.modified != best.modified || this.sum != best.sum {
		return nil, false
	}
	best.taken = true
	return best, true
}
