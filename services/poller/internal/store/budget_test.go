package store_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/stridelog/stridelog/platform/postgres/postgrestest"
	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/services/poller/internal/store"
)

var noon = time.Date(2026, 5, 10, 12, 0, 0, 0, time.UTC)

func migrated(t *testing.T) (*pgxpool.Pool, *store.Store) {
	t.Helper()
	db := postgrestest.New(t)
	if err := store.Migrate(t.Context(), db); err != nil {
		t.Fatal(err)
	}
	return db, store.New(db)
}

// twoLimits is an account of a provider that has a limit in a quarter of an hour and one
// in a day.
func twoLimits(account string) store.Purse {
	return store.Purse{Provider: "cloud", Account: account, Budgets: []provider.Budget{
		{Name: "quarter", Requests: 100, Per: 15 * time.Minute}, {Name: "day", Requests: 1000, Per: 24 * time.Hour},
	}}
}

func take(t *testing.T, s *store.Store, now time.Time, p store.Purse, most int) store.Taken {
	t.Helper()
	got, err := s.Take(t.Context(), now, store.Ask{Purse: p, Most: most})
	if err != nil {
		t.Fatal(err)
	}
	return got[0]
}

func TestSeveralBudgetsOfOneOwner(t *testing.T) {
	_, s := migrated(t)
	p, now := twoLimits("a"), noon
	used := 0
	for used < 100 {
		used += take(t, s, now, p, 25).Requests
	}
	if got := take(t, s, now, p, 25); used != 100 || got.Requests != 0 || !got.ResetAt.Equal(noon.Add(15*time.Minute)) {
		t.Fatalf("%d were given, then %+v", used, got)
	}
	now = noon.Add(15 * time.Minute)
	got := take(t, s, now, p, 1)
	if got.Requests != 1 || got.Limits[0].Left != 99 || got.Limits[1].Left != 899 {
		t.Errorf("in the next quarter: %+v", got)
	}
	told, err := s.Told(t.Context(), p, []provider.Quota{
		{Budget: "day", Limit: 1000, Remaining: 3, ResetAt: noon.Add(12 * time.Hour)}, {Budget: "year", Limit: 1, ResetAt: noon.Add(time.Hour)},
	})
	if err != nil || told.Limits[0].Left != 99 || told.Limits[1].Left != 3 {
		t.Fatalf("told %+v (%v)", told, err)
	}
	if got := take(t, s, now, p, 25); got.Requests != 3 {
		t.Errorf("of what is left of the day: %+v", got)
	}
	if got := take(t, s, now, p, 25); got.Requests != 0 || !got.ResetAt.Equal(noon.Add(12*time.Hour)) {
		t.Errorf("when the day is used up: %+v", got)
	}
}

func TestARefusalHalvesTheBudgetThatItNames(t *testing.T) {
	_, s := migrated(t)
	p := twoLimits("a")
	until := noon.Add(time.Hour)
	at, err := s.Refused(t.Context(), p, "day", func(int) time.Time { return until })
	if err != nil || !at.Equal(until) {
		t.Fatalf("refused until %s (%v)", at, err)
	}
	if got := take(t, s, noon, p, 1); got.Requests != 0 || !got.ResetAt.Equal(until) || got.Limits[0].Requests != 100 {
		t.Errorf("before: %+v", got)
	}
	if got := take(t, s, until, p, 1); got.Requests != 1 || got.Limits[0].Requests != 100 || got.Limits[1].Requests != 500 {
		t.Errorf("afterwards: %+v", got)
	}
}

// One transaction asks for many owners, of whom some are the same; processes that ask
// for the same owners in another order do not wait for each other for ever.
func TestManyOwnersAreAskedAtOnce(t *testing.T) {
	_, s := migrated(t)
	app := store.Purse{Provider: "cloud", Account: store.AppAccount, Budgets: []provider.Budget{{Requests: 40, Per: time.Hour}}}
	a, b := twoLimits("a"), twoLimits("b")
	asks := func(purses ...store.Purse) (list []store.Ask) {
		for _, p := range purses {
			list = append(list, store.Ask{Purse: p, Most: 1})
		}
		return list
	}
	got, err := s.Take(t.Context(), noon, asks(a, app, a, b)...)
	if err != nil || len(got) != 4 {
		t.Fatalf("%+v (%v)", got, err)
	}
	if got[0].Limits[0].Left != 99 || got[1].Limits[0].Left != 39 || got[2].Limits[0].Left != 98 || got[3].Limits[0].Left != 99 {
		t.Errorf("given %+v", got)
	}
	var all sync.WaitGroup
	for i := range 16 {
		list := asks(a, b, app)
		if i%2 == 0 {
			list = asks(app, b, a)
		}
		all.Go(func() {
			if _, err := s.Take(context.WithoutCancel(t.Context()), noon, list...); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if got := take(t, s, noon, a, 1); got.Limits[0].Left != 81 {
		t.Errorf("17 requests later: %+v", got)
	}
	if got, err := s.Take(t.Context(), noon); err != nil || len(got) != 0 {
		t.Errorf("of nobody: %+v (%v)", got, err)
	}
}

// An earlier program knows one budget of an owner, in the columns. What it writes is
// seen, and the other budgets stay.
func TestAnEarlierProgramBooksTheFirstBudget(t *testing.T) {
	db, s := migrated(t)
	p := twoLimits("a")
	take(t, s, noon, p, 1)
	_, err := db.Exec(t.Context(), `
		INSERT INTO poller.budgets (provider, account, remaining, quota, told, reset_at, halvings, refused) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
		ON CONFLICT (provider, account) DO UPDATE SET remaining = excluded.remaining, quota = excluded.quota,
		    told = excluded.told, reset_at = excluded.reset_at, halvings = excluded.halvings, refused = excluded.refused`,
		"cloud", "a", 7, 100, false, noon.Add(15*time.Minute), 0, false)
	if err != nil {
		t.Fatal(err)
	}
	if got := take(t, s, noon, p, 1); got.Limits[0].Left != 6 || got.Limits[1].Left != 998 {
		t.Errorf("given %+v", got)
	}
	var left int
	if err := db.QueryRow(t.Context(), "SELECT remaining FROM poller.budgets WHERE provider = 'cloud' AND account = 'a'").Scan(&left); err != nil || left != 6 {
		t.Errorf("the earlier program sees %d left (%v)", left, err)
	}
}
