package googlehealth

import (
	"bytes"
	"encoding/json"
	"errors"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/stridelog/stridelog/events/rawjson"
)

// listAnswer is a page of data points (section 3). Points stay the bytes they came as.
type listAnswer struct {
	points []json.RawMessage
	next   string // page token; empty at the end
}

const byteOrderMark = "\ufeff"

// bare is a JSON text without a byte order mark and without space around it.
func bare(text []byte) []byte {
	return bytes.Trim(bytes.TrimPrefix(text, []byte(byteOrderMark)), " \t\r\n")
}

// parseList reads a page. An empty object is an empty page; anything else that is
// not certainly a page is an error: an answer taken for an empty page would hide
// records.
func parseList(body []byte) (listAnswer, error) {
	members, err := rawjson.Read(bare(body))
	if err != nil {
		return listAnswer{}, err
	}
	isList := func(m rawjson.Member) bool { return m.Name == "dataPoints" || m.Name == "nextPageToken" }
	if len(members) > 0 && !slices.ContainsFunc(members, isList) {
		return listAnswer{}, errors.New("the answer is an object, but no list")
	}
	fields := members.ByName()
	if _, failed := fields["error"]; failed {
		return listAnswer{}, errors.New("the answer holds an error")
	}
	var page listAnswer
	if points, ok := fields["dataPoints"]; ok {
		if page.points, ok = rawjson.Elements(points); !ok {
			return listAnswer{}, errors.New("dataPoints is not an array")
		}
	}
	if token, ok := fields["nextPageToken"]; ok && json.Unmarshal(token, &page.next) != nil {
		return listAnswer{}, errors.New("nextPageToken is not a string")
	}
	return page, nil
}

// pointName is a data point's name, taken apart (section 4).
type pointName struct {
	account string // as the name spells it: digits, or me
	id      string
}

// idForm is what an id may look like: digits from Google, other letters from
// clients (section 4). It needs no escapes in an address.
var idForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._~-]{0,127}$`)

// parseName reads "users/{account}/dataTypes/{type}/dataPoints/{id}".
func parseName(value json.RawMessage) (pointName, bool) {
	text, _ := rawjson.Text(value)
	parts := strings.Split(text, "/")
	if len(parts) < 2 || !idForm.MatchString(parts[len(parts)-1]) {
		return pointName{}, false
	}
	n := pointName{id: parts[len(parts)-1]}
	if parts[0] == "users" {
		n.account = parts[1]
	}
	return n, true
}

// maxOffset bounds UTC offsets.
const maxOffset = 18 * time.Hour

// instantOf reads a timestamp, in UTC.
func instantOf(value json.RawMessage) (time.Time, bool) {
	text, ok := rawjson.Text(value)
	if !ok {
		return time.Time{}, false
	}
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil || at.Year() < 1900 || at.Year() > 9000 {
		return time.Time{}, false
	}
	return at.UTC(), true
}

// durationForm is how protocol buffers write a duration as JSON.
var durationForm = regexp.MustCompile(`^-?[0-9]{1,12}(\.[0-9]{1,9})?s$`)

// durationOf reads a duration such as "3633.600s". It may be negative.
func durationOf(value json.RawMessage) (time.Duration, bool) {
	text, ok := rawjson.Text(value)
	if !ok || !durationForm.MatchString(text) {
		return 0, false
	}
	d, err := time.ParseDuration(text)
	return d, err == nil
}

// offsetOf reads a UTC offset.
func offsetOf(value json.RawMessage) (time.Duration, bool) {
	d, ok := durationOf(value)
	return d, ok && d.Abs() <= maxOffset && d%time.Second == 0
}
