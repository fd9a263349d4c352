package waittest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func minute(testing.TB) time.Duration { return time.Minute }

// A wait lasts as long as something changes, however slow it is, and a failed one says
// what was seen.
func TestAWaitEndsWhenNothingChangesAnyMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		seen := func(last int) func() (string, bool) {
			return func() (string, bool) {
				n := min(int(time.Since(began)/(50*time.Second)), last)
				return fmt.Sprintf("%d of 8", n), n == 8
			}
		}
		if err := watch(t, minute, seen(8)); err != nil || time.Since(began) != 400*time.Second {
			t.Errorf("eight steps of 50 s with a bound of a minute ended after %v: %v", time.Since(began), err)
		}
		began = time.Now()
		err := watch(t, minute, seen(3))
		if err == nil || !strings.Contains(err.Error(), "3 of 8") || time.Since(began) != 210*time.Second {
			t.Errorf("a wait that stands still from 150 s on ended after %v: %v", time.Since(began), err)
		}
	})
}

func TestAWaitWithoutAStateEndsAtItsBound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		if err := watch(t, minute, func() (string, bool) { return "", false }); err == nil || time.Since(began) != time.Minute {
			t.Errorf("ended after %v: %v", time.Since(began), err)
		}
	})
}

// test is one whose binary has so much time left.
type test struct {
	testing.TB
	left time.Duration
}

func (t test) Deadline() (time.Time, bool) { return time.Now().Add(t.left), t.left > 0 }

func TestABoundLeavesTimeForTheFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for left, want := range map[time.Duration]time.Duration{
			0: still, time.Hour: still, still + margin: still, time.Minute: time.Minute - margin, margin: time.Second,
		} {
			if got := Bound(test{t, left}); got != want {
				t.Errorf("with %v left a wait takes up to %v, want %v", left, got, want)
			}
		}
		if got := Bound(struct{ testing.TB }{t}); got != still {
			t.Errorf("a wrapped test waits up to %v, want %v", got, still)
		}
		ctx := Context(test{t, time.Minute})
		<-ctx.Done()
		if cause := context.Cause(ctx); errors.Is(cause, context.DeadlineExceeded) || !strings.Contains(cause.Error(), t.Name()) {
			t.Errorf("a context ended with %v, want the test's name", cause)
		}
	})
}
