package call

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/services/poller/internal/store"
)

// Purpose is what a request is for: the trigger of a sync, or Deep. It says how much of
// a budget the request leaves to others.
type Purpose string

// Deep is the purpose of a deep scan.
const Deep Purpose = "deep"

// reserve is how many percent of an account's budget a request leaves for what is more
// urgent. A deep scan takes no more than a tenth.
func (p Purpose) reserve() int {
	switch p {
	case events.TriggerConnect, events.TriggerManual:
		return 0
	case events.TriggerBackfill:
		return 10
	case events.TriggerKindAdded:
		return 50
	case Deep:
		return 90
	default:
		return 5
	}
}

// reserveOfApp is the same for budgets that all accounts share. There half is enough:
// many accounts together may always use more than a tenth.
func (p Purpose) reserveOfApp() int { return min(p.reserve(), 50) }

// maxAhead is how many requests are taken off a budget at once, at most.
const maxAhead = 25

// allowance is what a process or a lease holds of an owner's budgets.
type allowance struct {
	mu    sync.Mutex
	slice store.Slice
}

// spend uses one request that is held, or takes some and uses one of them.
func (a *allowance) spend(ctx context.Context, st *store.Store, whose string, ask store.Ask, now time.Time) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.slice.Spend(now) {
		return nil
	}
	got, err := st.Take(ctx, now, ask)
	if err != nil {
		return err
	}
	if !a.slice.Refill(got[0]) {
		return &ShortError{Until: got[0].ResetAt, Whose: whose}
	}
	return nil
}

// giveBack puts back a request that was not made after all.
func (a *allowance) giveBack() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.slice.Return()
}

// drop gives up what is held, after a refusal.
func (a *allowance) drop() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.slice = store.Slice{}
}

// told books what an answer says of an owner's budgets, unless it is known.
func (a *allowance) told(ctx context.Context, st *store.Store, p store.Purse, quotas []provider.Quota) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	news := map[int]provider.Quota{}
	var list []provider.Quota
	for _, q := range quotas {
		if i := p.Find(q.Budget); i >= 0 && !a.slice.Foresaw(i, q) {
			news[i], list = q, append(list, q)
		}
	}
	if len(list) == 0 {
		return nil
	}
	stand, err := st.Told(ctx, p, list)
	if err != nil {
		a.slice = store.Slice{}
		return err
	}
	a.slice.Learn(news, stand)
	return nil
}

// spend takes one request off the app's and the account's budgets. A lease takes of its
// account's as many ahead as it has spent: a scan of one page wastes none. A deep scan
// takes none ahead, and none of what was taken for others.
func (c *Caller) spend(ctx context.Context, p Purpose) error {
	now := c.Now()
	if c.app != nil {
		ask := store.Ask{Purse: c.appPurse, Most: maxAhead, Percent: p.reserveOfApp()}
		if err := c.app.spend(ctx, c.Store, OfApp, ask, now); err != nil {
			return err
		}
	}
	account, ask := &c.account, store.Ask{Purse: c.purse, Most: 1, Percent: p.reserve()}
	if p == Deep {
		account = &allowance{}
	} else {
		c.requests++
		ask.Most = min(c.requests, maxAhead)
	}
	err := account.spend(ctx, c.Store, OfAccount, ask, now)
	if err != nil && c.app != nil {
		c.app.giveBack()
	}
	return err
}

// count books what came of one request, and gives the error as the caller's is to see it.
func (c *Caller) count(ctx context.Context, quotas []provider.Quota, err error) error {
	class := "ok"
	if err != nil {
		class = string(provider.ClassOf(err))
		var typed *provider.Error
		if errors.As(err, &typed) {
			quotas = typed.Quotas
		}
		if class == "" {
			class = "unknown"
		}
	}
	c.Metrics.requests.WithLabelValues(c.lease.Provider, class).Inc()
	if err != nil {
		c.Tell(ctx)
	}
	c.told(ctx, quotas)
	switch class {
	case "ok":
		return nil
	case string(provider.ClassRateLimited):
		return c.refused(ctx, quotas, err)
	case "unknown":
		class = string(provider.ClassUnavailable)
	}
	return &ProviderError{Class: provider.Class(class), Err: err}
}

// told books what an answer says of budgets. One that nobody has is passed over.
func (c *Caller) told(ctx context.Context, quotas []provider.Quota) {
	if len(quotas) == 0 {
		return
	}
	var ofApp, ofAccount []provider.Quota
	for _, q := range quotas {
		c.Metrics.budget.WithLabelValues(c.lease.Provider).Observe(float64(q.Remaining))
		if c.app != nil && q.Budget != "" && c.appPurse.Find(q.Budget) >= 0 {
			ofApp = append(ofApp, q)
		} else {
			ofAccount = append(ofAccount, q)
		}
	}
	err := c.bookAccount(ctx, ofAccount)
	if len(ofApp) > 0 {
		err = errors.Join(err, c.app.told(ctx, c.Store, c.appPurse, ofApp))
	}
	if err != nil && ctx.Err() == nil {
		c.Log.WarnContext(ctx, "a budget that the provider told could not be stored", "provider", c.lease.Provider, "error", err)
	}
}

// refused books a refusal for a limit, and says until when it holds.
func (c *Caller) refused(ctx context.Context, quotas []provider.Quota, refusal error) error {
	until := func(halvings int) time.Time { return c.resetOf(refusal, halvings) }
	purse, held, budget, whose := c.purse, &c.account, "", OfAccount
	switch q := usedUp(quotas); {
	case c.app != nil && q != nil && q.Budget != "" && c.appPurse.Find(q.Budget) >= 0:
		purse, held, budget, whose = c.appPurse, c.app, q.Budget, OfApp
	case q != nil:
		budget = q.Budget
	case c.app != nil && !saysOfAccount(refusal):
		purse, held, whose = c.appPurse, c.app, OfApp
	}
	at, err := c.Store.Refused(ctx, purse, budget, until)
	if err != nil {
		at = until(1)
		if ctx.Err() == nil {
			c.Log.WarnContext(ctx, "a refusal for the limit could not be stored", "provider", c.lease.Provider, "error", err)
		}
	}
	held.drop()
	c.account.drop()
	return &ShortError{Until: at, Whose: whose, Refusal: refusal}
}

// usedUp is the quota of which an answer says that it has nothing left; nil: of none.
func usedUp(quotas []provider.Quota) *provider.Quota {
	for _, q := range quotas {
		if q.Remaining <= 0 {
			return &q
		}
	}
	return nil
}

// lastReset is when the last of the limits that have nothing left allows requests
// again; of all limits where the answer says so of none.
func lastReset(quotas []provider.Quota) (at time.Time) {
	none := usedUp(quotas) == nil
	for _, q := range quotas {
		if (none || q.Remaining <= 0) && q.ResetAt.After(at) {
			at = q.ResetAt
		}
	}
	return at
}

func saysOfAccount(refusal error) bool {
	var e *provider.Error
	return errors.As(refusal, &e) && e.OfAccount
}

// resetOf is when a limit that was hit allows requests again. A provider that does
// not say is asked after half a minute, and ever later while it goes on refusing.
func (c *Caller) resetOf(err error, refusals int) time.Time {
	var e *provider.Error
	now := c.Now()
	if errors.As(err, &e) {
		if e.RetryAt.After(now) {
			return e.RetryAt
		}
		if at := lastReset(e.Quotas); at.After(now) {
			return at
		}
	}
	return now.Add(Backoff(refusals + 5))
}
