package pubsub_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/stridelog/stridelog/platform/bus/bustest"
	"github.com/stridelog/stridelog/platform/bus/pubsub"
	"github.com/stridelog/stridelog/platform/natsserver"
	"github.com/stridelog/stridelog/platform/waittest"
)

// The server restarts twice under a publisher and a subscriber: every acknowledged
// message arrives, on the same subscription.
func TestSubscriptionOutlivesARestartOfTheServer(t *testing.T) {
	o := natsserver.Options{StoreDir: t.TempDir(), Log: bustest.Logger(t)}
	server, err := natsserver.Start(o)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { server.Stop() }()
	o.Addr = server.Addr()
	b := bustest.Connect(t, server.URL(), "reconnect")
	if _, err := b.JetStream().CreateStream(t.Context(), jetstream.StreamConfig{Name: stream, Subjects: []string{"conformance.>"}}); err != nil {
		t.Fatal(err)
	}
	subscriber := newSubscriber(t, b, "group")
	defer subscriber.Close()
	messages, err := subscriber.Subscribe(t.Context(), "conformance.restart")
	if err != nil {
		t.Fatal(err)
	}
	ctx, publisher := waittest.Context(t), newPublisher(t, server.URL())
	defer publisher.Close()
	const count = 60
	published := make(chan error, 1)
	restart := make(chan struct{}, 2)
	go func() { published <- publishAll(ctx, publisher, count, restart) }()

	missing := map[string]bool{}
	for n := range count {
		missing[fmt.Sprint(n)] = true
	}
	for len(missing) > 0 {
		select {
		case m := <-messages:
			delete(missing, m.UUID)
			m.Ack()
		case <-restart:
			server.Stop()
			if server, err = natsserver.Start(o); err != nil {
				t.Fatal(err)
			}
		case <-ctx.Done():
			t.Fatalf("%d messages of %d never came", len(missing), count)
		}
	}
	if err := <-published; err != nil {
		t.Error(err)
	}
}

// publishAll publishes every message until it is acknowledged, and asks for a
// restart twice on the way.
func publishAll(ctx context.Context, p message.Publisher, count int, restart chan<- struct{}) error {
	for n := range count {
		if n == count/3 || n == 2*count/3 {
			restart <- struct{}{}
		}
		var err error
		for ctx.Err() == nil {
			if err = p.Publish("conformance.restart", message.NewMessage(fmt.Sprint(n), nil)); err == nil {
				break
			}
		}
		if err != nil {
			return fmt.Errorf("message %d: %w", n, err)
		}
	}
	return nil
}

func TestUseAfterCloseIsRefused(t *testing.T) {
	b := bustest.Connect(t, bustest.StartServer(t), "closed")
	declareStream(t, b)
	s := newSubscriber(t, b, "group")
	for range 2 {
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.Subscribe(t.Context(), "conformance.x"); !errors.Is(err, pubsub.ErrClosed) {
		t.Errorf("subscribe after close: %v", err)
	}
	if !b.Conn().IsConnected() {
		t.Error("closing it closed the connection, which is not its own")
	}
}
