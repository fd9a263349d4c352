package store

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/stridelog/stridelog/provider"
)

// holder is a sync that reads one page after the other.
type holder struct {
	slice    Slice
	requests int
	waiting  *provider.Quota // the answer that is on its way
}

// ask makes a request, if the budget has one.
func (h *holder) ask(l *ledger, p Purse, now time.Time) bool {
	h.requests++
	if h.slice.Spend(now) {
		return true
	}
	l.renew(p, now)
	return h.slice.Refill(l.taken(l.take(h.requests, 0)))
}

func (h *holder) answered(l *ledger) {
	q := *h.waiting
	h.waiting = nil
	if !h.slice.Foresaw(q) {
		l.told(q)
		h.slice.Learn(q, l.taken(0))
	}
}

// Whatever answers say, in whichever order they come, whoever holds requests ahead
// and whoever dies with them: within one period of the provider our requests never
// exceed its limit.
func TestALedgerNeverAllowsMoreThanTheProvider(t *testing.T) {
	ahead := false
	rapid.Check(t, func(r *rapid.T) {
		limit := rapid.IntRange(2, 150).Draw(r, "limit")
		guess := Purse{Account: "a", Allowed: provider.Budget{Requests: limit + rapid.IntRange(-1, 0).Draw(r, "guess"), Per: time.Hour}}
		now := time.Date(2026, 5, 10, 12, 0, 0, 0, time.UTC)
		var l ledger
		var holders [3]holder
		used, period := 0, now
		for range rapid.IntRange(1, 300).Draw(r, "steps") {
			h := &holders[rapid.IntRange(0, len(holders)-1).Draw(r, "holder")]
			switch rapid.IntRange(0, 19).Draw(r, "step") {
			case 0:
				now = now.Add(time.Duration(rapid.IntRange(1, 50).Draw(r, "minutes")) * time.Minute)
			case 1:
				*h = holder{}
			default:
				if h.waiting != nil {
					if h.waiting.ResetAt.After(now) { // an answer takes seconds, not hours
						h.answered(&l)
					}
					h.waiting = nil
					continue
				}
				if !h.ask(&l, guess, now) {
					continue
				}
				ahead = ahead || h.slice.held.Requests > 0
				if at := now.Truncate(time.Hour); !at.Equal(period) {
					used, period = 0, at
				}
				if used++; used > limit {
					r.Fatalf("request %d of a limit of %d: %+v", used, limit, l)
				}
				h.waiting = &provider.Quota{Limit: limit, Remaining: limit - used, ResetAt: period.Add(time.Hour)}
			}
		}
	})
	if !ahead {
		t.Error("nobody ever held a request ahead")
	}
}

// Somebody else uses up the same account: what is held ahead is not used any more.
func TestASliceIsGivenUpWhereTheProviderHasNoRoomForIt(t *testing.T) {
	reset := time.Date(2026, 5, 10, 13, 0, 0, 0, time.UTC)
	now := reset.Add(-time.Hour)
	for name, test := range map[string]struct {
		quota    provider.Quota
		foreseen bool
		kept     bool
	}{
		"as we count":       {provider.Quota{Limit: 100, Remaining: 94, ResetAt: reset}, true, true},
		"a second earlier":  {provider.Quota{Limit: 100, Remaining: 94, ResetAt: reset.Add(-time.Second)}, true, true},
		"a second later":    {provider.Quota{Limit: 100, Remaining: 94, ResetAt: reset.Add(time.Second)}, false, true},
		"another limit":     {provider.Quota{Limit: 101, Remaining: 95, ResetAt: reset}, false, true},
		"less is left":      {provider.Quota{Limit: 100, Remaining: 89, ResetAt: reset}, false, false},
		"an earlier period": {provider.Quota{Limit: 100, Remaining: 94, ResetAt: reset.Add(-time.Minute)}, false, false},
		"a later period":    {provider.Quota{Limit: 100, Remaining: 99, ResetAt: reset.Add(time.Hour)}, false, false},
	} {
		l := ledger{remaining: 95, quota: 100, answered: true, resetAt: reset}
		var x Slice
		if !x.Refill(l.taken(l.take(5, 0))) || !x.Spend(now) {
			t.Fatalf("%s: nothing was taken of %+v", name, l)
		}
		if got := x.Foresaw(test.quota); got != test.foreseen {
			t.Errorf("%s: foreseen %t", name, got)
		}
		l.told(test.quota)
		x.Learn(test.quota, l.taken(0))
		if got := x.Spend(now); got != test.kept {
			t.Errorf("%s: still held %t", name, got)
		}
	}
}
