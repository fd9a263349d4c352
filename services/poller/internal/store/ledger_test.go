package store

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/stridelog/stridelog/provider"
)

// Whatever answers say and in whichever order they come: within one period of the
// provider our requests never exceed its limit.
func TestALedgerNeverAllowsMoreThanTheProvider(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		limit := rapid.IntRange(2, 40).Draw(r, "limit")
		guess := Purse{Account: "a", Allowed: provider.Budget{Requests: limit + rapid.IntRange(-1, 0).Draw(r, "guess"), Per: time.Hour}}
		now := time.Date(2026, 5, 10, 12, 0, 0, 0, time.UTC)
		var l ledger
		used, period := 0, now
		var waiting []provider.Quota
		for range rapid.IntRange(1, 200).Draw(r, "steps") {
			switch rapid.IntRange(0, 9).Draw(r, "step") {
			case 0:
				now = now.Add(time.Duration(rapid.IntRange(1, 50).Draw(r, "minutes")) * time.Minute)
			case 1, 2, 3, 4, 5:
				if len(waiting) >= 3 {
					continue
				}
				l.renew(guess, now)
				if l.remaining <= 0 {
					continue
				}
				l.remaining--
				if at := now.Truncate(time.Hour); !at.Equal(period) {
					used, period = 0, at
				}
				if used++; used > limit {
					r.Fatalf("request %d of a limit of %d: %+v", used, limit, l)
				}
				waiting = append(waiting, provider.Quota{Limit: limit, Remaining: limit - used, ResetAt: period.Add(time.Hour)})
			default:
				if len(waiting) > 0 {
					i := rapid.IntRange(0, len(waiting)-1).Draw(r, "answer")
					if waiting[i].ResetAt.After(now) { // an answer takes seconds, not hours
						l.told(waiting[i])
					}
					waiting = append(waiting[:i], waiting[i+1:]...)
				}
			}
		}
	})
}
