package bus

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/stridelog/stridelog/platform/natsserver"
)

func TestWhichErrorsMeanThatAStreamTakesNothing(t *testing.T) {
	refused := func(code jetstream.ErrorCode) error { return &jetstream.APIError{ErrorCode: code} }
	for name, x := range map[string]struct {
		err    error
		waited time.Duration
		want   bool
	}{
		"no answer":           {fmt.Errorf("publish: %w", context.DeadlineExceeded), 5 * time.Second, true},
		"an impatient caller": {context.DeadlineExceeded, 50 * time.Millisecond, false},
		"stopped":             {context.Canceled, 5 * time.Second, false},
		"the store failed":    {refused(codeStoreFailed), 0, true},
		"no batch":            {refused(codeBatchIncomplete), 0, true},
		"no JetStream":        {jetstream.ErrNoStreamResponse, 0, true},
		"somebody else wrote": {refused(codeWrongLastSequence), 0, false},
		"too large":           {nats.ErrMaxPayload, 0, false},
		"something else":      {errors.New("odd"), 5 * time.Second, false},
	} {
		if got := refuses(x.err, x.waited); got != x.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}

// A refusal lasts until a write is taken, a new connection is made, or nobody has
// tried for a while.
func TestARefusalEnds(t *testing.T) {
	dir := t.TempDir()
	server, err := natsserver.Start(natsserver.Options{StoreDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Stop() })
	nc, err := Connect(t.Context(), server.URL(), "test", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	b, err := New(nc, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	b.refusals.now = func() time.Time { return now }
	refuse := func() {
		t.Helper()
		b.wrote("A", now, &jetstream.APIError{ErrorCode: codeStoreFailed})
		if r := b.Refusals(); len(r) != 1 || r[0].Stream != "A" {
			t.Fatalf("refusals are %v", r)
		}
	}
	ended := func(why string) {
		t.Helper()
		if r := b.Refusals(); len(r) != 0 {
			t.Errorf("%s: refusals are %v", why, r)
		}
	}
	refuse()
	began := now
	now = now.Add(time.Minute)
	refuse()
	if r := b.Refusals(); !r[0].Since.Equal(began) {
		t.Errorf("it began %s", r[0].Since)
	}
	b.wrote("B", now, nil)
	b.acknowledged("A", now, &jetstream.PubAck{Duplicate: true}, nil)
	if len(b.Refusals()) != 1 {
		t.Error("a write that was taken before, or by another stream, counts")
	}
	b.wrote("A", now, nil)
	ended("after a write")
	refuse()
	now = now.Add(refusalFresh + time.Second)
	ended("after a while")
	refuse()
	addr := server.Addr()
	back := make(chan struct{}, 1)
	nc.SetReconnectHandler(func(*nats.Conn) { back <- struct{}{} })
	server.Stop()
	if server, err = natsserver.Start(natsserver.Options{StoreDir: dir, Addr: addr}); err != nil {
		t.Fatal(err)
	}
	<-back
	ended("after a new connection")
}
