package store

import (
	"time"

	"github.com/stridelog/stridelog/provider"
)

// Slice holds requests that were taken off a budget ahead of their use. It ends with
// the budget's period, and with whoever holds it. The zero Slice holds none.
type Slice struct{ held Taken }

// Spend uses one request; false says that there is none to use now.
func (x *Slice) Spend(now time.Time) bool {
	if x.held.Requests == 0 || !now.Before(x.held.ResetAt) {
		return false
	}
	x.held.Requests--
	return true
}

// Refill puts in what a budget gave, and uses one of it; false says that it gave none.
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

// Foresaw says whether an answer tells nothing that the budget does not know.
func (x *Slice) Foresaw(q provider.Quota) bool {
	return x.covers(q) && q.Limit == x.held.Quota && !q.ResetAt.After(x.held.ResetAt)
}

// Learn takes over where the budget stands after it was told an answer. What is held
// is given up where the answer has no room for it.
func (x *Slice) Learn(q provider.Quota, stands Taken) {
	if x.covers(q) {
		stands.Requests = x.held.Requests
	}
	x.held = stands
}

// covers says whether an answer leaves room for what is held: it is about the same
// period, and nobody else has used that up.
func (x *Slice) covers(q provider.Quota) bool {
	return q.ResetAt.Sub(x.held.ResetAt).Abs() <= sameReset && q.Remaining-(q.Limit-x.held.Limit) >= x.held.Left
}
