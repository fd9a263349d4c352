package store

import (
	"time"

	"github.com/stridelog/stridelog/provider"
)

// Slice holds requests that were taken off the budgets of an owner ahead of their use.
// It ends with the first period that ends, and with whoever holds it. The zero Slice
// holds none.
type Slice struct{ held Taken }

// Spend uses one request; false says that there is none to use now.
func (x *Slice) Spend(now time.Time) bool {
	if x.held.Requests == 0 || !now.Before(x.held.ResetAt) {
		return false
	}
	x.held.Requests--
	return true
}

// Refill puts in what the budgets gave, and uses one of it; false says that they gave
// none.
func (x *Slice) Refill(got Taken) bool {
	x.held = got
	if got.Requests == 0 {
		return false
	}
	x.held.Requests--
	return true
}

// Return puts back a request that was not made after all.
func (x *Slice) Return() { x.held.Requests++ }

// Foresaw says whether an answer tells nothing that a budget does not know; it is the
// i-th of its owner.
func (x *Slice) Foresaw(i int, q provider.Quota) bool {
	return x.covers(i, q) && q.Limit == x.held.Limits[i].Quota && !q.ResetAt.After(x.held.Limits[i].ResetAt)
}

// Learn takes over where the budgets stand after they were told an answer; quotas are
// of the i-th budgets. What is held is given up where the answer has no room for it.
func (x *Slice) Learn(quotas map[int]provider.Quota, stand Taken) {
	room := true
	for i, q := range quotas {
		room = room && x.covers(i, q)
	}
	if room {
		stand.Requests, stand.ResetAt = x.held.Requests, soonest(stand.Limits)
	}
	x.held = stand
}

func soonest(limits []Limit) (at time.Time) {
	for _, l := range limits {
		if !l.ResetAt.IsZero() && (at.IsZero() || l.ResetAt.Before(at)) {
			at = l.ResetAt
		}
	}
	return at
}

// covers says whether an answer leaves room for what is held: it is about the same
// period, and nobody else has used that up.
func (x *Slice) covers(i int, q provider.Quota) bool {
	if i >= len(x.held.Limits) {
		return false
	}
	l := x.held.Limits[i]
	return q.ResetAt.Sub(l.ResetAt).Abs() <= sameReset && q.Remaining-(q.Limit-l.Requests) >= l.Left
}

// Hold puts in requests that were taken before.
func (x *Slice) Hold(got Taken) { x.held = got }
