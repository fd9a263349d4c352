package lifecycle_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"runtime"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"github.com/stridelog/stridelog/platform/lifecycle"
	"github.com/stridelog/stridelog/platform/waittest"
)

// recorder notes what happens, in order.
type recorder struct {
	mu    sync.Mutex
	lines []string
}

func (d *recorder) note(line string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lines = append(d.lines, line)
}

func (d *recorder) String() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return strings.Join(d.lines, " ")
}

// steady runs until it is stopped.
func (d *recorder) steady(name string) lifecycle.Component {
	return lifecycle.Component{Name: name, Run: func(ctx context.Context, ready func()) error {
		d.note("+" + name)
		ready()
		ready() // more than once is fine
		<-ctx.Done()
		d.note("-" + name)
		return ctx.Err()
	}}
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// run fails the test when Run hangs.
func run(t *testing.T, ctx context.Context, components ...lifecycle.Component) error {
	t.Helper()
	ended := make(chan error, 1)
	go func() { ended <- lifecycle.Run(ctx, quiet(), components...) }()
	return waittest.Receive(t, "Run returns", ended)
}

func TestStartsInOrderAndStopsInReverse(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	var d recorder
	last := lifecycle.Component{Name: "last", Run: func(ctx context.Context, ready func()) error {
		ready()
		cancel()
		<-ctx.Done()
		d.note("-last")
		return nil
	}}
	if err := run(t, ctx, d.steady("a"), d.steady("b"), last); err != nil {
		t.Errorf("a plain end says %v", err)
	}
	if got := d.String(); got != "+a +b -last -b -a" {
		t.Errorf("it went %s", got)
	}
}

func TestTheNextWaitsForReady(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	release, started := make(chan struct{}), make(chan struct{})
	slow := lifecycle.Component{Name: "slow", Run: func(ctx context.Context, ready func()) error {
		close(started)
		<-release
		ready()
		<-ctx.Done()
		return nil
	}}
	next := lifecycle.Component{Name: "next", Run: func(ctx context.Context, ready func()) error {
		select {
		case <-release:
		default:
			t.Error("it started before the one before was ready")
		}
		ready()
		cancel()
		<-ctx.Done()
		return nil
	}}
	ended := make(chan error, 1)
	go func() { ended <- lifecycle.Run(ctx, quiet(), slow, next) }()
	<-started
	close(release)
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestAnEndWhileStartingStartsNoMore(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	var d recorder
	never := lifecycle.Component{Name: "never", Run: func(ctx context.Context, _ func()) error {
		cancel()
		<-ctx.Done()
		return ctx.Err()
	}}
	if err := run(t, ctx, d.steady("a"), never, d.steady("b")); err != nil {
		t.Errorf("a plain end says %v", err)
	}
	if got := d.String(); got != "+a -a" {
		t.Errorf("it went %s", got)
	}
}

var errBroken = errors.New("broken")

func TestEveryWayToFailStopsTheOthers(t *testing.T) {
	ways := map[string]struct {
		run  func(ctx context.Context, ready func()) error
		want string
	}{
		"error before ready":      {func(context.Context, func()) error { return errBroken }, "bad: broken"},
		"error after ready":       {func(_ context.Context, ready func()) error { ready(); return errBroken }, "bad: broken"},
		"panic":                   {func(_ context.Context, ready func()) error { ready(); panic("ouch") }, "bad: panic: ouch"},
		"nil panic":               {func(context.Context, func()) error { var p *int; *p = 1; return nil }, "bad: panic: "}, //nolint:govet // on purpose
		"return without an error": {func(_ context.Context, ready func()) error { ready(); return nil }, "bad: it stopped though nobody asked"},
		"return before ready":     {func(context.Context, func()) error { return nil }, "bad: it stopped though nobody asked"},
		"own cancellation":        {func(context.Context, func()) error { return context.Canceled }, "bad: context canceled"},
		"end of its goroutine":    {func(context.Context, func()) error { runtime.Goexit(); return nil }, "bad: its goroutine ended"},
	}
	for name, way := range ways {
		t.Run(name, func(t *testing.T) {
			var d recorder
			err := run(t, t.Context(), d.steady("a"), d.steady("b"), lifecycle.Component{Name: "bad", Run: way.run})
			if err == nil || !strings.HasPrefix(err.Error(), way.want) {
				t.Errorf("error is %v, want %s…", err, way.want)
			}
			if got := d.String(); got != "+a +b -b -a" {
				t.Errorf("it went %s", got)
			}
		})
	}
}

func TestTheFirstErrorWinsAndIsWrapped(t *testing.T) {
	spoilt := lifecycle.Component{Name: "spoilt", Run: func(ctx context.Context, ready func()) error {
		ready()
		<-ctx.Done()
		return errors.New("later")
	}}
	bad := lifecycle.Component{Name: "bad", Run: func(context.Context, func()) error { return errBroken }}
	if err := run(t, t.Context(), spoilt, bad); !errors.Is(err, errBroken) || strings.Contains(err.Error(), "later") {
		t.Errorf("error is %v, want the first", err)
	}
}

func TestAFailureWhileStoppingIsTold(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	spoilt := lifecycle.Component{Name: "spoilt", Run: func(ctx context.Context, ready func()) error {
		ready()
		cancel()
		<-ctx.Done()
		return errBroken
	}}
	if err := run(t, ctx, spoilt); !errors.Is(err, errBroken) {
		t.Errorf("error is %v, want broken", err)
	}
}

func TestAPanicLeavesItsStackInTheLog(t *testing.T) {
	var log bytes.Buffer
	bad := lifecycle.Component{Name: "bad", Run: func(context.Context, func()) error { panic("ouch") }}
	if err := lifecycle.Run(t.Context(), slog.New(slog.NewTextHandler(&log, nil)), bad); err == nil {
		t.Error("a panic is no error")
	}
	if !strings.Contains(log.String(), "lifecycle_test.go") {
		t.Errorf("the log has no stack: %s", &log)
	}
}

func TestNoComponentsWaitForTheEnd(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := run(t, ctx); err != nil {
		t.Error(err)
	}
}

// Whichever component fails, whenever: those that started stop in reverse, the
// later ones never start.
func TestAnyFailureUndoesWhatWasStarted(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.IntRange(1, 6).Draw(rt, "components")
		failing := rapid.IntRange(0, n-1).Draw(rt, "failing")
		var d recorder
		var components []lifecycle.Component
		var want []string
		for i := range n {
			name := string(rune('a' + i))
			c := d.steady(name)
			if i == failing {
				c.Run = func(context.Context, func()) error { return errBroken }
			}
			if i < failing {
				want = append(want, "+"+name)
			}
			components = append(components, c)
		}
		for i := failing - 1; i >= 0; i-- {
			want = append(want, "-"+string(rune('a'+i)))
		}
		if err := run(t, t.Context(), components...); !errors.Is(err, errBroken) {
			rt.Fatalf("error is %v", err)
		}
		if got := d.String(); got != strings.Join(want, " ") {
			rt.Fatalf("it went %s, want %v", got, want)
		}
	})
}
