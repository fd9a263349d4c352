package provider

import "time"

// Budget is a rate limit: Requests per Per. Periods begin at multiples of Per. A
// connector may have several, of an account and of the app; all of them must allow a
// request.
type Budget struct {
	Name     string // unique among those of its scope; may be empty
	Whose    BudgetScope
	Requests int
	Per      time.Duration
}

// BudgetScope says who shares a budget.
type BudgetScope int

// The scopes of budgets.
const (
	OfAccount BudgetScope = iota // each account has one of its own
	OfApp                        // all accounts of the app share it
)

// Quota is a rate limit as the provider's answer told it.
type Quota struct {
	// Budget is the name of the budget; empty: the first of the account.
	Budget    string
	Limit     int
	Remaining int
	ResetAt   time.Time
}

// BudgetsOf are the connector's budgets of a scope, in its order. One without requests
// is none.
func (c *Connector) BudgetsOf(whose BudgetScope) []Budget {
	if c == nil {
		return nil
	}
	var found []Budget
	for _, b := range c.Budgets {
		if b.Whose == whose && b.Requests > 0 {
			found = append(found, b)
		}
	}
	return found
}
