// Package waittest waits in tests for what other goroutines, processes and servers do.
// A wait ends when the thing happens. Its bound is there only so that a broken test ends
// and says what it waited for: it is far beyond what a loaded machine needs, and never
// what a test measures.
package waittest

import (
	"context"
	"fmt"
	"testing"
	"time"
)

const (
	// still is how long nothing may change before a wait is given up.
	still = 5 * time.Minute
	// whole is how long all the steps of a test may take together, see Context.
	whole = 20 * time.Minute
	// margin is what a failed wait leaves of the time of the test binary: for the
	// message, for what the test closes, and for the tests after it.
	margin = 20 * time.Second
	// pause is the time between two looks at a condition.
	pause = 10 * time.Millisecond
)

// Until looks until a condition holds. It is of use for conditions without a state to
// show; State is the better one for the others.
func Until(t testing.TB, what string, holds func() bool) {
	t.Helper()
	State(t, what, func() (string, bool) { return "", holds() })
}

// State looks until look says that it is done. What look saw last stands in the failure.
// A state that changes is progress: the bound begins anew with each.
func State(t testing.TB, what string, look func() (state string, done bool)) {
	t.Helper()
	if err := watch(t, Bound, look); err != nil {
		t.Fatalf("waited for this in vain: %s: %v", what, err)
	}
}

// watch looks until it is done, or until nothing has changed for a bound.
func watch(t testing.TB, bound func(testing.TB) time.Duration, look func() (string, bool)) error {
	began, left := time.Now(), bound(t)
	tick := time.NewTicker(pause)
	defer tick.Stop()
	changed, looks, last := began, 0, ""
	for {
		state, done := look()
		if done {
			return nil
		}
		looks++
		if state != last {
			last, changed, left = state, time.Now(), bound(t)
		}
		if time.Since(changed) >= left {
			if last == "" {
				return fmt.Errorf("looked %d times in %v", looks, time.Since(began).Round(time.Millisecond))
			}
			return fmt.Errorf("looked %d times in %v and saw last, %v ago: %s",
				looks, time.Since(began).Round(time.Millisecond), time.Since(changed).Round(time.Millisecond), last)
		}
		select {
		case <-tick.C:
		case <-t.Context().Done():
			return fmt.Errorf("the test ended; saw last: %s", last)
		}
	}
}

// Receive takes a value from a channel; the zero value if it is closed.
func Receive[T any](t testing.TB, what string, from <-chan T) T {
	t.Helper()
	bound := Bound(t)
	timer := time.NewTimer(bound)
	defer timer.Stop()
	select {
	case v := <-from:
		return v
	case <-timer.C:
		t.Fatalf("waited %v in vain for this: %s", bound.Round(time.Second), what)
		panic("unreachable")
	}
}

// Context ends before the test's binary does: calls with it need no bound of their own.
func Context(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeoutCause(t.Context(), atMost(t, whole), fmt.Errorf("%s took longer than a loaded machine needs", t.Name()))
	t.Cleanup(cancel)
	return ctx
}

// Bound is the longest time that one wait may take, for calls that want a duration.
func Bound(t testing.TB) time.Duration { return atMost(t, still) }

// atMost is a time, or what the test's own deadline leaves of it.
func atMost(t testing.TB, limit time.Duration) time.Duration {
	d, ok := t.(interface{ Deadline() (time.Time, bool) })
	if !ok { // a benchmark, a fuzz target or a wrapped test
		return limit
	}
	end, ok := d.Deadline()
	if !ok {
		return limit
	}
	return max(min(limit, time.Until(end)-margin), time.Second)
}
