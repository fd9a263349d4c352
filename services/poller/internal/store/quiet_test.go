package store_test

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/services/poller/internal/store"
)

// scanned adds a target of which a scan is due that goes on where the reading stood.
func (x *timetable) scanned(name string) (user string) {
	x.t.Helper()
	user = x.target(name, 20, ago(time.Second), nil)
	x.exec(`INSERT INTO poller.sources (user_id, provider, source, kind, spans, dues, next_due, last_outcome)
		VALUES ($1, 'cloud', 'activity', 'activity', '{172800,604800}', ARRAY[$2, $3]::timestamptz[], $2, 'success')`, user, x.now.Add(-time.Second), x.now.Add(time.Hour))
	x.exec(`INSERT INTO poller.coverage (user_id, provider, account, kind, covered_from, covered_to, scheduled)
		VALUES ($1, 'cloud', $2, 'activity', $3, $4, true)`, user, name, x.now.Add(-30*24*time.Hour), x.now.Add(-time.Hour))
	x.exec(`INSERT INTO poller.budgets (provider, account, remaining, quota, told, reset_at, halvings, refused)
		VALUES ('cloud', $1, 50, 100, true, $2, 0, false)`, name, x.now.Add(time.Hour))
	return user
}

// quiet gives the leases whose scans need no window, by name.
func (x *timetable) quiet(leases []store.Lease, between func()) map[string]store.QuietEnd {
	x.t.Helper()
	found, err := x.Quiet(x.t.Context(), leases, x.now)
	if err != nil {
		x.t.Fatal(err)
	}
	asks := map[store.LeaseKey]store.Ask{}
	for _, l := range leases {
		asks[l.Key()] = store.Ask{Purse: l.AccountPurse(nil), Most: 1, Percent: 5}
	}
	between()
	if err := x.TakeQuiet(x.t.Context(), x.now, found, asks); err != nil {
		x.t.Fatal(err)
	}
	ends := map[string]store.QuietEnd{}
	for _, l := range leases {
		if q := found[l.Key()]; q != nil {
			ends[l.AccountID] = store.QuietEnd{Lease: l, Quiet: q}
		}
	}
	return ends
}

func names[T any](of map[string]T) string { return strings.Join(slices.Sorted(maps.Keys(of)), " ") }

func TestWhatMakesAScanNeedAWindow(t *testing.T) {
	x := newTimetable(t)
	x.scanned("quiet")
	x.exec(`INSERT INTO poller.windows (id, user_id, provider, connection_id, trigger, priority, window_from, window_to, pass_to, requested_at)
		VALUES ($1, $2, 'cloud', $1, 'manual', 10, now(), now(), now(), now())`, uuid.NewString(), x.scanned("waiting"))
	x.exec("UPDATE poller.targets SET deep_due = $2 WHERE user_id = $1", x.scanned("deep"), x.now)
	x.exec("UPDATE poller.sources SET failures = 1 WHERE user_id = $1", x.scanned("failing"))
	x.exec("UPDATE poller.coverage SET covered_to = $2 WHERE user_id = $1", x.scanned("gap"), x.now.Add(-3*24*time.Hour))
	x.exec("DELETE FROM poller.coverage WHERE user_id = $1", x.scanned("unread"))
	x.scanned("short")
	x.exec("UPDATE poller.budgets SET remaining = 5 WHERE account = 'short'")
	x.scanned("spent elsewhere")
	leases, _ := x.claim("me", 20)
	ends := x.quiet(leases, func() {
		x.exec("UPDATE poller.budgets SET remaining = remaining - 1 WHERE account = 'spent elsewhere'")
	})
	if got := names(ends); got != "quiet" {
		t.Errorf("no window is needed by %q", got)
	}
}

func TestScansThatFoundNothingEndTogether(t *testing.T) {
	x := newTimetable(t)
	x.scanned("one")
	x.scanned("lost")
	asked := x.scanned("asked for meanwhile")
	leases, _ := x.claim("me", 20)
	var list []store.QuietEnd
	schedule := store.Schedule{Tiers: []store.Tier{{Span: 48 * time.Hour, Every: 15 * time.Minute}, {Span: 7 * 24 * time.Hour, Every: 6 * time.Hour}}}
	for name, end := range x.quiet(leases, func() {}) {
		if name == "one" {
			end.Quotas = []provider.Quota{{Limit: 100, Remaining: 20, ResetAt: x.now.Add(time.Hour)}}
		}
		end.Quiet.MoveOn(schedule, []store.Source{{Name: "activity"}}, x.now)
		list = append(list, end)
	}
	x.exec("UPDATE poller.targets SET lease_token = lease_token + 1 WHERE provider_account_id = 'lost'")
	x.exec(`INSERT INTO poller.windows (id, user_id, provider, connection_id, trigger, priority, window_from, window_to, pass_to, requested_at)
		VALUES ($1, $2, 'cloud', $1, 'manual', 10, $3, $3, $3, $3)`, uuid.NewString(), asked, x.now)
	next, err := x.EndQuiet(t.Context(), list, x.now)
	if err != nil || next.After(x.now) {
		t.Errorf("there is work again in %v (%v)", next.Sub(x.now), err)
	}
	for name, want := range map[string]string{
		"one":                 "due in 00:15:00, read 00:00:00 ago, free, 20 left",
		"asked for meanwhile": "due in -00:00:01, read 00:00:00 ago, free, 49 left",
		"lost":                "due in -00:00:01, read 01:00:00 ago, leased, 49 left",
	} {
		var got string
		err := x.db.QueryRow(t.Context(), `
			SELECT format('due in %s, read %s ago, %s, %s left', t.due_at - $2, $2 - c.covered_to, CASE WHEN t.lease_until IS NULL THEN 'free' ELSE 'leased' END, b.remaining)
			  FROM poller.targets t JOIN poller.coverage c USING (user_id, provider) JOIN poller.budgets b ON b.account = t.provider_account_id
			 WHERE t.provider_account_id = $1`, name, x.now).Scan(&got)
		if err != nil || got != want {
			t.Errorf("%s: %s (%v), want %s", name, got, err, want)
		}
	}
}
