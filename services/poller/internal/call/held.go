package call

import (
	"context"

	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/services/poller/internal/store"
)

// Ask is what the caller would ask its account's budgets for so many requests at once.
func (c *Caller) Ask(p Purpose, requests int) store.Ask {
	return store.Ask{Purse: c.purse, Most: requests, Percent: p.reserve()}
}

// Hold gives the caller requests that were taken off its account's budgets for it. What
// answers tell of these budgets is kept for News, until a request fails.
func (c *Caller) Hold(got store.Taken) {
	c.account.slice.Hold(got)
	c.holding = true
}

// News gives what answers told since Hold that the budgets do not know.
func (c *Caller) News() []provider.Quota {
	news := c.news
	c.holding, c.news = false, nil
	return news
}

// Tell books what News would give.
func (c *Caller) Tell(ctx context.Context) {
	if err := c.bookAccount(ctx, c.News()); err != nil && ctx.Err() == nil {
		c.Log.WarnContext(ctx, "a budget that the provider told could not be stored", "provider", c.lease.Provider, "error", err)
	}
}

// bookAccount books what an answer says of the account's budgets, or keeps it for News.
func (c *Caller) bookAccount(ctx context.Context, quotas []provider.Quota) error {
	if !c.holding {
		return c.account.told(ctx, c.Store, c.purse, quotas)
	}
	for _, q := range quotas {
		if i := c.purse.Find(q.Budget); i >= 0 && !c.account.slice.Foresaw(i, q) {
			c.news = append(c.news, q)
		}
	}
	return nil
}
