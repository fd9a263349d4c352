package bus_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/platform/bus/bustest"
	"github.com/stridelog/stridelog/platform/waittest"
)

// lines collects log lines from many goroutines.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func TestOnlyAnUnexpectedFailureIsWarnedOf(t *testing.T) {
	for name, c := range map[string]struct {
		failure error
		warned  bool
	}{
		"a failure":           {errors.New("the database is away"), true},
		"what is not yet due": {bus.NotYet(errors.New("its connection is unknown")), false},
	} {
		t.Run(name, func(t *testing.T) {
			b := bustest.New(t)
			var log lines
			r, err := b.NewRouter("tester", slog.New(slog.NewTextHandler(&log, nil)), connections(func(_ context.Context, d bus.Delivery) error {
				if d.Deliveries == 1 {
					return c.failure
				}
				return nil
			}))
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			ready, ended := make(chan struct{}), make(chan error, 1)
			go func() { ended <- r.Run(ctx, func() { close(ready) }) }()
			waittest.Receive(t, "the router to be ready", ready)
			publish(t, b, activated(u1))
			awaitHandled(t, b, "tester-connections")
			cancel()
			if err := waittest.Receive(t, "the router to stop", ended); err != nil {
				t.Fatal(err)
			}
			if warned := strings.Contains(log.String(), "level=WARN"); warned != c.warned {
				t.Errorf("warned: %v, want %v\n%s", warned, c.warned, log.String())
			}
			if strings.Contains(log.String(), "level=ERROR") {
				t.Errorf("a failure that is tried again is logged as an error\n%s", log.String())
			}
		})
	}
}
