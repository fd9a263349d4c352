package store

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/stridelog/stridelog/provider"
)

// Budget is what a provider account still allows.
type Budget struct {
	Remaining int
	Limit     int
	ResetAt   time.Time
}

// After is the budget once one more request was made: as the provider's answer
// says, else by our own count from the configured allowance. It is nil when
// neither is known.
func (b *Budget) After(q *provider.Quota, allowed provider.Budget, now time.Time) *Budget {
	if q != nil {
		return &Budget{Remaining: q.Remaining, Limit: q.Limit, ResetAt: q.ResetAt}
	}
	if b != nil && now.Before(b.ResetAt) {
		return &Budget{Remaining: max(b.Remaining-1, 0), Limit: b.Limit, ResetAt: b.ResetAt}
	}
	if allowed.Requests > 0 && allowed.Per > 0 {
		return &Budget{Remaining: allowed.Requests - 1, Limit: allowed.Requests, ResetAt: now.Add(allowed.Per)}
	}
	return nil
}

// account is whose budget it is: the provider account's, or the connection's where
// the account is unknown.
func (t Target) account() string {
	if t.AccountID != "" {
		return t.AccountID
	}
	return t.ConnectionID
}

// SetBudget stores a budget. Two users may share an account: a lower figure within
// the same period wins, since answers may overtake each other.
func SetBudget(ctx context.Context, tx pgx.Tx, t Target, b Budget) error {
	_, err := tx.Exec(ctx, `
		INSERT INTO poller.budgets (provider, account, remaining, quota, reset_at) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (provider, account) DO UPDATE SET
		    remaining = CASE WHEN abs(extract(epoch FROM budgets.reset_at - excluded.reset_at)) < 30
		                     THEN least(budgets.remaining, excluded.remaining) ELSE excluded.remaining END,
		    quota = excluded.quota, reset_at = excluded.reset_at`,
		t.Provider, t.account(), b.Remaining, b.Limit, b.ResetAt)
	if err != nil {
		return fmt.Errorf("store the budget of %s of user %s: %w", t.Provider, t.UserID, err)
	}
	return nil
}
