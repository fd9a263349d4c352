package pubsub_test

import (
	"strings"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill"
	wmnats "github.com/ThreeDotsLabs/watermill-nats/v2/pkg/nats"
	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/ThreeDotsLabs/watermill/pubsub/tests"
	"github.com/google/uuid"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/platform/bus/bustest"
	"github.com/stridelog/stridelog/platform/bus/pubsub"
)

const stream = "CONFORMANCE"

// features are what the adapter claims. It does not claim order: a message that was
// nacked comes back after later ones. It does not claim exactly-once delivery. A
// reconnect is tested in reconnect_test.go, because the suite wants a command.
func features() tests.Features {
	return tests.Features{
		ConsumerGroups: true,
		Persistent:     true,
		GenerateTopicFunc: func(t tests.TestContext) string {
			return "conformance." + t.TestID.String()
		},
	}
}

// declareStream makes the one stream that holds every topic of the suite.
func declareStream(t testing.TB, b *bus.Bus) {
	t.Helper()
	if _, err := b.JetStream().CreateOrUpdateStream(t.Context(), jetstream.StreamConfig{
		Name: stream, Subjects: []string{"conformance.>"}, PersistMode: jetstream.AsyncPersistMode,
	}); err != nil {
		t.Fatal(err)
	}
}

func newSubscriber(t testing.TB, b *bus.Bus, group string) *pubsub.Subscriber {
	t.Helper()
	s, err := pubsub.NewSubscriber(b.JetStream(), pubsub.SubscriberConfig{
		Stream: func(string) string { return stream },
		Consumer: func(topic string) pubsub.Consumer {
			return pubsub.Consumer{
				Durable:  group + "-" + strings.ReplaceAll(topic, ".", "_"),
				Subjects: []string{topic},
				AckWait:  5 * time.Second,
			}
		},
		RetryDelay: func(uint64) time.Duration { return time.Millisecond },
		Log:        bustest.Logger(t),
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// newPublisher is the publisher of watermill-nats with our wire format. It has a
// connection of its own, because its Close closes the connection.
func newPublisher(t testing.TB, url string) message.Publisher {
	t.Helper()
	p, err := wmnats.NewPublisher(wmnats.PublisherConfig{
		URL: url, Marshaler: pubsub.CloudEvents{}, NatsOptions: []nats.Option{nats.ReconnectWait(10 * time.Millisecond), nats.MaxReconnects(-1)},
	}, watermill.NopLogger{})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestConformance(t *testing.T) {
	url := bustest.StartServer(t)
	b := bustest.Connect(t, url, "conformance")
	declareStream(t, b)
	inGroup := func(t *testing.T, group string) (message.Publisher, message.Subscriber) {
		return newPublisher(t, url), newSubscriber(t, b, group)
	}
	tests.TestPubSub(t, features(), func(t *testing.T) (message.Publisher, message.Subscriber) { return inGroup(t, "group") }, inGroup)
}

// A new consumer group sees what was published before it came.
func TestConformanceOldMessages(t *testing.T) {
	url := bustest.StartServer(t)
	b := bustest.Connect(t, url, "conformance")
	declareStream(t, b)
	f := features()
	f.NewSubscriberReceivesOldMessages = true
	tests.TestNewSubscriberReceivesOldMessages(t, tests.TestContext{TestID: tests.NewTestID(), Features: f},
		func(t *testing.T) (message.Publisher, message.Subscriber) {
			return newPublisher(t, url), newSubscriber(t, b, "group"+uuid.NewString())
		})
}
