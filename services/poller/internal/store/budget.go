package store

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/stridelog/stridelog/platform/postgres"
	"github.com/stridelog/stridelog/provider"
)

// AppAccount stands for the app's own budgets, which all accounts share.
const AppAccount = ""

// Purse names the budgets of one owner at a provider: of an account, or of the app. A
// request counts in each of them.
type Purse struct {
	Provider string
	Account  string
	// Budgets are what configuration says, in an order that stays. None stands for one
	// that only the provider's answers tell.
	Budgets []provider.Budget
}

// AccountPurse are the budgets of a target's provider account, or of its connection
// where the account is unknown.
func (t Target) AccountPurse(budgets []provider.Budget) Purse {
	return Purse{Provider: t.Provider, Account: t.Account(), Budgets: budgets}
}

// budgets are at least one.
func (p Purse) budgets() []provider.Budget {
	if len(p.Budgets) == 0 {
		return []provider.Budget{{}}
	}
	return p.Budgets
}

// Find is the place of a budget in Taken.Limits by its name; an empty one is the
// first. -1: there is none of that name.
func (p Purse) Find(name string) int {
	if name == "" {
		return 0
	}
	return slices.IndexFunc(p.Budgets, func(b provider.Budget) bool { return b.Name == name })
}

// Taken is what the budgets of an owner gave together.
type Taken struct {
	Requests int // zero: nothing before ResetAt
	// ResetAt is until when the requests are good, or when there are some again; zero
	// when nothing is known.
	ResetAt time.Time
	Limits  []Limit // by budget
}

// Limit is how a budget stands afterwards; zero when nothing is known of it.
type Limit struct {
	Left     int
	Requests int // of the period
	Quota    int // that answers tell; zero when they did not yet, and above Requests after refusals
	ResetAt  time.Time
}

// Ask asks the budgets of an owner for requests.
type Ask struct {
	Purse
	Most    int // of requests
	Percent int // of each limit that stay for what is more urgent
}

// Take takes requests off budgets, each in one row for all pollers: for each ask up to
// as many as it says, one, or a small part of the limit. All asks are one transaction.
func (s *Store) Take(ctx context.Context, now time.Time, asks ...Ask) ([]Taken, error) {
	given := make([]Taken, len(asks))
	purses := make([]Purse, len(asks))
	for i, a := range asks {
		purses[i] = a.Purse
	}
	err := s.book(ctx, purses, func(i int, list allowances, known bool) bool {
		bound := known
		for j, b := range asks[i].budgets() {
			bound = bound || b.Requests > 0
			if known || b.Requests > 0 {
				list[j].renew(b, now)
			}
		}
		given[i] = list.take(asks[i].Most, asks[i].Percent)
		return bound
	})
	return given, err
}

// Told books what an answer says about budgets of an owner, and gives what is left of
// all. A quota of a budget that the purse does not have is passed over.
func (s *Store) Told(ctx context.Context, p Purse, quotas []provider.Quota) (Taken, error) {
	var t Taken
	err := s.book(ctx, []Purse{p}, func(_ int, list allowances, _ bool) bool {
		for _, q := range quotas {
			if i := p.Find(q.Budget); i >= 0 {
				list[i].told(q)
			}
		}
		t.Limits = list.stand()
		return true
	})
	return t, err
}

// Refused books an answer that came too early by the provider's count, although not by
// ours: the budget of that name is halved, and nothing goes before the instant that
// until gives for so many halvings.
func (s *Store) Refused(ctx context.Context, p Purse, budget string, until func(halvings int) time.Time) (at time.Time, err error) {
	err = s.book(ctx, []Purse{p}, func(_ int, list allowances, _ bool) bool {
		i := max(p.Find(budget), 0)
		list[i].refuse(p.budgets()[i], until)
		at = list[i].ResetAt
		return true
	})
	return at, err
}

// owner is the key of a row of budgets.
type owner struct{ provider, account string }

func (p Purse) owner() owner { return owner{p.Provider, p.Account} }

// budgetRow holds the first budget of an owner in columns, as programs had it that knew
// but one, and the others by name.
type budgetRow struct {
	first   allowance
	further map[string]allowance
	known   bool
	changed bool
}

