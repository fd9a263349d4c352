package store

import (
	"time"

	"github.com/stridelog/stridelog/provider"
)

const (
	// maxHalvings bounds how small refusals make a budget: to a 64th.
	maxHalvings = 6
	// sliceShare is which part of a limit may be taken at once: what a process holds is
	// lost to the others, and with it when it ends.
	sliceShare = 20
	// sameReset is how far apart two answers may put the end of one period: they count
	// in whole seconds from when they came.
	sameReset = 2 * time.Second
)

// allowance is how a budget stands. Its periods are the provider's where an answer told
// them, else multiples of the configured length.
type allowance struct {
	Remaining int       `json:"remaining"`
	Quota     int       `json:"quota"` // before halving; zero when unknown
	Answered  bool      `json:"told"`  // the quota comes from an answer, not from configuration
	ResetAt   time.Time `json:"reset_at"`
	Halvings  int       `json:"halvings"`
	Refused   bool      `json:"refused"` // in this period
}

func (a allowance) limit() int {
	if a.Quota == 0 {
		return 0
	}
	return max(1, a.Quota>>a.Halvings)
}

// open says that nothing is known that would bound requests.
func (a allowance) open() bool { return a.Quota == 0 && !a.Refused }

// renew begins a new period once the old one is over. A period without a refusal
// takes one halving back. A lower limit that an answer told stays until the next
// answer; one of our own configuration follows it.
func (a *allowance) renew(configured provider.Budget, now time.Time) {
	if now.Before(a.ResetAt) {
		return
	}
	if !a.Refused && a.Halvings > 0 {
		a.Halvings--
	}
	if configured.Requests > 0 && (!a.Answered || a.Quota > configured.Requests) {
		a.Quota, a.Answered = configured.Requests, false
	}
	per := configured.Per
	if per <= 0 {
		per = time.Hour // until the next answer tells
	}
	a.Refused, a.Remaining, a.ResetAt = false, a.limit(), now.UTC().Truncate(per).Add(per)
}

// told takes over what an answer says. Our own count stays where it is lower: the
// answer does not know what else is on its way.
func (a *allowance) told(q provider.Quota) {
	taken := a.limit() - a.Remaining
	if a.ResetAt.IsZero() || q.ResetAt.After(a.ResetAt.Add(sameReset)) {
		taken, a.Refused = 1, false
		a.ResetAt = q.ResetAt
	} else if q.ResetAt.After(a.ResetAt) || a.ResetAt.Sub(q.ResetAt) > sameReset {
		a.ResetAt = q.ResetAt
	}
	a.Quota, a.Answered = q.Limit, true
	a.Remaining = max(0, min(a.limit()-taken, q.Remaining-(q.Limit-a.limit())))
}

// refuse books a request that came too early by the provider's count, although not by
// ours: the budget is halved, once in a period, and gives nothing before the instant
// that until names for so many halvings.
func (a *allowance) refuse(configured provider.Budget, until func(halvings int) time.Time) {
	if !a.Refused {
		a.Halvings = min(a.Halvings+1, maxHalvings)
	}
	if a.Quota == 0 {
		a.Quota = configured.Requests
	}
	a.Refused, a.Remaining, a.ResetAt = true, 0, until(a.Halvings)
}

// gives is how many of so many requests the budget gives at once: all, or a small part
// of the limit, but one where that is small. So many percent of the limit stay.
func (a allowance) gives(most, percent int) int {
	if a.open() {
		return 1
	}
	reserve := a.limit() * percent / 100
	return max(0, min(max(1, min(most, a.limit()/sliceShare)), a.Remaining-reserve))
}

// stands is the budget as a slice needs to know it.
func (a allowance) stands() Limit {
	if a.open() {
		return Limit{}
	}
	l := Limit{Left: a.Remaining, Requests: a.limit(), ResetAt: a.ResetAt}
	if a.Answered {
		l.Quota = a.Quota
	}
	return l
}

// allowances are the budgets of one owner: a request counts in each of them.
type allowances []allowance

// take takes up to so many requests, the same number off each budget.
func (list allowances) take(most, percent int) Taken {
	t := Taken{Requests: most}
	for _, a := range list {
		t.Requests = min(t.Requests, a.gives(most, percent))
	}
	for i, a := range list {
		if a.open() {
			continue
		}
		list[i].Remaining -= t.Requests
		short := t.Requests == 0 && a.gives(most, percent) == 0
		switch {
		case short && a.ResetAt.After(t.ResetAt): // the last to give again decides
			t.ResetAt = a.ResetAt
		case t.Requests > 0 && (t.ResetAt.IsZero() || a.ResetAt.Before(t.ResetAt)): // the first to end
			t.ResetAt = a.ResetAt
		}
	}
	t.Limits = list.stand()
	return t
}

func (list allowances) stand() []Limit {
	limits := make([]Limit, len(list))
	for i, a := range list {
		limits[i] = a.stands()
	}
	return limits
}
