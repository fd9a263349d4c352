package e2e

import (
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/stridelog/stridelog/provider/simulator"
	"github.com/stridelog/stridelog/provider/simulator/fault"
	"github.com/stridelog/stridelog/provider/simulator/googlehealth"
)

// TestGoogleFaultMatrix is TestFaultMatrix at Google Health: what Fitbit can do wrong
// and what only Google does. Google keeps its refresh tokens, so that a lost answer
// costs no consent. It strikes one operation a row, all in turn, unless
// STRIDELOG_SOAK_MATRIX is set, as `make soak` does: then it strikes all of them.
func TestGoogleFaultMatrix(t *testing.T) {
	t.Parallel()
	rows := append(googleCallRows(), append(googleRefusalRows(), googleDataRows()...)...)
	whole := os.Getenv("STRIDELOG_SOAK_MATRIX") != ""
	newGoogleFaultWorld(t, len(rows)*len(operations())).runCells(t, rows, func(row, op int) bool {
		return whole || row%len(operations()) == op
	})
}

// googleCallRows are calls that fail and may well succeed later.
func googleCallRows() []faultRow {
	status := func(code int) func() *fault.Fault {
		return func() *fault.Fault { return googlehealth.ServerError(code) }
	}
	page := func(code int) func() *fault.Fault {
		return func() *fault.Fault { return googlehealth.HTMLPage(code) }
	}
	slow := func(over time.Duration) func() *fault.Fault {
		return func() *fault.Fault { return googlehealth.SlowBody(over) }
	}
	unlisted := func(name string, get func() *fault.Fault) faultRow {
		return faultRow{name: name + " at the check by id", get: get, change: (*cell).remove}
	}
	return []faultRow{
		{name: "429 without Retry-After", list: googlehealth.RateLimitedWithoutRetryAfter, once: true}, // until the minute is over
		{name: "429 with Retry-After", list: func() *fault.Fault { return googlehealth.RateLimited(shortWait) }},
		{name: "out of quota", quota: true, untold: true},
		{name: "500", list: status(http.StatusInternalServerError)},
		{name: "502", list: status(http.StatusBadGateway)},
		{name: "503", list: status(http.StatusServiceUnavailable)},
		{name: "timeout", list: func() *fault.Fault { return googlehealth.Timeout(2 * answerPatience) }, once: true},
		{name: "slow body", list: slow(2 * time.Second)},
		{name: "body slower than the timeout", list: slow(2 * answerPatience), once: true},
		{name: "huge body", list: func() *fault.Fault { return googlehealth.HugeBody(17 << 20) }, once: true},
		{name: "connection reset", list: googlehealth.ConnectionReset},
		{name: "cut short", list: googlehealth.CutShort},
		{name: "HTML with 200", list: page(http.StatusOK)},
		{name: "HTML with 404", list: page(http.StatusNotFound)},
		{name: "HTML with 502", list: page(http.StatusBadGateway)},
		{name: "truncated JSON", list: googlehealth.TruncatedJSON},
		{name: "wrong content type", list: googlehealth.WrongContentType},
		{name: "401 expired", list: googlehealth.Expired, once: true},
		unlisted("503", status(http.StatusServiceUnavailable)),
		unlisted("HTML with 404", page(http.StatusNotFound)),
		unlisted("401 expired", googlehealth.Expired),
		{name: "lost answer of a refresh", token: googlehealth.LostAnswer},
		{name: "409 on refresh", token: googlehealth.Conflict},
		{name: "invalid_client", token: googlehealth.InvalidClient},
	}
}

// googleRefusalRows are refusals that another try does not change: some are about the
// request, some about the project, and some need a new consent.
func googleRefusalRows() []faultRow {
	request := func(name string, list func() *fault.Fault) faultRow {
		return faultRow{name: name, list: list, fails: true, once: true}
	}
	person := func(name string, list func() *fault.Fault) faultRow {
		return faultRow{name: name, list: list, suspends: operations()[:3], fails: true, once: true}
	}
	grant := func(name string, token func() *fault.Fault) faultRow {
		return faultRow{name: name, token: token, suspends: operations(), fails: true, once: true}
	}
	return []faultRow{
		{name: "page token refused", list: googlehealth.BadPageToken, later: true, once: true},
		{name: "filter refused", list: googlehealth.BadFilter, once: true},
		request("400 of an unknown reason", googlehealth.UnknownReason),
		request("404 of the list", googlehealth.NotFound),
		request("410 once", googlehealth.Gone),
		request("403 project not admitted", googlehealth.NotAdmitted),
		request("403 API not enabled", googlehealth.Disabled),
		person("403 missing scope", googlehealth.MissingScope),
		person("403 insufficient scope", googlehealth.InsufficientScope),
		person("403 sudden", googlehealth.Denied),
		person("403 sudden, of the data", googlehealth.DataDenied),
		person("403 legacy account", googlehealth.Legacy),
		person("403 legacy account, other words", googlehealth.LegacyInOtherWords),
		person("400 account not linked", googlehealth.NotLinked),
		person("412 profile unfinished", googlehealth.Unfinished),
		grant("invalid_grant", googlehealth.InvalidGrant),
		grant("invalid_grant, log in again", googlehealth.LoginRequired),
	}
}

// googleDataRows are answers that lie, and changes at the cloud.
func googleDataRows() []faultRow {
	still := func(f func([]byte) []byte) func() func([]byte) []byte {
		return func() func([]byte) []byte { return f }
	}
	strange := func(name string, lie func([]byte) []byte) faultRow {
		return faultRow{name: name, lie: still(lie), versions: 2} // the strange one, and the right one again
	}
	return []faultRow{
		{name: "empty pages with a token", first: true, change: (*cell).halt},
		{name: "empty list once", lie: still(googlehealth.EmptyList), fails: true},
		{name: "empty list, and HTML with 404 by id", lie: still(googlehealth.EmptyList), get: func() *fault.Fault { return googlehealth.HTMLPage(http.StatusNotFound) }, fails: true},
		{name: "repeated record", lie: googlehealth.RepeatAcrossPages},
		{name: "reordered keys", lie: still(googlehealth.ReorderKeys)},
		{name: "other language", lie: still(googlehealth.OtherLanguage), ownLabels: true},
		{name: "me in names", lie: still(googlehealth.NamedMe)},
		{name: "omitted zeros", lie: still(googlehealth.OmitZeros), unsaid: true},
		strange("numbers without quotes", googlehealth.BareNumbers),
		strange("NaN", googlehealth.NaN),
		strange("unknown words", googlehealth.UnknownWords),
		strange("unknown members", googlehealth.UnknownMembers),
		{name: "late upload", first: true, change: (*cell).uploadLate},
		{name: "late upload between two pages", change: (*cell).uploadLate},
		{name: "edit of each field", first: true, change: (*cell).editFields},
		{name: "edit between pages", change: func(c *cell) error { return c.edit(editDistance) }},
		{name: "start moved by 60 days", beyond: true, change: func(c *cell) error {
			return c.edit(func(t *simulator.Truth) { t.Start = t.Start.AddDate(0, 0, -60) })
		}},
		{name: "delete", first: true, change: (*cell).remove},
		{name: "delete between two pages", change: (*cell).remove},
	}
}
