package e2e

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/stridelog/stridelog/provider/simulator"
	"github.com/stridelog/stridelog/provider/simulator/fitbit"
)

// faultRow is one thing that goes wrong.
type faultRow struct {
	name string
	// list strikes the list endpoint, in the column of refreshes the token
	// endpoint; token strikes the token endpoint in every column.
	list, token func() *fitbit.Fault
	// lie makes a rewrite for every page of one operation.
	lie func() func([]byte) []byte
	// change happens at the cloud while an operation reads the second page.
	change func(*cell) error
	// quota makes the account's allowance small.
	quota bool
	// suspends names the operations after which the person has to consent again,
	// and rightly so.
	suspends []string
	// fails says that a manual sync may fail by it.
	fails bool
	// ownLabels says that names may stay in the other language.
	ownLabels bool
	// beyond says that a change lies outside every window until a backfill.
	beyond bool
	// once strikes one request and not two.
	once bool
}

const shortWait = time.Second

func faultRows() []faultRow {
	status := func(code int) func() *fitbit.Fault { return func() *fitbit.Fault { return fitbit.ServerError(code) } }
	page := func(code int) func() *fitbit.Fault { return func() *fitbit.Fault { return fitbit.HTMLPage(code) } }
	still := func(f func([]byte) []byte) func() func([]byte) []byte {
		return func() func([]byte) []byte { return f }
	}
	return []faultRow{
		{name: "429 with Retry-After", list: func() *fitbit.Fault { return fitbit.RateLimited(shortWait) }},
		{name: "429 without Retry-After", list: func() *fitbit.Fault { return fitbit.RateLimitedWithoutRetryAfter(shortWait) }},
		{name: "out of budget", quota: true},
		{name: "500", list: status(http.StatusInternalServerError)},
		{name: "502", list: status(http.StatusBadGateway)},
		{name: "503", list: status(http.StatusServiceUnavailable)},
		{name: "slow body", list: func() *fitbit.Fault { return fitbit.SlowBody(2 * time.Second) }},
		{name: "huge body", list: func() *fitbit.Fault { return fitbit.HugeBody(17 << 20) }, once: true, fails: true},
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
		{name: "empty list once", lie: still(fitbit.EmptyList)},
		{name: "repeated record", lie: fitbit.RepeatAcrossPages},
		{name: "reordered keys", lie: still(fitbit.ReorderKeys)},
		{name: "other language", lie: still(fitbit.OtherLanguage), ownLabels: true},
		{name: "late upload", change: (*cell).uploadLate},
		{name: "edit", change: func(c *cell) error { return c.edit(editDistance) }},
		{name: "start moved by 60 days", beyond: true, change: func(c *cell) error {
			return c.edit(func(t *simulator.Truth) { t.Start = t.Start.AddDate(0, 0, -60) })
		}},
		{name: "delete between two pages", change: (*cell).remove},
	}
}

func editDistance(t *simulator.Truth) {
	meters := 4321.0
	t.DistanceMeters = &meters
}

// recent are the account's records that every scan reads, and that are not near
// the edges of its window: newest first.
func (c *cell) recent() []simulator.Truth {
	now := time.Now()
	truths := slices.DeleteFunc(c.w.cloud.Truth(c.account), func(t simulator.Truth) bool {
		return t.Start.Before(now.Add(-4*day)) || t.Start.After(now.Add(-15*time.Hour))
	})
	slices.Reverse(truths)
	return truths
}

// edit changes one record that was not changed yet.
func (c *cell) edit(change func(*simulator.Truth)) error {
	for _, t := range c.recent() {
		if c.versions[t.ExternalID] == 0 {
			c.versions[t.ExternalID]++
			c.gone[t.ExternalID] = c.row.beyond
			return c.w.cloud.Edit(c.account, t.ExternalID, change)
		}
	}
	return nil
}

// uploadLate adds a record between those that are there.
func (c *cell) uploadLate() error {
	t := c.w.cloud.Truth(c.account)[0]
	t.ExternalID, t.Name = "", nil
	t.Start = time.Now().UTC().Truncate(time.Second).Add(-50 * time.Hour)
	t.OriginalStart = time.Time{}
	id, err := c.w.cloud.Upload(c.account, t)
	c.versions[id] += 0
	return err
}

func (c *cell) remove() error {
	for _, t := range c.recent() {
		if c.versions[t.ExternalID] == 0 {
			c.gone[t.ExternalID] = true
			return c.w.cloud.Delete(c.account, t.ExternalID)
		}
	}
	return nil
}

// onlyLabels passes over differences that another language makes.
func (r faultRow) onlyLabels(difference string) bool {
	return r.ownLabels && strings.HasPrefix(difference, "name:")
}
