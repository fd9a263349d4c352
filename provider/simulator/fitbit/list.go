package fitbit

import (
	"bytes"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/stridelog/stridelog/provider/simulator/jsontext"
)

// maxLimit is the most that a page holds.
const maxLimit = 100

// listQuery is a checked query of the activity list.
type listQuery struct {
	after  bool // afterDate, ascending; otherwise beforeDate, descending
	date   string
	limit  int
	offset int
}

func (q listQuery) dateName() string {
	if q.after {
		return "afterDate"
	}
	return "beforeDate"
}

func (q listQuery) sort() string {
	if q.after {
		return "asc"
	}
	return "desc"
}

// readList checks a query as the documentation words it. An offset above zero
// is what the next links carry, so it is taken.
func readList(values url.Values) (q listQuery, field, message string) {
	after, before := values.Get("afterDate"), values.Get("beforeDate")
	switch {
	case after != "" && before != "":
		return q, "afterDate", "Only one of beforeDate and afterDate may be specified."
	case after == "" && before == "":
		return q, "afterDate", "Either beforeDate or afterDate must be specified."
	}
	q.after, q.date = after != "", after+before
	if !isDate(q.date) {
		return q, q.dateName(), "Invalid date: " + q.date + ". Use yyyy-MM-dd or yyyy-MM-ddTHH:mm:ss."
	}
	if sort := values.Get("sort"); sort != q.sort() {
		return q, "sort", fmt.Sprintf("Invalid sort: %q. Use %s with %s.", sort, q.sort(), q.dateName())
	}
	var ok bool
	if q.limit, ok = number(values.Get("limit"), maxLimit); !ok || q.limit < 1 || q.limit > maxLimit {
		return q, "limit", "Invalid limit. Use 1 to 100."
	}
	if q.offset, ok = number(values.Get("offset"), 0); !ok || q.offset < 0 {
		return q, "offset", "Invalid offset. Use 0."
	}
	return q, "", ""
}

func isDate(text string) bool {
	for _, layout := range []string{"2006-01-02", "2006-01-02T15:04:05"} {
		if t, err := time.Parse(layout, text); err == nil && t.Format(layout) == text {
			return true
		}
	}
	return false
}

func number(text string, absent int) (int, bool) {
	if text == "" {
		return absent, true
	}
	n, err := strconv.Atoi(text)
	return n, err == nil
}

// choose gives all records of a query in its order. Local starts compare with
// the date as text: a day's date is less than its times, so that afterDate is
// inclusive and beforeDate exclusive.
func (q listQuery) choose(records []record) []record {
	chosen := make([]record, 0, len(records))
	for _, r := range records {
		if q.after == (r.start >= q.date) {
			chosen = append(chosen, r)
		}
	}
	if !q.after {
		slices.Reverse(chosen)
	}
	return chosen
}

// list is GET /1/user/-/activities/list.json.
func (c *Cloud) list(w http.ResponseWriter, r *http.Request, who caller) {
	q, field, message := readList(r.URL.Query())
	if message != "" {
		refuse(w, http.StatusBadRequest, "validation", field, message)
		return
	}
	q.limit = min(q.limit, c.options.MaxPage)
	all := q.choose(who.records)
	from := min(q.offset, len(all))
	to := min(from+q.limit, len(all))
	var body bytes.Buffer
	_ = body.WriteByte('{')
	if who.known { // an account without anything has no such member
		_, _ = body.WriteString(`"activities":[`)
		v := view{
			miles: who.account.person.Miles() || strings.HasPrefix(r.Header.Get("Accept-Language"), "en_US"),
			heart: slices.Contains(who.scopes, "heartrate"),
		}
		for i, entry := range all[from:to] {
			if i > 0 {
				_ = body.WriteByte(',')
			}
			_, _ = body.Write(render(entry.truth, v))
		}
		_, _ = body.WriteString(`],`)
	}
	_, _ = body.WriteString(`"pagination":` + q.pagination(c.base(r)+r.URL.Path, to < len(all)) + `}`)
	w.Header().Set("Content-Type", jsonType)
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write(body.Bytes())
}

// pagination echoes the query and links to its neighbours, members by name.
func (q listQuery) pagination(address string, more bool) string {
	link := func(offset int) string {
		return fmt.Sprintf("%s?offset=%d&limit=%d&sort=%s&%s=%s", address, offset, q.limit, q.sort(), q.dateName(), url.QueryEscape(q.date))
	}
	next, previous := "", ""
	if more {
		next = link(q.offset + q.limit)
	}
	if q.offset > 0 {
		previous = link(max(0, q.offset-q.limit))
	}
	return fmt.Sprintf(`{"%s":%s,"limit":%d,"next":%s,"offset":%d,"previous":%s,"sort":"%s"}`,
		q.dateName(), jsontext.Quoted(q.date), q.limit, jsontext.Quoted(next), q.offset, jsontext.Quoted(previous), q.sort())
}
