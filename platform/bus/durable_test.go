package bus_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/platform/bus/bustest"
	"github.com/stridelog/stridelog/platform/waittest"
)

// memory keeps positions for a test.
type memory struct {
	mu sync.Mutex
	at map[string]uint64
}

func inMemory() *memory { return &memory{at: map[string]uint64{}} }

func (k *memory) Acknowledged(_ context.Context, stream, durable, epoch string) (uint64, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.at[stream+durable+epoch], nil
}

func (k *memory) Keep(_ context.Context, stream, durable, epoch string, acknowledged uint64) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.at[stream+durable+epoch] = max(k.at[stream+durable+epoch], acknowledged)
	return nil
}

// keepOnce keeps the positions as they are now: as the end of a process does.
func keepOnce(t *testing.T, b *bus.Bus) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := b.KeepPositions(ctx, func() {}); err != nil {
		t.Fatal(err)
	}
}

func deleteDurable(t *testing.T, b *bus.Bus, stream, name string) {
	t.Helper()
	if err := b.JetStream().DeleteConsumer(t.Context(), stream, name); err != nil {
		t.Fatal(err)
	}
}

// measured is a bus with metrics.
func measured(t *testing.T) (*bus.Bus, *prometheus.Registry) {
	t.Helper()
	registry := prometheus.NewRegistry()
	b, err := bus.New(bustest.New(t).Conn(), bustest.Logger(t), bus.WithMetrics(registry))
	if err != nil {
		t.Fatal(err)
	}
	return b, registry
}

func declaredAgain(t *testing.T, r *prometheus.Registry) float64 {
	t.Helper()
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	sum := 0.0
	for _, f := range families {
		if f.GetName() == "stridelog_consumer_declared_again_total" {
			for _, m := range f.GetMetric() {
				sum += m.GetCounter().GetValue()
			}
		}
	}
	return sum
}

// A durable is deleted while its reader waits, between two of its requests, and while
// nobody reads. It goes on behind what was acknowledged; what was in hand comes again.
func TestADeletedDurableGoesOnWhereItWas(t *testing.T) {
	b, registry := measured(t)
	b.UsePositions(inMemory())
	x := fold(t, b, 100)
	publishPage(t, b, activities(u1, 0, 10), 0)
	expect := func(when string, first, count uint64) *bus.Batch {
		t.Helper()
		batch := next(t, x)
		if got := batch.Deliveries; got[0].Sequence != first || uint64(len(got)) != count {
			t.Fatalf("%s: a batch of %d from %d; want %d from %d", when, len(got), got[0].Sequence, count, first)
		}
		return batch
	}
	ack := func(batch *bus.Batch) {
		t.Helper()
		if err := batch.Ack(t.Context()); err != nil {
			t.Fatal(err)
		}
		keepOnce(t, b)
	}
	ack(expect("at first", 1, 10))

	waiting := make(chan *bus.Batch, 1)
	go func() { batch, _ := x.Next(t.Context()); waiting <- batch }()
	waittest.Until(t, "the reader waits", func() bool {
		c, err := b.JetStream().Consumer(t.Context(), events.StreamFacts, "folder")
		return err == nil && c.CachedInfo().NumWaiting > 0
	})
	deleteDurable(t, b, events.StreamFacts, "folder")
	waittest.Until(t, "it is declared again", func() bool { return declaredAgain(t, registry) == 1 })
	publishPage(t, b, activities(u2, 0, 1), 0)
	batch := waittest.Receive(t, "what came since", waiting)
	if got := batch.Deliveries; len(got) != 1 || got[0].Sequence != 11 {
		t.Fatalf("deleted while the reader waits: %d from %d; want the one that came since", len(got), got[0].Sequence)
	}
	deleteDurable(t, b, events.StreamFacts, "folder") // it is in hand
	if err := batch.Ack(t.Context()); err == nil {
		t.Error("the acknowledgement to a durable that is gone succeeds")
	}
	again := expect("deleted between two requests", 11, 1)
	ack(again)

	deleteDurable(t, b, events.StreamFacts, "folder")
	x = fold(t, b, 100) // as a process that starts
	publishPage(t, b, activities(u3, 0, 2), 0)
	ack(expect("deleted while nobody reads", 12, 2))
	if missing := b.MissingConsumers(); len(missing) != 0 {
		t.Errorf("missing still: %+v", missing)
	}
	if n := declaredAgain(t, registry); n != 2 {
		t.Errorf("%v were declared again while they were read, want 2", n)
	}
}

