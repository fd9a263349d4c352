package bus_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/platform/bus/bustest"
)

func TestAReaderKeepsItsPositionWhenItIsDeclaredAgain(t *testing.T) {
	b := bustest.New(t)
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for _, id := range []string{person("one"), person("two")} {
		if _, err := b.Publish(t.Context(), events.Event{
			ID: id, Source: "stridelog/test", Time: at, Provider: events.NoProvider, UserID: id, Data: &events.UserErased{ErasureID: id, ErasedAt: at},
		}); err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range []string{person("one"), person("two")} {
		if err := b.DeclareReader(t.Context(), events.StreamFacts, "analyst"); err != nil {
			t.Fatal(err)
		}
		c, err := b.JetStream().Consumer(t.Context(), events.StreamFacts, "analyst")
		if err != nil {
			t.Fatal(err)
		}
		m, err := c.Next()
		if err != nil {
			t.Fatal(err)
		}
		if got := m.Headers().Get(events.HeaderID); got != want {
			t.Errorf("the reader got %s, want %s", got, want)
		}
		if err := m.DoubleAck(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAReaderTakesNobodysConsumer(t *testing.T) {
	b := bustest.New(t)
	if _, err := b.Batches(t.Context(), bus.BatchOptions{Name: "fold", Stream: events.StreamFacts}); err != nil {
		t.Fatal(err)
	}
	if err := b.DeclareReader(t.Context(), events.StreamFacts, "fold"); !errors.Is(err, jetstream.ErrConsumerExists) {
		t.Errorf("declare a reader with the name of a fold: %v", err)
	}
	for _, name := range []string{"", "a.b", "a b", "*", strings.Repeat("a", 65)} {
		if err := b.DeclareReader(t.Context(), events.StreamFacts, name); err == nil {
			t.Errorf("a reader may be called %q", name)
		}
	}
	if err := b.DeclareReader(t.Context(), "NO_SUCH_STREAM", "analyst"); err == nil {
		t.Error("a reader of no stream is declared")
	}
}
