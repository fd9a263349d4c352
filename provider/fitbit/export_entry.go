package fitbit

import (
	"bytes"
	"encoding/json"
	"hash/crc32"
	"strconv"
	"strings"
	"time"

	"github.com/stridelog/stridelog/events/rawjson"
	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/provider/internal/jsonarray"
)

// pageEntry is an entry of a page, as far as an importer looks at it.
type pageEntry struct {
	isObject bool
	id       string // empty when it has none
	number   uint64 // the same
	times    entryTimes
	modified *time.Time
	edition  provider.Edition
	sum      uint32 // of its bytes
	// positions says that the account has some of it (hasGps).
	positions bool
}

// entryTimes are when an entry says it was.
type entryTimes struct {
	written  time.Time // startTime as it stands there, read as UTC; zero when it cannot be read
	wall     bool      // written is a wall clock's time
	duration time.Duration
	timed    bool   // duration can be read
	logType  string // in lower case
}

func readEntry(element jsonarray.Element) pageEntry {
	m := membersOf(element)
	e := pageEntry{isObject: element.IsObject(), times: m.entryTimes(), sum: sumOf(element.Bytes), positions: string(m.hasGPS) == "true"}
	if id, ok := digitsOf(m.logID); ok {
		e.id = id
		e.number, _ = strconv.ParseUint(id, 10, 64) // digitsOf has checked it
	}
	if at, ok := exportTime(m.lastModified); ok {
		e.modified = &at
	}
	e.edition = provider.EditionOf(e.modified, element.Bytes)
	return e
}

// sumOf tells two texts apart that differ by accident.
func sumOf(raw []byte) uint32 { return crc32.Checksum(raw, crc32.MakeTable(crc32.Castagnoli)) }

// entryMembers are the few members of an entry that an importer looks at. One that
// is null or absent is nil.
type entryMembers struct {
	logID, lastModified, hasGPS json.RawMessage
	timeMembers
}

// timeMembers are those that say when it was.
type timeMembers struct{ startTime, duration, logType, source json.RawMessage }

func membersOf(element jsonarray.Element) (m entryMembers) {
	for _, member := range element.Members {
		name, value := member.Quoted[1:len(member.Quoted)-1], member.Value
		if bytes.IndexByte(name, '\\') >= 0 {
			var plain string
			_ = json.Unmarshal(member.Quoted, &plain) // the reader has checked it
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
		case "hasGps":
			m.hasGPS = value
		case "lastModified":
			m.lastModified = value
		case "logType":
			m.logType = value
		case "source":
			m.source = value
		}
	}
	return m
}

func (m timeMembers) entryTimes() entryTimes {
	var t entryTimes
	t.written, _ = exportTime(m.startTime)
	t.duration, t.timed = milliseconds(m.duration)
	logType, _ := rawjson.Text(m.logType)
	t.logType = strings.ToLower(logType)
	t.wall = logType == "manual" && m.fromIPhone()
	return t
}

// fromIPhone knows the one kind of manual entry whose startTime is not UTC: what
// people typed into the app on an iPhone (section 2.2).
func (m timeMembers) fromIPhone() bool {
	source, err := rawjson.Read(m.source)
	if err != nil {
		return false
	}
	name, _ := rawjson.Text(source.Value("name"))
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
	case !e.isObject:
		return "the record is not a JSON object"
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

// version is one version of an entry.
type version struct {
	pageEntry
	row int // that goes along with it; -1 for none
}

// entryIndex holds the newest version of every entry by its logId.
type entryIndex map[uint64]*version

func (x entryIndex) add(v *version) {
	if known, ok := x[v.number]; v.id != "" && (!ok || v.edition.Compare(known.edition) > 0) {
		x[v.number] = v
	}
}

// stands says whether this is the version to hand over. An entry without an id has
// no other.
func (x entryIndex) stands(v *version) bool { return v.id == "" || x[v.number] == v }
