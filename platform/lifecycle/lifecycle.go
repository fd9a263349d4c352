// Package lifecycle starts the parts of a process in order and stops them in
// reverse.
package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"
)

// slowStop is when a component that has not stopped is named in the log.
const slowStop = 10 * time.Second

// Component is one part of a process.
type Component struct {
	Name string
	// Run works until ctx ends, then cleans up and returns nil or ctx's error.
	// It calls ready, once or more, when later components may rely on it.
	Run func(ctx context.Context, ready func()) error
}

// Run starts the components in order, each once the one before called ready,
// and blocks. When ctx ends or a component fails, it stops them one by one in
// reverse order and returns the first error; nil means that ctx ended and
// everything stopped cleanly.
//
// A panic in a component's Run is an error of that component; panics in
// goroutines that it starts are beyond reach. A component that returns before
// it is asked to is a failure even without an error: the others rely on it.
func Run(ctx context.Context, log *slog.Logger, components ...Component) error {
	g := &group{log: log, failed: make(chan struct{})}
	for _, c := range components {
		if !g.start(ctx, c) {
			break
		}
	}
	select {
	case <-ctx.Done():
	case <-g.failed:
	}
	g.stop()
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.err
}

type group struct {
	log     *slog.Logger
	running []*task

	mu     sync.Mutex
	err    error
	failed chan struct{} // closed with the first error
}

type task struct {
	name   string
	cancel context.CancelFunc
	ready  chan struct{}
	done   chan struct{}
}

// start reports whether the next component may start.
func (g *group) start(ctx context.Context, c Component) bool {
	select {
	case <-ctx.Done():
		return false
	case <-g.failed:
		return false
	default:
	}
	// The component outlives ctx until its turn to stop comes.
	own, cancel := context.WithCancel(context.WithoutCancel(ctx))
	t := &task{name: c.Name, cancel: cancel, ready: make(chan struct{}), done: make(chan struct{})}
	g.running = append(g.running, t)
	began := time.Now()
	go func() {
		defer close(t.done)
		err := errors.New("its goroutine ended without returning") // runtime.Goexit
		defer func() { g.ended(own, c.Name, err) }()
		err = call(own, c, sync.OnceFunc(func() { close(t.ready) }), g.log)
	}()
	select {
	case <-t.ready:
		g.log.Debug("component is ready", "component", c.Name, "took", time.Since(began))
		return true
	case <-ctx.Done():
		return false
	case <-g.failed:
		return false
	}
}

// ended notes how a component came back.
func (g *group) ended(ctx context.Context, name string, err error) {
	asked := ctx.Err() != nil
	switch {
	case asked && (err == nil || errors.Is(err, context.Canceled)):
		return
	case err == nil:
		err = errors.New("it stopped though nobody asked it to")
	}
	err = fmt.Errorf("%s: %w", name, err)
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.err != nil {
		g.log.Error("another component failed too", "component", name, "error", err)
		return
	}
	g.err = err
	close(g.failed)
}

func (g *group) stop() {
	for i := len(g.running) - 1; i >= 0; i-- {
		t := g.running[i]
		slow := time.AfterFunc(slowStop, func() {
			g.log.Warn("component is slow to stop", "component", t.name, "waited", slowStop)
		})
		t.cancel()
		<-t.done
		slow.Stop()
	}
}

// call turns a panic into an error.
func call(ctx context.Context, c Component, ready func(), log *slog.Logger) (err error) {
	defer func() {
		if p := recover(); p != nil {
			log.Error("component panicked", "component", c.Name, "stack", string(debug.Stack()))
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	return c.Run(ctx, ready)
}
