package bus_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/platform/bus/bustest"
	"github.com/stridelog/stridelog/platform/waittest"
)

func fold(t *testing.T, b *bus.Bus, most int) *bus.Batches {
	t.Helper()
	return foldWithin(t, b, most, waittest.Bound(t))
}

func foldWithin(t *testing.T, b *bus.Bus, most int, ackWait time.Duration) *bus.Batches {
	t.Helper()
	x, err := b.Batches(t.Context(), bus.BatchOptions{
		Name: "folder", Stream: events.StreamFacts, Subjects: []string{"stridelog.activity.>", "stridelog.connection.>"}, Max: most, AckWait: ackWait,
	})
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func next(t *testing.T, x *bus.Batches) *bus.Batch {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), waittest.Bound(t))
	defer cancel()
	batch, err := x.Next(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return batch
}

func TestBatchTakesWhatHasArrived(t *testing.T) {
	b := bustest.New(t)
	publishPage(t, b, activities(u1, 0, 25), 0)
	x := fold(t, b, 10)
	want := uint64(1)
	for _, size := range []int{10, 10, 5} {
		batch := next(t, x)
		if len(batch.Deliveries) != size {
			t.Fatalf("batch of %d, want %d", len(batch.Deliveries), size)
		}
		for _, d := range batch.Deliveries {
			if d.Sequence != want || d.Err != nil || d.Deliveries != 1 {
				t.Fatalf("got %d (%v), want %d", d.Sequence, d.Err, want)
			}
			want++
		}
		if err := batch.Ack(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if left := pending(t, b, "folder"); left != 0 {
		t.Errorf("%d left after the acks: Ack returns when the server knows", left)
	}
	// It blocks for the next event and takes it alone.
	got := make(chan *bus.Batch, 1)
	go func() {
		batch, err := x.Next(t.Context())
		if err != nil {
			t.Error(err)
		}
		got <- batch
	}()
	waittest.Until(t, "the reader waits", func() bool {
		c, err := b.JetStream().Consumer(t.Context(), events.StreamFacts, "folder")
		return err == nil && c.CachedInfo().NumWaiting > 0
	})
	publishPage(t, b, activities(u1, 100, 1), 25)
	if batch := waittest.Receive(t, "the event", got); len(batch.Deliveries) != 1 || batch.Deliveries[0].Sequence != 26 {
		t.Errorf("batch %+v", batch)
	}
}

func TestBatchGivenBackComesAgain(t *testing.T) {
	b := bustest.New(t)
	publishPage(t, b, activities(u1, 0, 4), 0)
	x := fold(t, b, 10)
	if err := next(t, x).Retry(time.Millisecond); err != nil {
		t.Fatal(err)
	}
	again := map[uint64]bool{}
	for len(again) < 4 {
		batch := next(t, x)
		for _, d := range batch.Deliveries {
			if d.Deliveries != 2 {
				t.Errorf("sequence %d at delivery %d", d.Sequence, d.Deliveries)
			}
			again[d.Sequence] = true
		}
		if err := batch.Ack(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

func TestABatchComesAgainUnlessItIsKept(t *testing.T) {
	const ackWait = 3 * time.Second
	b := bustest.New(t)
	publishPage(t, b, activities(u1, 0, 2), 0)
	x := foldWithin(t, b, 1, ackWait)
	kept, left := next(t, x), next(t, x)
	stop := kept.Keep(t.Context())
	defer stop()
	again := next(t, x) // the acknowledgement of both would be due
	if d := again.Deliveries[0]; d.Sequence != left.Deliveries[0].Sequence || d.Deliveries != 2 {
		t.Fatalf("sequence %d came again at delivery %d", d.Sequence, d.Deliveries)
	}
	if err := again.Ack(t.Context()); err != nil {
		t.Fatal(err)
	}
	stop()
	if d := next(t, x).Deliveries[0]; d.Sequence != kept.Deliveries[0].Sequence || d.Deliveries != 2 {
		t.Errorf("sequence %d came at delivery %d after nobody kept it", d.Sequence, d.Deliveries)
	}
}

func TestBatchHoldsUndecodableMessagesToo(t *testing.T) {
	b := bustest.New(t)
	publish(t, b, activated(u1))
	if _, err := b.JetStream().PublishMsg(t.Context(), &nats.Msg{Subject: "stridelog.activity.fetched.fitbit." + u1, Data: []byte("{")}); err != nil {
		t.Fatal(err)
	}
	publish(t, b, activated(u2))
	batch := next(t, fold(t, b, 10))
	if len(batch.Deliveries) != 3 || batch.Deliveries[0].Err != nil || batch.Deliveries[2].Err != nil {
		t.Fatalf("batch %+v", batch.Deliveries)
	}
	bad := batch.Deliveries[1]
	if !errors.Is(bad.Err, events.ErrUndecodable) {
		t.Errorf("error %v", bad.Err)
	}
	for range 2 { // twice is once
		if err := b.DeadLetter(t.Context(), "tester", bad, bad.Err); err != nil {
			t.Fatal(err)
		}
	}
	if got := readAll(t, b, events.StreamDeadLetters); len(got) != 1 || string(got[0].Message.Data) != "{" {
		t.Errorf("dead letters: %+v", got)
	}
}

func TestNextEndsWithItsContext(t *testing.T) {
	x := fold(t, bustest.New(t), 10)
	ended := make(chan error, 1)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { _, err := x.Next(ctx); ended <- err }()
	cancel()
	if err := waittest.Receive(t, "Next to end", ended); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}