func (r *budgetRow) list(p Purse) allowances {
	list := allowances{r.first}
	for _, b := range p.budgets()[1:] {
		list = append(list, r.further[b.Name])
	}
	return list
}

func (r *budgetRow) put(p Purse, list allowances) {
	r.first, r.further, r.known, r.changed = list[0], map[string]allowance{}, true, true
	for i, b := range p.budgets()[1:] {
		r.further[b.Name] = list[i+1]
	}
}

// book changes the budgets of some owners; what change makes of those of the i-th purse
// is stored if it says so. known says whether they have a row.
func (s *Store) book(ctx context.Context, purses []Purse, change func(i int, list allowances, known bool) bool) error {
	if len(purses) == 0 {
		return nil
	}
	err := s.InTx(ctx, func(tx pgx.Tx) error {
		rows := map[owner]*budgetRow{}
		for _, p := range purses {
			rows[p.owner()] = &budgetRow{}
		}
		if err := loadBudgets(ctx, tx, rows); err != nil {
			return err
		}
		for i, p := range purses {
			row := rows[p.owner()]
			if list := row.list(p); change(i, list, row.known) {
				row.put(p, list)
			}
		}
		return saveBudgets(ctx, tx, rows)
	})
	if err != nil {
		return fmt.Errorf("book requests of %s: %w", purses[0].Provider, err)
	}
	return nil
}

// loadBudgets reads and locks rows. There is one writer at a time, also for a row that
// does not exist yet; the locks are taken in one order by everybody.
func loadBudgets(ctx context.Context, tx pgx.Tx, rows map[owner]*budgetRow) error {
	owners := slices.SortedFunc(maps.Keys(rows), func(a, b owner) int {
		return cmp.Or(cmp.Compare(a.provider, b.provider), cmp.Compare(a.account, b.account))
	})
	providers, accounts := make([]string, len(owners)), make([]string, len(owners))
	for i, o := range owners {
		providers[i], accounts[i] = o.provider, o.account
	}
	var batch pgx.Batch
	batch.Queue(`SELECT pg_advisory_xact_lock(hashtextextended('stridelog poller budget ' || x.p || ' ' || x.a, 0))
		  FROM unnest($1::text[], $2::text[]) AS x (p, a)`, providers, accounts)
	batch.Queue(`
		SELECT b.provider, b.account, remaining, quota, told, reset_at, halvings, refused, further
		  FROM poller.budgets b JOIN unnest($1::text[], $2::text[]) AS x (p, a) ON b.provider = x.p AND b.account = x.a`,
		providers, accounts).Query(func(found pgx.Rows) error {
		var o owner
		var first allowance
		var further map[string]allowance
		_, err := pgx.ForEachRow(found, []any{&o.provider, &o.account, &first.Remaining, &first.Quota, &first.Answered, &first.ResetAt,
			&first.Halvings, &first.Refused, &further}, func() error {
			rows[o].first, rows[o].further, rows[o].known = first, further, true
			further = nil
			return nil
		})
		return err
	})
	return tx.SendBatch(ctx, &batch).Close()
}

func saveBudgets(ctx context.Context, tx pgx.Tx, rows map[owner]*budgetRow) error {
	var batch pgx.Batch
	for o, r := range rows {
		if !r.changed {
			continue
		}
		further, err := postgres.JSON(r.further)
		if err != nil {
			return err
		}
		batch.Queue(`
			INSERT INTO poller.budgets (provider, account, remaining, quota, told, reset_at, halvings, refused, further) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
			ON CONFLICT (provider, account) DO UPDATE SET remaining = excluded.remaining, quota = excluded.quota, told = excluded.told,
			    reset_at = excluded.reset_at, halvings = excluded.halvings, refused = excluded.refused, further = excluded.further`,
			o.provider, o.account, r.first.Remaining, r.first.Quota, r.first.Answered, r.first.ResetAt, r.first.Halvings, r.first.Refused, further)
	}
	if batch.Len() == 0 {
		return nil
	}
	return tx.SendBatch(ctx, &batch).Close()
}
