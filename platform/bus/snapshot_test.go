package bus_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/platform/bus/bustest"
)

// A stream of more than the server sends before it wants an answer comes back with its
// sequences, its epoch and its consumers, while somebody writes into it.
func TestAStreamComesBackFromItsSnapshot(t *testing.T) {
	b := bustest.Connect(t, bustest.StartServer(t), "snapshot")
	if err := b.DeclareStreams(t.Context()); err != nil {
		t.Fatal(err)
	}
	const messages = 120
	record := make([]byte, 200<<10)
	write := func() {
		t.Helper()
		record[0]++
		if _, err := b.JetStream().Publish(t.Context(), "stridelog.activity.fetched.fitbit.somebody", record); err != nil {
			t.Fatal(err)
		}
	}
	for range messages {
		write()
	}
	before := streamInfo(t, b.JetStream())
	if _, err := b.JetStream().CreateConsumer(t.Context(), events.StreamFacts, jetstream.ConsumerConfig{Durable: "reader"}); err != nil {
		t.Fatal(err)
	}
	var copied bytes.Buffer
	s, err := b.TakeSnapshot(t.Context(), events.StreamFacts, &copied)
	if err != nil {
		t.Fatal(err)
	}
	write()
	holds, err := s.Holds()
	if err != nil || holds.Messages != messages || holds.LastSequence != messages || s.Epoch() != before.Config.Metadata["stridelog_epoch"] || s.Name() != events.StreamFacts {
		t.Errorf("the snapshot is of %q, epoch %q, and holds %+v: %v", s.Name(), s.Epoch(), holds, err)
	}

	other := bustest.Connect(t, bustest.StartServer(t), "restore")
	if err := other.RestoreSnapshot(t.Context(), s, bytes.NewReader(copied.Bytes())); err != nil {
		t.Fatal(err)
	}
	after := streamInfo(t, other.JetStream())
	if after.State.Msgs != messages || after.State.LastSeq != messages || after.State.Bytes != before.State.Bytes || after.State.Consumers != 1 {
		t.Errorf("the stream was %+v and is %+v", before.State, after.State)
	}
	if err := other.RestoreSnapshot(t.Context(), s, bytes.NewReader(copied.Bytes())); err == nil {
		t.Error("a stream that exists is restored over")
	}
	broken := bustest.Connect(t, bustest.StartServer(t), "broken")
	if err := broken.RestoreSnapshot(t.Context(), s, bytes.NewReader(copied.Bytes()[:copied.Len()/2])); err == nil {
		t.Error("half a snapshot is restored")
	}
	if _, err := b.TakeSnapshot(t.Context(), "STRIDELOG_NOTHING", io.Discard); err == nil || !strings.Contains(err.Error(), "not found") {
		t.Errorf("of a stream that does not exist: %v", err)
	}
	stopped, stop := context.WithCancel(t.Context())
	stop()
	if _, err := b.TakeSnapshot(stopped, events.StreamFacts, io.Discard); !errors.Is(err, context.Canceled) {
		t.Errorf("a snapshot that was stopped: %v", err)
	}
}

func streamInfo(t *testing.T, js jetstream.JetStream) *jetstream.StreamInfo {
	t.Helper()
	stream, err := js.Stream(t.Context(), events.StreamFacts)
	if err != nil {
		t.Fatal(err)
	}
	return stream.CachedInfo()
}
