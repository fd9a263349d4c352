package store_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/stridelog/stridelog/platform/postgres/postgrestest"
	"github.com/stridelog/stridelog/services/poller/internal/store"
)

// timetable is a store with some targets, named by their accounts.
type timetable struct {
	*store.Store
	t   *testing.T
	db  *pgxpool.Pool
	now time.Time
}

func newTimetable(t *testing.T) *timetable {
	t.Helper()
	db := postgrestest.New(t)
	if err := store.Migrate(t.Context(), db); err != nil {
		t.Fatal(err)
	}
	return &timetable{store.New(db), t, db, time.Now().UTC().Truncate(time.Microsecond)}
}

func (x *timetable) exec(sql string, args ...any) {
	x.t.Helper()
	if _, err := x.db.Exec(x.t.Context(), sql, args...); err != nil {
		x.t.Fatal(err)
	}
}

// target adds one; due and routes are how long ago it became due, nil for not at all.
func (x *timetable) target(name string, priority int, due, routes *time.Duration) (user string) {
	x.t.Helper()
	user = uuid.NewString()
	at := func(d *time.Duration) *time.Time {
		if d == nil {
			return nil
		}
		at := x.now.Add(-*d)
		return &at
	}
	x.exec(`INSERT INTO poller.targets (user_id, provider, connection_id, provider_account_id, scopes, activated_sequence, status, due_at, due_priority, routes_due_at)
		VALUES ($1, 'cloud', $2, $3, '{}', 1, 'active', $4, $5, $6)`, user, uuid.NewString(), name, at(due), priority, at(routes))
	return user
}

func (x *timetable) claim(owner string, most int) (leases []store.Lease, names []string) {
	x.t.Helper()
	leases, err := x.Claim(x.t.Context(), owner, x.now, time.Minute, most)
	if err != nil {
		x.t.Fatal(err)
	}
	for _, l := range leases {
		names = append(names, l.AccountID)
	}
	slices.Sort(names)
	return leases, names
}

func ago(d time.Duration) *time.Duration { return &d }

func TestWhatIsMostUrgentIsLeasedFirst(t *testing.T) {
	x := newTimetable(t)
	x.target("by timetable, long due", 20, ago(time.Hour), nil)
	x.target("asked for", 10, ago(time.Second), ago(time.Hour))
	x.target("deep", 40, ago(time.Hour), nil)
	x.target("routes", 20, ago(-time.Hour), ago(time.Minute))
	x.target("not due", 0, ago(-time.Minute), ago(-2*time.Minute))
	x.target("never due", 0, nil, nil)
	for i, want := range [][]string{{"asked for", "by timetable, long due"}, {"deep", "routes"}, nil} {
		leases, got := x.claim("me", 2)
		if !slices.Equal(got, want) {
			t.Errorf("claim %d gives %q, want %q", i, got, want)
		}
		for _, l := range leases {
			if l.Routes != (l.AccountID == "routes") {
				t.Errorf("the lease is %+v", l)
			}
		}
	}
	next, err := x.NextDue(t.Context(), x.now)
	if err != nil || !next.Equal(x.now.Add(time.Minute)) { // when it is due, and the leases end
		t.Errorf("the next is due in %v (%v)", next.Sub(x.now), err)
	}
	x.exec("UPDATE poller.targets SET lease_until = $1 WHERE provider_account_id = 'routes'", x.now.Add(time.Second))
	if next, err = x.NextDue(t.Context(), x.now); err != nil || !next.Equal(x.now.Add(time.Second)) {
		t.Errorf("the first lease ends in %v (%v)", next.Sub(x.now), err)
	}
}

func TestNobodyLeasesWhatIsLeased(t *testing.T) {
	x := newTimetable(t)
	for i := range 20 {
		x.target(fmt.Sprint(i), 20, ago(time.Second), nil)
	}
	ctx := t.Context()
	found := make(chan []store.Lease)
	for range 2 {
		go func() {
			leases, err := x.Claim(ctx, "me", x.now, time.Minute, 10)
			if err != nil {
				t.Error(err)
			}
			found <- leases
		}()
	}
	names := map[string]bool{}
	for range 2 {
		for _, l := range <-found {
			names[l.AccountID] = true
		}
	}
	if _, rest := x.claim("me", 20); len(names)+len(rest) != 20 {
		t.Errorf("%d targets were leased by two, then %d", len(names), len(rest))
	}
	x.now = x.now.Add(time.Minute)
	if _, again := x.claim("another", 30); len(again) != 20 {
		t.Errorf("%d leases of a dead process were taken", len(again))
	}
}

