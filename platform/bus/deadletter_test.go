package bus_test

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/platform/bus/bustest"
	"github.com/stridelog/stridelog/platform/waittest"
)

// The original fills the largest message there can be, so it does not fit beside
// the reason: the dead letter says where it lies.
func TestDeadLetterOfTheLargestMessagePointsToIt(t *testing.T) {
	b := bustest.New(t)
	large := &nats.Msg{Subject: "stridelog.connection.activated.fitbit." + u1, Header: nats.Header{"x-kept": {"yes"}}, Data: bytes.Repeat([]byte("x"), 8<<20-100)}
	ack, err := b.JetStream().PublishMsg(t.Context(), large)
	if err != nil {
		t.Fatal(err)
	}
	runRouter(t, b, connections(func(context.Context, bus.Delivery) error { return nil }))
	dead := deadLetters(t, b, 1)[0]
	if len(dead.Message.Data) != 0 || header(dead, bus.HeaderDeadDataOmitted) != "true" || header(dead, "x-kept") != "yes" || header(dead, bus.HeaderDeadSequence) != "1" {
		t.Errorf("dead letter of %d bytes: %v", len(dead.Message.Data), dead.Message.Header)
	}
	if original, err := b.Get(t.Context(), events.StreamFacts, ack.Sequence); err != nil || !slices.Equal(original.Message.Data, large.Data) {
		t.Errorf("the original: %v", err)
	}
}

func TestDeadLetterDropsOrdersToTheServerAndKeepsReasonsShort(t *testing.T) {
	b := bustest.New(t)
	first, _ := publishPage(t, b, activities(u1, 0, 2), 0)
	d, err := b.Get(t.Context(), events.StreamFacts, first)
	if err != nil {
		t.Fatal(err)
	}
	if d.Message.Header["Nats-Batch-Id"] == nil {
		t.Fatal("the control is wrong: the original has no batch header")
	}
	if err := b.DeadLetter(t.Context(), "tester", d, errors.New(strings.Repeat("long\r\n", 1000))); err != nil {
		t.Fatal(err)
	}
	dead := readAll(t, b, events.StreamDeadLetters)[0]
	for name := range dead.Message.Header {
		if strings.HasPrefix(name, "Nats-") && name != "Nats-Msg-Id" {
			t.Errorf("header %s was carried over", name)
		}
	}
	if reason := header(dead, bus.HeaderDeadReason); len([]rune(reason)) != 1001 || strings.ContainsAny(reason, "\r\n") {
		t.Errorf("a reason of %d characters", len([]rune(reason)))
	}
}

// A service that is stopped in the middle of the last try has not failed.
func TestStoppingIsNoFailure(t *testing.T) {
	b := bustest.New(t)
	publish(t, b, activated(u1))
	started := make(chan struct{}, 1)
	h := connections(func(ctx context.Context, _ bus.Delivery) error {
		started <- struct{}{}
		<-ctx.Done()
		return ctx.Err()
	})
	h.MaxDeliver = 1
	stop := runRouter(t, b, h)
	waittest.Receive(t, "the handler to start", started)
	stop()

	handled := make(chan bus.Delivery, 1)
	h.Handle = func(_ context.Context, d bus.Delivery) error {
		handled <- d
		return nil
	}
	runRouter(t, b, h)
	if d := waittest.Receive(t, "the event, after the restart", handled); d.Event.UserID != u1 {
		t.Errorf("handled %+v", d)
	}
	if dead := readAll(t, b, events.StreamDeadLetters); len(dead) != 0 {
		t.Errorf("%d dead letters", len(dead))
	}
}
