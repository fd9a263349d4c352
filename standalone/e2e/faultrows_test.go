package e2e

import (
	"net/http"
	"strings"
	"time"

	"github.com/stridelog/stridelog/provider/simulator"
	"github.com/stridelog/stridelog/provider/simulator/fault"
	"github.com/stridelog/stridelog/provider/simulator/fitbit"
)

// faultRow is one thing that goes wrong.
type faultRow struct {
	name string
	// list strikes the list endpoint, in the column of refreshes the token
	// endpoint; token strikes the token endpoint in every column, and get the
	// checks of single records by their ids.
	list, token, get func() *fault.Fault
	// later spares the first page of a list.
	later bool
	// lie makes a rewrite for every page of one operation.
	lie func() func([]byte) []byte
	// change happens at the cloud while an operation reads the second page, or the
	// first one.
	change func(*cell) error
	first  bool
	// hour says that the system waits for the next full hour, when Fitbit's quotas
	// begin anew; the cell lets it pass.
	hour bool
	// quota makes the account's allowance small; untold says that the provider does
	// not tell what is left of it, so that a refusal is the only way to know.
	quota, untold bool
	// suspends names the operations after which the person has to consent again,
	// and rightly so.
	suspends []string
	// fails says that a manual sync may fail by it.
	fails bool
	// ownLabels says that names may stay in the other language.
	ownLabels bool
	// unsaid says that what is zero may stay unknown, since the provider leaves zeros
	// out as it likes and a record without them is the same version.
	unsaid bool
	// beyond says that a change lies outside every window until a backfill.
	beyond bool
	// versions is how many more versions it makes of a record.
	versions int
	// once strikes one request and not two.
	once bool
}

const shortWait = time.Second

func faultRows() []faultRow {
	status := func(code int) func() *fault.Fault { return func() *fault.Fault { return fitbit.ServerError(code) } }
	page := func(code int) func() *fault.Fault { return func() *fault.Fault { return fitbit.HTMLPage(code) } }
	still := func(f func([]byte) []byte) func() func([]byte) []byte {
		return func() func([]byte) []byte { return f }
	}
	return []faultRow{
		{name: "429 with Retry-After", list: func() *fault.Fault { return fitbit.RateLimited(shortWait) }},
		{name: "429 without Retry-After", list: func() *fault.Fault { return fitbit.RateLimitedWithoutRetryAfter(shortWait) }},
		{name: "429 without any header", list: fitbit.RateLimitedWithoutHeaders, hour: true, once: true},
		{name: "out of budget", quota: true},
		{name: "500", list: status(http.StatusInternalServerError)},
		{name: "502", list: status(http.StatusBadGateway)},
		{name: "503", list: status(http.StatusServiceUnavailable)},
		{name: "timeout", list: func() *fault.Fault { return fitbit.Timeout(2 * answerPatience) }, once: true},
		{name: "slow body", list: func() *fault.Fault { return fitbit.SlowBody(2 * time.Second) }},
		{name: "body slower than the timeout", list: func() *fault.Fault { return fitbit.SlowBody(2 * answerPatience) }, suspends: []string{opRefresh}, fails: true, once: true},
		{name: "huge body", list: func() *fault.Fault { return fitbit.HugeBody(17 << 20) }, once: true, fails: true},
		{name: "connection reset", list: fitbit.ConnectionReset},
		{name: "cut short", list: fitbit.CutShort, suspends: []string{opRefresh}, fails: true},
		{name: "HTML with 200", list: page(http.StatusOK)},
		{name: "HTML with 502", list: page(http.StatusBadGateway)},
		{name: "truncated JSON", list: fitbit.TruncatedJSON, suspends: []string{opRefresh}, fails: true},
		{name: "wrong content type", list: fitbit.WrongContentType},
		{name: "401 expired", list: fitbit.Expired, once: true},
		{name: "403 insufficient scope", list: fitbit.InsufficientScope, suspends: operations()[:3], fails: true, once: true},
		{name: "410 once", list: fitbit.Gone, once: true, fails: true},
		{name: "invalid_grant", token: fitbit.InvalidGrant, suspends: operations(), fails: true, once: true},
		{name: "invalid_client", token: fitbit.InvalidClient},
		{name: "409 on refresh", token: fitbit.Conflict},
		{name: "lost answer after rotation", token: fitbit.LostAnswer, suspends: operations(), fails: true, once: true},
		{name: "empty list once", lie: still(fitbit.EmptyList), fails: true},
		{name: "repeated record", lie: fitbit.RepeatAcrossPages},
		{name: "reordered keys", lie: still(fitbit.ReorderKeys)},
		{name: "other language", lie: still(fitbit.OtherLanguage), ownLabels: true},
		{name: "omitted zeros", lie: still(fitbit.OmitZeros), versions: 2}, // without them, and with them again
		{name: "late upload", first: true, change: (*cell).uploadLate},
		{name: "late upload between two pages", change: (*cell).uploadLate},
		{name: "edit of each field", first: true, change: (*cell).editFields},
		{name: "edit between two pages", change: func(c *cell) error { return c.edit(editDistance) }},
		{name: "start moved by 60 days", beyond: true, change: func(c *cell) error {
			return c.edit(func(t *simulator.Truth) { t.Start = t.Start.AddDate(0, 0, -60) })
		}},
		{name: "delete", first: true, change: (*cell).remove},
		{name: "delete between two pages", change: (*cell).remove},
	}
}

// passes says whether a difference is one that the row may leave.
func (r faultRow) passes(difference string) bool {
	switch field, values, _ := strings.Cut(difference, ": served "); {
	case r.ownLabels:
		return field == "name"
	case r.unsaid:
		served, happened, _ := strings.Cut(values, ", happened ")
		// An offset of zero that is left out is the one of the account's zone.
		return field == "zone_offset" && happened == `"+00:00"` || field == "offset_source" || field == "local_date" ||
			strings.ReplaceAll(served, "null", "0") == strings.ReplaceAll(happened, "null", "0")
	default:
		return false
	}
}
