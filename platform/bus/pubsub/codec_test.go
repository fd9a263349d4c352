package pubsub_test

import (
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill"
	wmnats "github.com/ThreeDotsLabs/watermill-nats/v2/pkg/nats"
	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/nats-io/nats.go"
	"pgregory.net/rapid"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/platform/bus/bustest"
	"github.com/stridelog/stridelog/platform/bus/pubsub"
	"github.com/stridelog/stridelog/platform/waittest"
)

// The wire format serves watermill-nats too.
var (
	_ wmnats.MarshalerUnmarshaler  = pubsub.CloudEvents{}
	_ message.Subscriber           = (*pubsub.Subscriber)(nil)
	_ message.SubscribeInitializer = (*pubsub.Subscriber)(nil)
)

const (
	patience   = 20 * time.Second
	sampleUser = "00000000-0000-4000-8000-0000000000a1"
	sampleSync = "00000000-0000-4000-8000-0000000000b1"
)

func sample() events.Event {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	return events.Event{
		ID: "5f0c7a1e-0000-4000-8000-000000000001", Source: "stridelog/test", About: sampleSync, Time: at,
		Provider: "fitbit", UserID: sampleUser,
		Data: &events.SyncRequested{
			SyncID: sampleSync, UserID: sampleUser, Provider: "fitbit", Trigger: events.TriggerManual, RequestedAt: at,
			Window: events.Window{From: at, To: at.Add(time.Hour)},
		},
	}
}

// A watermill-nats publisher with our format writes what a plain NATS client reads
// as a CloudEvent, and what our decoder reads as the event it was.
func TestWatermillNATSPublisherWritesPlainCloudEvents(t *testing.T) {
	url := bustest.StartServer(t)
	plain, err := nats.Connect(url)
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()
	sub, err := plain.SubscribeSync("stridelog.>")
	if err != nil {
		t.Fatal(err)
	}
	if err := plain.Flush(); err != nil {
		t.Fatal(err)
	}
	publisher, err := wmnats.NewPublisher(wmnats.PublisherConfig{
		URL: url, Marshaler: pubsub.CloudEvents{}, JetStream: wmnats.JetStreamConfig{Disabled: true},
	}, watermill.NopLogger{})
	if err != nil {
		t.Fatal(err)
	}
	defer publisher.Close()
	e := sample()
	topic, m, err := pubsub.EventMessage(e)
	if err != nil {
		t.Fatal(err)
	}
	if err := publisher.Publish(topic, m); err != nil {
		t.Fatal(err)
	}
	in, err := sub.NextMsg(waittest.Bound(t))
	if err != nil {
		t.Fatal(err)
	}
	want, err := e.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if in.Subject != want.Subject || string(in.Data) != string(want.Data) {
		t.Errorf("read %s %s, want %s %s", in.Subject, in.Data, want.Subject, want.Data)
	}
	if len(in.Header) != len(want.Header) {
		t.Errorf("headers %v, want exactly %v", in.Header, want.Header)
	}
	for k, v := range want.Header {
		if in.Header.Get(k) != v[0] {
			t.Errorf("header %s = %q, want %q", k, in.Header.Get(k), v[0])
		}
	}
	back, err := events.Decode(events.Message{Subject: in.Subject, Header: in.Header, Data: in.Data})
	if err != nil || back.ID != e.ID || back.Type() != e.Type() {
		t.Errorf("decoded %+v, %v", back, err)
	}
	again, err := pubsub.CloudEvents{}.Unmarshal(in)
	if err != nil || again.UUID != e.ID {
		t.Errorf("unmarshalled %v, %v, want UUID %s", again, err, e.ID)
	}
}

