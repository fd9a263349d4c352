package provider

import (
	"errors"
	"math"
	"slices"
	"time"

	"github.com/stridelog/stridelog/events"
)

// What is kept of texts that a provider chose, in bytes. An id is part of an index's
// row, which PostgreSQL bounds at 2,700.
const (
	longestID     = 512
	longestScope  = 255
	longestCursor = 16 << 10
	mostScopes    = 100
)

// storableID says whether an id can be kept as it is.
func storableID(id string) bool { return len(id) <= longestID && events.Storable(id) }

// Storable is the grant without what no database holds: scopes and accounts that are
// no text, and times out of range. An account id that cannot be kept is none.
func (g Grant) Storable() Grant {
	if !storableID(g.AccountID) {
		g.AccountID = ""
	}
	if len(g.Scopes) > mostScopes {
		g.Scopes = g.Scopes[:mostScopes]
	}
	if slices.ContainsFunc(g.Scopes, oddScope) {
		g.Scopes = slices.DeleteFunc(slices.Clone(g.Scopes), oddScope)
	}
	linked := map[string]string{}
	for name, account := range g.LinkedAccounts {
		if events.Storable(name) && storableID(account) {
			linked[name] = account
		}
	}
	g.LinkedAccounts = linked
	if !events.InRange(g.ExpiresAt) {
		g.ExpiresAt = time.Time{}
	}
	if !events.InRange(g.RefreshExpiresAt) {
		g.RefreshExpiresAt = time.Time{}
	}
	return g
}

func oddScope(s string) bool { return len(s) > longestScope || !events.Storable(s) }

// Storable is the page without what no database holds. A record whose id cannot be
// kept gets one that is made from its bytes. It fails with ClassInvalidResponse when
// there is no way on to the next page.
func (p Page) Storable(volatile []string) (Page, error) {
	if len(p.Next) > longestCursor || !events.Storable(p.Next) {
		return p, &Error{Op: "list", Class: ClassInvalidResponse, Reason: "cursor"}
	}
	for i := range p.Records {
		p.Records[i] = p.Records[i].Storable(volatile)
	}
	p.Quotas = StorableQuotas(p.Quotas)
	return p, nil
}

// Storable is the record without what no database holds.
func (a Record) Storable(volatile []string) Record {
	if a.ExternalID == "" || !storableID(a.ExternalID) {
		a.ExternalID = MadeUpID(a.Raw, volatile)
		a.Problem = "its id is no text that can be kept"
	}
	if a.StartedAt != nil && !events.InRange(*a.StartedAt) {
		a.StartedAt, a.Problem = nil, "its start is out of range"
	}
	if a.EndedAt != nil && !events.InRange(*a.EndedAt) {
		a.EndedAt, a.Problem = nil, "its end is out of range"
	}
	if a.ModifiedAt != nil && !events.InRange(*a.ModifiedAt) {
		a.ModifiedAt = nil
	}
	return a
}

// Storable is the change without what no database holds; ok is false when its account is
// none.
func (c AccountChange) Storable() (storable AccountChange, ok bool) {
	if c.AccountID == "" || !storableID(c.AccountID) {
		return c, false
	}
	c.Suspects = slices.DeleteFunc(slices.Clone(c.Suspects), func(id string) bool { return id == "" || !storableID(id) })
	if w := c.Window; w != nil && (!events.InRange(w.From) || !events.InRange(w.To)) {
		c.Window = nil
	}
	return c, true
}

// StorableQuotas are the quotas in the numbers of a database's column, without those
// whose reset is out of range: they say nothing.
func StorableQuotas(quotas []Quota) []Quota {
	var kept []Quota
	in := func(n int) int { return min(max(n, 0), math.MaxInt32) }
	for _, q := range quotas {
		if events.InRange(q.ResetAt) {
			kept = append(kept, Quota{Budget: q.Budget, Limit: in(q.Limit), Remaining: in(q.Remaining), ResetAt: q.ResetAt})
		}
	}
	return kept
}

// StorableError takes from a provider's failure the times that no database holds.
func StorableError(err error) {
	var e *Error
	if !errors.As(err, &e) {
		return
	}
	e.Quotas = StorableQuotas(e.Quotas)
	if !events.InRange(e.RetryAt) {
		e.RetryAt = time.Time{}
	}
}
