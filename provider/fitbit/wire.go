package fitbit

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"time"

	"github.com/stridelog/stridelog/events/rawjson"
)

// listAnswer is a page of the activity log list (section 4). Entries stay the
// bytes they came as.
type listAnswer struct {
	Entries []json.RawMessage
	Next    string
}

const byteOrderMark = "\ufeff"

// parseList reads a page. What is not certainly a page is an error: an answer
// taken for an empty page would hide records.
func parseList(body []byte) (listAnswer, error) {
	body = bytes.TrimPrefix(body, []byte(byteOrderMark))
	members, err := rawjson.Read(body)
	if err != nil {
		return listAnswer{}, err
	}
	fields := members.ByName()
	if faults, failed := fields["errors"]; failed && string(faults) != "[]" {
		return listAnswer{}, errors.New("the answer holds errors")
	}
	isList := func(m rawjson.Member) bool { return m.Name == "activities" || m.Name == "pagination" }
	if len(members) > 0 && !slices.ContainsFunc(members, isList) {
		return listAnswer{}, errors.New("the answer is an object, but no list")
	}
	var page listAnswer
	if activities, ok := fields["activities"]; ok { // Fitbit leaves it out when there is nothing
		if page.Entries, ok = rawjson.Elements(activities); !ok {
			return listAnswer{}, errors.New("activities is not an array")
		}
	}
	if pagination, ok := fields["pagination"]; ok {
		var p struct {
			Next string `json:"next"`
		}
		if err := json.Unmarshal(pagination, &p); err != nil {
			return listAnswer{}, errors.New("pagination.next is not a string")
		}
		page.Next = p.Next
	}
	return page, nil
}

// digitsOf is an id as text, digit for digit. Fitbit writes an unsigned 64-bit
// integer, sometimes as a string (section 4). 1.0 and 2e18 are none: their digits
// were lost on the way.
func digitsOf(value json.RawMessage) (string, bool) {
	digits, quoted := rawjson.Plain(value)
	if !quoted {
		digits = string(value)
	}
	if _, err := strconv.ParseUint(digits, 10, 64); err != nil || digits[0] == '0' {
		return "", false
	}
	return digits, true
}

// maxOffset bounds UTC offsets: real ones lie between -12 and +14 hours.
const maxOffset = 18 * time.Hour

// instantOf reads a point in time with its offset. Fitbit writes a zero offset
// as Z.
func instantOf(value json.RawMessage) (time.Time, bool) {
	text, ok := rawjson.Text(value)
	if !ok {
		return time.Time{}, false
	}
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil || at.Year() < 1900 || at.Year() > 9000 {
		return time.Time{}, false
	}
	_, seconds := at.Zone()
	offset := time.Duration(seconds) * time.Second
	return at, offset.Abs() <= maxOffset
}