func TestSubscriberTellsWhereAMessageLies(t *testing.T) {
	b := bustest.New(t)
	ack, err := b.Publish(t.Context(), sample())
	if err != nil {
		t.Fatal(err)
	}
	s, err := pubsub.NewSubscriber(b.JetStream(), pubsub.SubscriberConfig{
		Stream: func(string) string { return events.StreamSyncs },
		Consumer: func(topic string) pubsub.Consumer {
			return pubsub.Consumer{Durable: "positions", Subjects: []string{topic}}
		},
		RetryDelay: func(uint64) time.Duration { return time.Millisecond },
		Log:        bustest.Logger(t),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	messages, err := s.Subscribe(t.Context(), "stridelog.sync.>")
	if err != nil {
		t.Fatal(err)
	}
	for _, deliveries := range []string{"1", "2"} {
		m := waittest.Receive(t, "delivery "+deliveries, messages)
		for key, want := range map[string]string{
			pubsub.MetaStream: events.StreamSyncs, pubsub.MetaSequence: "1", pubsub.MetaDeliveries: deliveries,
			pubsub.MetaSubject: "stridelog.sync.requested.fitbit." + sampleUser, "ce-type": string(events.TypeSyncRequested), "Nats-Msg-Id": sample().ID,
		} {
			if got := m.Metadata.Get(key); got != want {
				t.Errorf("metadata %s = %q, want %q", key, got, want)
			}
		}
		if m.UUID != sample().ID || ack.Sequence != 1 {
			t.Errorf("UUID %s at %d", m.UUID, ack.Sequence)
		}
		if _, err := time.Parse(time.RFC3339Nano, m.Metadata.Get(pubsub.MetaTime)); err != nil {
			t.Error(err)
		}
		// What is published again carries neither position nor orders to the server.
		out, err := pubsub.CloudEvents{}.Marshal("elsewhere", m)
		if err != nil || len(out.Header) != 9 {
			t.Errorf("marshalled again: %v, %v", out.Header, err)
		}
		m.Nack()
	}
}

// Whatever a stranger put on the subject becomes a message.
func TestUnmarshalNeverFails(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := &nats.Msg{
			Subject: rapid.String().Draw(t, "subject"), Reply: rapid.String().Draw(t, "reply"),
			Header: rapid.MapOf(rapid.String(), rapid.SliceOfN(rapid.String(), 0, 3)).Draw(t, "header"),
			Data:   rapid.SliceOf(rapid.Byte()).Draw(t, "data"),
		}
		m, err := pubsub.CloudEvents{}.Unmarshal(in)
		if err != nil || string(m.Payload) != string(in.Data) {
			t.Fatalf("unmarshal: %v, %v", m, err)
		}
	})
}

func TestMarshalRefusesWhatWouldForgeAHeader(t *testing.T) {
	for name, spoil := range map[string]func(*message.Message){
		"line break in a value": func(m *message.Message) { m.Metadata.Set("x", "a\r\nNats-Rollup: all") },
		"colon in a key":        func(m *message.Message) { m.Metadata.Set("a:b", "x") },
		"empty key":             func(m *message.Message) { m.Metadata.Set("", "x") },
		"line break in the id":  func(m *message.Message) { m.UUID = "a\nb" },
	} {
		m := message.NewMessage("id", nil)
		spoil(m)
		if _, err := (pubsub.CloudEvents{}).Marshal("topic", m); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestBackoffGrowsToAMinute(t *testing.T) {
	var before, sum time.Duration
	for n := uint64(1); n <= 19; n++ {
		d := pubsub.Backoff(n)
		if d < before || d > time.Minute {
			t.Errorf("delay %d is %v after %v", n, d, before)
		}
		before, sum = d, sum+d
	}
	if pubsub.Backoff(1) != 100*time.Millisecond || before != time.Minute || sum < 9*time.Minute || sum > 12*time.Minute {
		t.Errorf("first %v, last %v, sum %v", pubsub.Backoff(1), before, sum)
	}
	if pubsub.Backoff(1<<60) != time.Minute {
		t.Error("a huge count has another delay")
	}
}