// The heartbeat's last call may reach the database after the lease was given back.
func TestALeaseThatWasGivenBackIsNotRenewed(t *testing.T) {
	x := newTimetable(t)
	for _, name := range []string{"kept", "returned", "lost", "paused"} {
		x.target(name, 20, ago(time.Second), nil)
	}
	leases, _ := x.claim("me", 4)
	of := map[string]store.Lease{}
	for _, l := range leases {
		of[l.AccountID] = l
	}
	ctx := t.Context()
	if held, err := x.Renew(ctx, leases, x.now.Add(time.Hour)); err != nil || len(held) != 4 {
		t.Fatalf("%v are held (%v)", held, err)
	}
	if _, err := x.Release(ctx, []store.Lease{of["returned"]}, x.now); err != nil {
		t.Fatal(err)
	}
	x.exec("UPDATE poller.targets SET lease_token = lease_token + 1 WHERE provider_account_id = 'lost'")
	x.exec("UPDATE poller.targets SET status = 'paused' WHERE provider_account_id = 'paused'")
	held, err := x.Renew(ctx, leases, x.now.Add(2*time.Hour))
	if err != nil || len(held) != 1 || !held[of["kept"].Key()] {
		t.Errorf("%v are held (%v)", held, err)
	}
	if _, err := x.Release(ctx, leases, x.now); err != nil {
		t.Fatal(err)
	}
	var left string
	if err := x.db.QueryRow(ctx, "SELECT string_agg(provider_account_id, ' ' ORDER BY 1) FROM poller.targets WHERE lease_until IS NOT NULL").Scan(&left); err != nil || left != "lost" {
		t.Errorf("leased are %q (%v)", left, err)
	}
}

func TestALeaseThatIsGivenBackSaysWhenThereIsWorkAgain(t *testing.T) {
	x := newTimetable(t)
	late, soon := x.target("late", 20, ago(time.Second), nil), x.target("soon", 20, ago(time.Second), nil)
	for user, in := range map[string]time.Duration{late: time.Hour, soon: time.Minute} {
		x.exec("INSERT INTO poller.scans (user_id, provider, span_seconds, next_due) VALUES ($1, 'cloud', 60, $2)", user, x.now.Add(in))
	}
	leases, _ := x.claim("me", 2)
	next, err := x.Release(t.Context(), leases, x.now)
	if err != nil || !next.Equal(x.now.Add(time.Minute)) {
		t.Errorf("the next is due in %v (%v)", next.Sub(x.now), err)
	}
}

// Whoever looks for work knows when something is due. Only what comes earlier is news.
func TestOnlyWhatIsDueEarlierWakesTheWorkers(t *testing.T) {
	x := newTimetable(t)
	user := x.target("one", 20, nil, nil)
	ctx := t.Context()
	conn, err := x.db.Acquire(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Release()
	if _, err := conn.Exec(ctx, "LISTEN "+store.WorkChannel); err != nil {
		t.Fatal(err)
	}
	told := func() bool {
		// A notification of our own comes after all that were sent before.
		if _, err := x.db.Exec(ctx, "SELECT pg_notify($1, 'end')", store.WorkChannel); err != nil {
			t.Fatal(err)
		}
		for n := 0; ; n++ {
			bounded, cancel := context.WithTimeout(ctx, time.Minute)
			got, err := conn.Conn().WaitForNotification(bounded)
			cancel()
			if err != nil {
				t.Fatal(err)
			}
			if got.Payload == "end" {
				return n > 0
			}
		}
	}
	for _, step := range []struct {
		what string
		in   time.Duration
		told bool
	}{{"due for the first time", time.Hour, true}, {"due later", 2 * time.Hour, false}, {"unchanged", 2 * time.Hour, false}, {"due earlier", time.Minute, true}} {
		x.exec(`INSERT INTO poller.scans (user_id, provider, span_seconds, next_due) VALUES ($1, 'cloud', 60, $2)
			ON CONFLICT (user_id, provider, span_seconds) DO UPDATE SET next_due = excluded.next_due`, user, x.now.Add(step.in))
		x.exec("SELECT poller.refresh_due($1, 'cloud')", user)
		if got := told(); got != step.told {
			t.Errorf("%s: told %t", step.what, got)
		}
	}
}
