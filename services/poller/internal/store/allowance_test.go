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
	waiting  map[int]provider.Quota // the answer that is on its way
}

// ask makes a request, if the budgets have one.
func (h *holder) ask(list allowances, p Purse, now time.Time) bool {
	h.requests++
	if h.slice.Spend(now) {
		return true
	}
	for i, b := range p.Budgets {
		list[i].renew(b, now)
	}
	return h.slice.Refill(list.take(h.requests, 0))
}

func (h *holder) answered(list allowances) {
	news := map[int]provider.Quota{}
	for i, q := range h.waiting {
		if !h.slice.Foresaw(i, q) {
			list[i].told(q)
			news[i] = q
		}
	}
	if len(news) > 0 {
		h.slice.Learn(news, Taken{Limits: list.stand()})
	}
}

// late says whether some period of an answer is over when it comes. An answer takes
// seconds, not hours.
func (h *holder) late(now time.Time) bool {
	for _, q := range h.waiting {
		if !q.ResetAt.After(now) {
			return true
		}
	}
	return false
}

// counted is a limit of the provider's, and what was used of it in the present period.
type counted struct {
	limit  int
	per    time.Duration
	used   int
	period time.Time
}

func (c *counted) use(now time.Time) bool {
	if at := now.Truncate(c.per); !at.Equal(c.period) {
		c.used, c.period = 0, at
	}
	c.used++
	return c.used <= c.limit
}

// Answers may say anything and come in any order, and any process may hold requests
// ahead and die with them: within one period of the provider our requests never exceed
// one of its limits.
func TestBudgetsNeverAllowMoreThanTheProvider(t *testing.T) {
	ahead := false
	rapid.Check(t, func(r *rapid.T) {
		now := time.Date(2026, 5, 10, 12, 0, 0, 0, time.UTC)
		p := Purse{Account: "a"}
		var limits []*counted
		for _, per := range []time.Duration{time.Hour, 4 * time.Hour}[:rapid.IntRange(1, 2).Draw(r, "budgets")] {
			limit := rapid.IntRange(2, 150).Draw(r, "limit")
			limits = append(limits, &counted{limit: limit, per: per, period: now})
			p.Budgets = append(p.Budgets, provider.Budget{Name: per.String(), Requests: limit + rapid.IntRange(-1, 0).Draw(r, "guess"), Per: per})
		}
		list := make(allowances, len(limits))
		var holders [3]holder
		for range rapid.IntRange(1, 300).Draw(r, "steps") {
			h := &holders[rapid.IntRange(0, len(holders)-1).Draw(r, "holder")]
			switch rapid.IntRange(0, 19).Draw(r, "step") {
			case 0:
				now = now.Add(time.Duration(rapid.IntRange(1, 50).Draw(r, "minutes")) * time.Minute)
			case 1:
				*h = holder{}
			default:
				if h.waiting != nil {
					if !h.late(now) {
						h.answered(list)
					}
					h.waiting = nil
					continue
				}
				if !h.ask(list, p, now) {
					continue
				}
				ahead = ahead || h.slice.held.Requests > 0
				h.waiting = map[int]provider.Quota{}
				for i, l := range limits {
					if !l.use(now) {
						r.Fatalf("request %d of a limit of %d: %+v", l.used, l.limit, list)
					}
					h.waiting[i] = provider.Quota{Limit: l.limit, Remaining: l.limit - l.used, ResetAt: l.period.Add(l.per)}
				}
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
		for place := range 2 { // the other budget of the owner is as it was
			list := allowances{{Remaining: 95, Quota: 100, Answered: true, ResetAt: reset}, {Remaining: 95, Quota: 100, Answered: true, ResetAt: reset}}
			var x Slice
			if !x.Refill(list.take(5, 0)) || !x.Spend(now) {
				t.Fatalf("%s: nothing was taken of %+v", name, list)
			}
			if got := x.Foresaw(place, test.quota); got != test.foreseen {
				t.Errorf("%s: foreseen %t", name, got)
			}
			list[place].told(test.quota)
			x.Learn(map[int]provider.Quota{place: test.quota}, Taken{Limits: list.stand()})
			if got := x.Spend(now); got != test.kept {
				t.Errorf("%s: still held %t", name, got)
			}
		}
	}
}

func TestTheTighterOfTwoBudgetsDecides(t *testing.T) {
	noon := time.Date(2026, 5, 10, 12, 0, 0, 0, time.UTC)
	quarter, night := noon.Add(15*time.Minute), noon.Add(12*time.Hour)
	list := func(short, long int) allowances {
		return allowances{{Remaining: short, Quota: 100, ResetAt: quarter}, {Remaining: long, Quota: 1000, ResetAt: night}}
	}
	for name, test := range map[string]struct {
		list    allowances
		percent int
		got     int
		resetAt time.Time
	}{
		"plenty":                     {list(100, 1000), 0, 5, quarter},
		"few in this quarter":        {list(3, 1000), 0, 3, quarter},
		"few today":                  {list(100, 2), 0, 2, quarter},
		"none in this quarter":       {list(0, 1000), 0, 0, quarter},
		"none today":                 {list(100, 0), 0, 0, night},
		"none in either":             {list(0, 0), 0, 0, night},
		"what is left is for others": {list(100, 899), 90, 0, night},
		"nothing is known of one":    {allowances{{}, {Remaining: 1000, Quota: 1000, ResetAt: night}}, 0, 1, night},
		"nothing is known":           {allowances{{}, {}}, 0, 1, time.Time{}},
	} {
		before := append(allowances{}, test.list...)
		got := test.list.take(25, test.percent)
		if got.Requests != test.got || !got.ResetAt.Equal(test.resetAt) {
			t.Errorf("%s: %d until %s", name, got.Requests, got.ResetAt)
		}
		for i := range before {
			if taken := before[i].Remaining - test.list[i].Remaining; taken != got.Requests && !before[i].open() {
				t.Errorf("%s: %d were taken of budget %d", name, taken, i)
			}
		}
	}
}
