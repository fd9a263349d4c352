package work

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/services/poller/internal/store"
)

// deepScan is for budgets what a trigger is: it says how much is left to others.
const deepScan = "deep"

// purpose is what a window's requests are for.
func purpose(w store.Window) string {
	if w.Deep {
		return deepScan
	}
	return w.Trigger
}

// left is how many percent of a budget a sync leaves for what is more urgent. A deep
// scan takes no more than a tenth of an account's budget.
func left(purpose string) int {
	switch purpose {
	case events.TriggerConnect, events.TriggerManual:
		return 0
	case events.TriggerBackfill:
		return 10
	case deepScan:
		return 90
	default:
		return 5
	}
}

// leftOfApp is the same for the budget that all accounts share. There half is
// enough: many accounts together may always use more than a tenth.
func leftOfApp(purpose string) int { return min(left(purpose), 50) }

// shortError says that a budget allows no request before an instant.
type shortError struct {
	until time.Time
	whose string
}

func (e shortError) Error() string {
	return "the budget of the " + e.whose + " is used up until " + e.until.UTC().Format(time.RFC3339)
}

// ourError is a failure of our own while a provider was to be asked.
type ourError struct{ err error }

func (e ourError) Error() string { return e.err.Error() }
func (e ourError) Unwrap() error { return e.err }

// maxSlice is how many requests of one budget are taken at once, at most.
const maxSlice = 25

// apps are the slices that this process holds of the apps' budgets, by provider.
type apps struct {
	mu     sync.Mutex
	slices map[string]*store.Slice
}

// takeApp takes one request of the app's budget, out of this process's slice.
func (s *session) takeApp(ctx context.Context, purpose string) error {
	if s.connector.AppBudget.Requests <= 0 {
		return nil
	}
	s.apps.mu.Lock()
	defer s.apps.mu.Unlock()
	held := s.apps.slices[s.lease.Provider]
	if held == nil {
		held = &store.Slice{}
		s.apps.slices[s.lease.Provider] = held
	}
	if held.Spend(s.Now()) {
		return nil
	}
	got, err := s.Store.Take(ctx, s.appPurse(), maxSlice, leftOfApp(purpose), s.Now())
	if err != nil {
		return ourError{err}
	}
	if !held.Refill(got) {
		return shortError{until: got.ResetAt, whose: "app"}
	}
	return nil
}

// untake gives one request back to this process's slice.
func (a *apps) untake(name string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if held := a.slices[name]; held != nil {
		held.Return()
	}
}

func (s *session) appPurse() store.Purse {
	return store.Purse{Provider: s.lease.Provider, Account: store.AppAccount, Allowed: s.connector.AppBudget}
}

// spend takes one request off the app's and the account's budgets. A lease takes of
// its account's as many ahead as it has spent: a scan of one page wastes none. A deep
// scan takes none ahead, and none of what was taken for others.
func (s *session) spend(ctx context.Context, purpose string) error {
	if err := s.takeApp(ctx, purpose); err != nil {
		return err
	}
	most := 1
	if purpose != deepScan {
		s.requests++
		if s.account.Spend(s.Now()) {
			return nil
		}
		most = min(s.requests, maxSlice)
	}
	got, err := s.Store.Take(ctx, s.accountPurse(), most, left(purpose), s.Now())
	switch {
	case err != nil:
	case purpose == deepScan && got.Requests > 0:
		return nil
	case purpose != deepScan && s.account.Refill(got):
		return nil
	}
	if s.connector.AppBudget.Requests > 0 {
		s.apps.untake(s.lease.Provider)
	}
	if err != nil {
		return ourError{err}
	}
	return shortError{until: got.ResetAt, whose: "account"}
}

func (s *session) accountPurse() store.Purse { return s.lease.AccountPurse(s.connector.Budget) }

// told books what an answer says of the account's budget, unless it is known.
func (s *session) told(ctx context.Context, q provider.Quota) {
	if s.account.Foresaw(q) {
		return
	}
	stands, err := s.Store.Told(ctx, s.accountPurse(), q)
	if err == nil {
		s.account.Learn(q, stands)
		return
	}
	s.account = store.Slice{}
	if ctx.Err() == nil {
		s.log.WarnContext(ctx, "a budget that the provider told could not be stored", "error", err)
	}
}

// count books what came of one request.
func (s *session) count(ctx context.Context, q *provider.Quota, err error) {
	class := "ok"
	if err != nil {
		class = string(provider.ClassOf(err))
		var e *provider.Error
		if errors.As(err, &e) {
			q = e.Quota
		}
		if class == "" {
			class = "unknown"
		}
	}
	s.Metrics.requests.WithLabelValues(s.lease.Provider, class).Inc()
	if q != nil {
		s.Metrics.budget.WithLabelValues(s.lease.Provider).Observe(float64(q.Remaining))
		s.told(ctx, *q)
	}
	if class == string(provider.ClassRateLimited) {
		s.refused(ctx, q, err)
	}
}

// refused books a refusal for a limit, and until when it holds.
func (s *session) refused(ctx context.Context, q *provider.Quota, refusal error) {
	until := func(halvings int) time.Time { return s.resetOf(refusal, halvings) }
	at, err := s.Store.Refused(ctx, s.refusing(q, refusal), until)
	if err != nil {
		at = until(1)
		if ctx.Err() == nil {
			s.log.WarnContext(ctx, "a refusal for the limit could not be stored", "error", err)
		}
	}
	s.account = store.Slice{}
	s.refusedUntil = at
}

// refusing is the budget that a refusal is about: the account's where it says so,
// else the app's, unless the answer shows that the account had no requests left.
func (s *session) refusing(q *provider.Quota, refusal error) store.Purse {
	var e *provider.Error
	ofAccount := errors.As(refusal, &e) && e.OfAccount || q != nil && q.Remaining <= 0
	if s.connector.AppBudget.Requests > 0 && !ofAccount {
		s.apps.mu.Lock()
		defer s.apps.mu.Unlock()
		delete(s.apps.slices, s.lease.Provider)
		return s.appPurse()
	}
	return s.accountPurse()
}