// A handler's durable goes on, too, and a router with two goes on with both.
func TestARouterDeclaresADeletedDurableAgain(t *testing.T) {
	b, registry := measured(t)
	b.UsePositions(inMemory())
	var mu sync.Mutex
	handled := map[string][]uint64{}
	handler := func(name string) bus.Handler {
		return bus.Handler{Name: name, Stream: events.StreamFacts, Handle: func(_ context.Context, d bus.Delivery) error {
			mu.Lock()
			defer mu.Unlock()
			handled[name] = append(handled[name], d.Sequence)
			return nil
		}}
	}
	router, err := b.NewRouter("tester", bustest.Logger(t), handler("one"), handler("two"))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ready, ended := make(chan struct{}), make(chan error, 1)
	go func() { ended <- router.Run(ctx, func() { close(ready) }) }()
	<-ready
	all := func(name string, count int) bool {
		mu.Lock()
		defer mu.Unlock()
		return len(handled[name]) >= count
	}
	for round, name := range []string{"one", "two", "one"} {
		publishPage(t, b, activities(person("of the round"), 2*round, 2), uint64(2*round))
		for _, h := range []string{"one", "two"} {
			waittest.Until(t, h+" handles all", func() bool { return all(h, 2*round+2) })
			waittest.Until(t, h+" has acknowledged all", func() bool {
				p, ok, err := b.Position(t.Context(), events.StreamFacts, h)
				return err == nil && ok && p.Acknowledged == uint64(2*round+2)
			})
		}
		keepOnce(t, b)
		deleteDurable(t, b, events.StreamFacts, name)
		waittest.Until(t, name+" is declared again", func() bool { return declaredAgain(t, registry) == float64(round+1) })
	}
	cancel()
	if err := waittest.Receive(t, "the router", ended); err != nil {
		t.Error(err)
	}
	for name, got := range handled {
		if !slices.Equal(got, []uint64{1, 2, 3, 4, 5, 6}) {
			t.Errorf("%s handled %v, want each once", name, got)
		}
	}
}

// Without its stream a durable cannot be declared. That is told until there is one; the
// position in the earlier stream does not count in the new one.
func TestADurableWhoseStreamIsGoneIsMissing(t *testing.T) {
	b, registry := measured(t)
	b.UsePositions(inMemory())
	x := fold(t, b, 100)
	publishPage(t, b, activities(u1, 0, 5), 0)
	if err := next(t, x).Ack(t.Context()); err != nil {
		t.Fatal(err)
	}
	keepOnce(t, b)
	waiting := make(chan *bus.Batch, 1)
	go func() { batch, _ := x.Next(t.Context()); waiting <- batch }()
	if err := b.JetStream().DeleteStream(t.Context(), events.StreamFacts); err != nil {
		t.Fatal(err)
	}
	waittest.Until(t, "the durable is missing", func() bool { return len(b.MissingConsumers()) == 1 })
	if m := b.MissingConsumers()[0]; m.Stream != events.StreamFacts || m.Consumer != "folder" {
		t.Errorf("missing is %+v", m)
	}
	if n, err := testutil.GatherAndCount(registry, "stridelog_consumer_missing"); err != nil || n != 1 {
		t.Errorf("the metric tells of %d (%v)", n, err)
	}
	if err := b.DeclareStreams(t.Context()); err != nil {
		t.Fatal(err)
	}
	publishPage(t, b, activities(u1, 0, 3), 0)
	batch := waittest.Receive(t, "the new stream's events", waiting)
	if batch == nil || batch.Deliveries[0].Sequence != 1 {
		t.Errorf("got %+v, want the new stream from its start", batch)
	}
	if missing := b.MissingConsumers(); len(missing) != 0 {
		t.Errorf("missing still: %+v", missing)
	}
}

// A durable that an earlier program made stays where it is, wherever it began.
func TestADurableThatIsThereKeepsItsPosition(t *testing.T) {
	b := bustest.New(t)
	publishPage(t, b, activities(u1, 0, 10), 0)
	if _, err := b.JetStream().CreateConsumer(t.Context(), events.StreamFacts, jetstream.ConsumerConfig{
		Durable: "folder", AckPolicy: jetstream.AckExplicitPolicy, DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: 4,
		FilterSubjects: []string{"stridelog.activity.>", "stridelog.connection.>"},
	}); err != nil {
		t.Fatal(err)
	}
	far := inMemory()
	if err := errors.Join(far.Keep(t.Context(), events.StreamFacts, "folder", epochOf(t, b), 8)); err != nil {
		t.Fatal(err)
	}
	b.UsePositions(far)
	if batch := next(t, fold(t, b, 100)); batch.Deliveries[0].Sequence != 4 {
		t.Errorf("it goes on at %d, want 4", batch.Deliveries[0].Sequence)
	}
}
