package googlehealth

import (
	"bytes"
	"encoding/json"
	"errors"
	"time"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/events/rawjson"
	"github.com/stridelog/stridelog/provider"
)

// The words of a notification that make a difference. Any other operation is taken
// for a change.
const (
	typeExercise    = "exercise"
	operationDelete = "DELETE"
)

// maxItems bounds one notification; Google sends up to 99 (section 6).
const maxItems = 1000

// isHandshake says whether a body is the one of a registration.
func isHandshake(body []byte) bool {
	members, err := rawjson.Read(body)
	if err != nil || len(members) != 1 {
		return false
	}
	kind, _ := rawjson.Text(members.ByName()["type"])
	return kind == "verification"
}

// parseNotification reads one item or an array of them. Items about other data than
// exercises, and items that name no account, say nothing. The error says what is wrong
// with the whole.
func parseNotification(body []byte) ([]provider.AccountChange, error) {
	body = bare(body)
	items := []json.RawMessage{body}
	if bytes.HasPrefix(body, []byte("[")) {
		var ok bool
		if items, ok = rawjson.Elements(body); !ok {
			return nil, errors.New("the notification is not a whole array")
		}
	}
	if len(items) > maxItems {
		return nil, errors.New("the notification has too many items")
	}
	var changes []provider.AccountChange
	for _, item := range items {
		members, err := rawjson.Read(item)
		if err != nil {
			return nil, errors.New("an item of the notification is not an object")
		}
		if change, ok := changeOf(object(members.ByName()["data"])); ok {
			changes = append(changes, change)
		}
	}
	return changes, nil
}

// changeOf reads one item. A deletion names the record, where it has an id; when it
// was helps to look there.
func changeOf(data map[string]json.RawMessage) (provider.AccountChange, bool) {
	kind, _ := rawjson.Text(data["dataType"])
	account, _ := rawjson.Text(data["healthUserId"])
	if kind != typeExercise || !accountForm.MatchString(account) {
		return provider.AccountChange{}, false
	}
	change := provider.AccountChange{AccountID: account, Kind: kindActivity, Window: windowOf(data["intervals"])}
	operation, _ := rawjson.Text(data["operation"])
	if id, _ := rawjson.Text(data["recordId"]); operation == operationDelete && idForm.MatchString(id) {
		change.Suspects = []string{id}
	}
	return change, true
}

// windowOf is the span from the first start to the last end of an item's intervals;
// nil when none can be read.
func windowOf(value json.RawMessage) *events.Window {
	intervals, _ := rawjson.Elements(value)
	var whole *events.Window
	for _, i := range intervals {
		w, ok := intervalOf(object(i))
		switch {
		case !ok:
		case whole == nil:
			whole = &w
		default:
			if w.From.Before(whole.From) {
				whole.From = w.From
			}
			if w.To.After(whole.To) {
				whole.To = w.To
			}
		}
	}
	return whole
}

// intervalOf reads one interval in the best of its forms: as instants, else in local
// time, where it is widened by what local clocks differ. Any form may be missing. A
// window's end is exclusive, so it lies a second behind the interval's.
func intervalOf(i map[string]json.RawMessage) (events.Window, bool) {
	if form := object(i["physicalTimeInterval"]); form != nil {
		from, okFrom := instantOf(form["startTime"])
		to, okTo := instantOf(form["endTime"])
		if okFrom && okTo {
			return windowFrom(from, to, 0)
		}
	}
	if form := object(i["civilIso8601TimeInterval"]); form != nil {
		from, okFrom := civilOf(form["startTime"])
		to, okTo := civilOf(form["endTime"])
		if okFrom && okTo {
			return windowFrom(from, to, civilReach)
		}
	}
	if form := object(i["civilDateTimeInterval"]); form != nil {
		from, okFrom := dateTimeOf(object(form["startDateTime"]))
		to, okTo := dateTimeOf(object(form["endDateTime"]))
		if okFrom && okTo {
			return windowFrom(from, to, civilReach)
		}
	}
	return events.Window{}, false
}

func windowFrom(from, to time.Time, margin time.Duration) (events.Window, bool) {
	if d := to.Sub(from); d < 0 || d > maxDuration {
		return events.Window{}, false
	}
	return events.Window{From: from.Add(-margin), To: to.Add(margin + time.Second)}, true
}

// civilOf reads a local time as if it were UTC: "2026-10-03T08:30:00", or a day alone.
func civilOf(value json.RawMessage) (time.Time, bool) {
	text, _ := rawjson.Text(value)
	for _, form := range []string{"2006-01-02T15:04:05.999999999", "2006-01-02T15:04", time.DateOnly} {
		if at, err := time.Parse(form, text); err == nil && at.Year() >= 1900 && at.Year() <= 9000 {
			return at, true
		}
	}
	return time.Time{}, false
}

// dateTimeOf reads a local time in parts, as if it were UTC. Parts of a time that are
// zero are left out, midnight is an empty time (section 5).
func dateTimeOf(value map[string]json.RawMessage) (time.Time, bool) {
	date, clock := object(value["date"]), object(value["time"])
	part := func(of map[string]json.RawMessage, name string, most float64) int {
		n, ok := numberOf(of[name])
		if !ok || n < 0 || n > most {
			return 0
		}
		return int(n)
	}
	year, month, day := part(date, "year", 9000), part(date, "month", 12), part(date, "day", 31)
	if year < 1900 || month == 0 || day == 0 {
		return time.Time{}, false
	}
	return time.Date(year, time.Month(month), day,
		part(clock, "hours", 24), part(clock, "minutes", 59), part(clock, "seconds", 60), 0, time.UTC), true
}
