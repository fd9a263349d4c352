package deploytest

import (
	"bytes"
	"context"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/stridelog/stridelog/standalone/internal/deployment"
)

// capture makes a stream of what goes to the poller's inbox. The permissions of NATS
// know the name of a stream and not its subjects: who may make streams can do this.
func (c *compose) capture(ctx context.Context, t *testing.T) jetstream.Stream {
	t.Helper()
	js := operatorJetStream(t, c.members(t)[deployment.Operator].nc)
	s, err := js.CreateStream(ctx, jetstream.StreamConfig{Name: "CAPTURE", Subjects: []string{"_INBOX_poller.>"}, NoAck: true, Storage: jetstream.MemoryStorage})
	if err != nil {
		t.Fatalf("the operator cannot try it: %v", err)
	}
	return s
}

// checkCaptured reads what the stream stored while records were polled: replies with
// tokens, each sealed for the process that asked.
func checkCaptured(ctx context.Context, t *testing.T, s jetstream.Stream) {
	t.Helper()
	reader, err := s.OrderedConsumer(ctx, jetstream.OrderedConsumerConfig{})
	if err != nil {
		t.Fatal(err)
	}
	sealed := 0
	for {
		m, err := reader.Next(jetstream.FetchMaxWait(5 * time.Second))
		if err != nil {
			t.Fatalf("read what was captured: %v", err)
		}
		if bytes.Contains(m.Data(), []byte(`"access_token"`)) {
			t.Error("a captured reply shows an access token")
		}
		if bytes.Contains(m.Data(), []byte(`"sealed_access_token"`)) {
			sealed++
		}
		meta, err := m.Metadata()
		if err != nil {
			t.Fatal(err)
		}
		if meta.NumPending == 0 {
			break
		}
	}
	if sealed == 0 {
		t.Error("no reply with a token was captured, so nothing was tried")
	}
}
