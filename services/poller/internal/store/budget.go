package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/stridelog/stridelog/provider"
)

// AppAccount stands for the app's own budget, which all accounts share.
const AppAccount = ""

// maxHalvings bounds how small refusals make a budget: to a 64th.
const maxHalvings = 6

// Purse names a budget: an account's at a provider, or the app's.
type Purse struct {
	Provider string
	Account  string
	// Allowed is what configuration says; zero when only the provider's answers tell.
	Allowed provider.Budget
}

// AccountPurse is the budget of a target's provider account, or of its connection
// where the account is unknown.
func (t Target) AccountPurse(allowed provider.Budget) Purse {
	return Purse{Provider: t.Provider, Account: t.Account(), Allowed: allowed}
}

// Taken is what a budget gave.
type Taken struct {
	Requests int       // zero: nothing before ResetAt
	Left     int       // afterwards
	Limit    int       // of the period; zero when nothing is known
	Quota    int       // that answers tell; zero when they did not yet, and above Limit after refusals
	ResetAt  time.Time // zero when nothing is known
}

// ledger is the row of a budget. Its periods are the provider's where an answer
// told them, else multiples of the configured length.
type ledger struct {
	remaining, quota int  // quota before halving; zero when unknown
	answered         bool // the quota comes from an answer, not from configuration
	resetAt          time.Time
	halvings         int
	refused          bool // in this period
}

func (l ledger) limit() int {
	if l.quota == 0 {
		return 0
	}
	return max(1, l.quota>>l.halvings)
}

// renew begins a new period once the old one is over. A period without a refusal
// takes one halving back. A lower limit that an answer told stays until the next
// answer; one of our own configuration follows it.
func (l *ledger) renew(p Purse, now time.Time) {
	allowed := p.Allowed
	if now.Before(l.resetAt) {
		return
	}
	if !l.refused && l.halvings > 0 {
		l.halvings--
	}
	if allowed.Requests > 0 && (!l.answered || l.quota > allowed.Requests) {
		l.quota, l.answered = allowed.Requests, false
	}
	per := allowed.Per
	if per <= 0 {
		per = time.Hour // until the next answer tells
	}
	l.refused, l.remaining, l.resetAt = false, l.limit(), now.UTC().Truncate(per).Add(per)
}

// sameReset is how far apart two answers may put the end of one period: they count
// in whole seconds from when they came.
const sameReset = 2 * time.Second

// told takes over what an answer says. Our own count stays where it is lower: the
// answer does not know what else is on its way.
func (l *ledger) told(q provider.Quota) {
	taken := l.limit() - l.remaining
	if l.resetAt.IsZero() || q.ResetAt.After(l.resetAt.Add(sameReset)) {
		taken, l.refused = 1, false
		l.resetAt = q.ResetAt
	} else if q.ResetAt.After(l.resetAt) || l.resetAt.Sub(q.ResetAt) > sameReset {
		l.resetAt = q.ResetAt
	}
	l.quota, l.answered = q.Limit, true
	l.remaining = max(0, min(l.limit()-taken, q.Remaining-(q.Limit-l.limit())))
}

// sliceShare is which part of a limit may be taken at once: what a process holds is
// lost to the others, and with it when it ends.
const sliceShare = 20

// take takes up to so many requests, and one where the limit is small. So many
// percent of the limit stay.
func (l *ledger) take(most, percent int) int {
	reserve := l.limit() * percent / 100
	got := max(0, min(max(1, min(most, l.limit()/sliceShare)), l.remaining-reserve))
	l.remaining -= got
	return got
}

// taken is the state of a budget to one who was given so many requests.
func (l *ledger) taken(requests int) Taken {
	t := Taken{Requests: requests, Left: l.remaining, Limit: l.limit(), ResetAt: l.resetAt}
	if l.answered {
		t.Quota = l.quota
	}
	return t
}

// Take takes up to so many requests off a budget, in one row for all pollers: one,
// or a small part of the limit. They are good until ResetAt. So many percent of the
// limit stay for what is more urgent.
func (s *Store) Take(ctx context.Context, p Purse, most, percent int, now time.Time) (Taken, error) {
	t := Taken{Requests: 1}
	err := s.book(ctx, p, func(l *ledger, known bool) bool {
		if !known && p.Allowed.Requests <= 0 {
			return false
		}
		l.renew(p, now)
		if l.quota == 0 && !l.refused {
			return known
		}
		t = l.taken(l.take(most, percent))
		return true
	})
	return t, err
}

// Told books what an answer says about a budget, and gives what is left of it.
func (s *Store) Told(ctx context.Context, p Purse, q provider.Quota) (Taken, error) {
	var t Taken
	err := s.book(ctx, p, func(l *ledger, _ bool) bool {
		l.told(q)
		t = l.taken(0)
		return true
	})
	return t, err
}

// Refused books an answer that came too early by the provider's count, although
// not by ours: the budget is halved, and nothing goes before the instant that until
// gives for so many halvings.
func (s *Store) Refused(ctx context.Context, p Purse, until func(halvings int) time.Time) (at time.Time, err error) {
	err = s.book(ctx, p, func(l *ledger, _ bool) bool {
		if !l.refused {
			l.halvings = min(l.halvings+1, maxHalvings)
		}
		if l.quota == 0 {
			l.quota = p.Allowed.Requests
		}
		at = until(l.halvings)
		l.refused, l.remaining, l.resetAt = true, 0, at
		return true
	})
	return at, err
}

// book changes one budget; what change makes of it is stored if it says so.
func (s *Store) book(ctx context.Context, p Purse, change func(l *ledger, known bool) bool) error {
	err := s.InTx(ctx, func(tx pgx.Tx) error {
		// One writer at a time, also for a row that does not exist yet.
		if _, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock(hashtextextended('stridelog poller budget ' || $1::text || ' ' || $2::text, 0))", p.Provider, p.Account); err != nil {
			return err
		}
		var l ledger
		err := tx.QueryRow(ctx, "SELECT remaining, quota, told, reset_at, halvings, refused FROM poller.budgets WHERE provider = $1 AND account = $2",
			p.Provider, p.Account).Scan(&l.remaining, &l.quota, &l.answered, &l.resetAt, &l.halvings, &l.refused)
		known := err == nil
		if err != nil && !errors.Is(err, pgx.ErrNoRows) {
			return err
		}
		if !change(&l, known) {
			return nil
		}
		_, err = tx.Exec(ctx, `
			INSERT INTO poller.budgets (provider, account, remaining, quota, told, reset_at, halvings, refused) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
			ON CONFLICT (provider, account) DO UPDATE SET remaining = excluded.remaining, quota = excluded.quota,
			    told = excluded.told, reset_at = excluded.reset_at, halvings = excluded.halvings, refused = excluded.refused`,
			p.Provider, p.Account, l.remaining, l.quota, l.answered, l.resetAt, l.halvings, l.refused)
		return err
	})
	if err != nil {
		return fmt.Errorf("book a request of %s: %w", p.Provider, err)
	}
	return nil
}
