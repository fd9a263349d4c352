package bus_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/platform/bus/bustest"
	"github.com/stridelog/stridelog/platform/telemetry"
	"github.com/stridelog/stridelog/platform/waittest"
)

func TestPublishedEventIsAPlainCloudEvent(t *testing.T) {
	b := bustest.New(t)
	sub, err := b.Conn().SubscribeSync("stridelog.>")
	if err != nil {
		t.Fatal(err)
	}
	e := activity(u1, 1)
	trace := "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	ack, err := b.Publish(telemetry.WithTraceParent(t.Context(), trace), e)
	if err != nil {
		t.Fatal(err)
	}
	if ack.Stream != events.StreamFacts || ack.Sequence != 1 || ack.Duplicate {
		t.Errorf("ack = %+v", ack)
	}
	m, err := sub.NextMsg(waittest.Bound(t))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"ce-specversion": "1.0", "ce-id": e.ID, "ce-type": "stridelog.activity.fetched.v1", "ce-source": "stridelog/test",
		"content-type": "application/json", "Nats-Msg-Id": e.ID, "traceparent": trace,
	} {
		if got := m.Header.Get(name); got != want {
			t.Errorf("header %s = %q, want %q", name, got, want)
		}
	}
	if again := publish(t, b, e); !again.Duplicate || again.Sequence != 1 {
		t.Errorf("second publish: ack = %+v, want the first one's sequence as a duplicate", again)
	}
}

func TestPageIsStoredInOrderAndRawComesBackUnchanged(t *testing.T) {
	b := bustest.New(t)
	publish(t, b, activated(u1))
	for _, size := range []int{1, 2, 1000} {
		before, err := b.LastSequence(t.Context(), events.StreamFacts, scope(u1))
		if err != nil {
			t.Fatal(err)
		}
		page := activities(u1, size*10, size)
		first, last := publishPage(t, b, page, before)
		if last-first+1 != uint64(size) {
			t.Fatalf("page of %d has the sequences %d to %d", size, first, last)
		}
		for i := range page {
			d, err := b.Get(t.Context(), events.StreamFacts, first+uint64(i))
			if err != nil || d.Err != nil {
				t.Fatal(err, d.Err)
			}
			want, got := page[i].Data.(*events.ActivityFetched), d.Event.Data.(*events.ActivityFetched)
			if d.Event.ID != page[i].ID || !slices.Equal(got.Raw, want.Raw) {
				t.Fatalf("event %d of the page came back as %s %s, want %s %s", i, d.Event.ID, got.Raw, page[i].ID, want.Raw)
			}
			if i > 3 {
				break
			}
		}
		if now, err := b.LastSequence(t.Context(), events.StreamFacts, scope(u1)); err != nil || now != last {
			t.Errorf("last sequence = %d, %v, want %d", now, err, last)
		}
	}
}

func TestPageExpectsTheLastSequenceOfItsScope(t *testing.T) {
	for _, size := range []int{1, 5} {
		b := bustest.New(t)
		_, last := publishPage(t, b, activities(u1, 0, size), 0)
		publishPage(t, b, activities(u2, 0, size), 0) // another scope does not matter
		for _, wrong := range []uint64{0, last - 1 + uint64(size)*3, last + 1} {
			if wrong == last {
				continue
			}
			_, _, err := b.PublishPage(t.Context(), activities(u1, 100, size), bus.Expect{Subjects: scope(u1), LastSequence: wrong})
			if !errors.Is(err, bus.ErrWrongLastSequence) {
				t.Errorf("page of %d expecting %d after %d: %v, want ErrWrongLastSequence", size, wrong, last, err)
			}
		}
		if got := len(readAll(t, b, events.StreamFacts)); got != 2*size {
			t.Errorf("the stream has %d messages, want %d: a refused page stores nothing", got, 2*size)
		}
		publishPage(t, b, activities(u1, 100, size), last)
	}
}

func TestPageWithAKnownEventIsRefusedAsAWhole(t *testing.T) {
	for _, size := range []int{1, 5} {
		b := bustest.New(t)
		_, last := publishPage(t, b, activities(u1, 0, 1), 0)
		page := append(activities(u1, 10, size-1), activity(u1, 0))
		_, _, err := b.PublishPage(t.Context(), page, bus.Expect{Subjects: scope(u1), LastSequence: last})
		if !errors.Is(err, bus.ErrDuplicate) {
			t.Errorf("page of %d with a known event: %v, want ErrDuplicate", size, err)
		}
		if got := len(readAll(t, b, events.StreamFacts)); got != 1 {
			t.Errorf("the stream has %d messages, want 1", got)
		}
	}
}

// Several publishers race on one scope, round after round: one wins each round and
// the log holds whole pages of winners only.
func TestRacingPublishersNeverBothWin(t *testing.T) {
	url := bustest.StartServer(t)
	const racers, rounds, size = 4, 15, 7
	buses := make([]*bus.Bus, racers)
	for i := range buses {
		buses[i] = bustest.Connect(t, url, "racer")
	}
	if err := buses[0].DeclareStreams(t.Context()); err != nil {
		t.Fatal(err)
	}
	var last uint64
	var won []string
	for round := range rounds {
		var mu sync.Mutex
		var winners int
		var next uint64
		var wg sync.WaitGroup
		start := make(chan struct{})
		pageSize := size
		if round%3 == 0 {
			pageSize = 1
		}
		for i, b := range buses {
			page := activities(u1, (round*racers+i)*size, pageSize)
			wg.Go(func() {
				<-start
				_, end, err := b.PublishPage(t.Context(), page, bus.Expect{Subjects: scope(u1), LastSequence: last})
				mu.Lock()
				defer mu.Unlock()
				switch {
				case err == nil:
					winners++
					next = end
					for _, e := range page {
						won = append(won, e.ID)
					}
				case !errors.Is(err, bus.ErrWrongLastSequence):
					t.Errorf("round %d: %v, want ErrWrongLastSequence", round, err)
				}
			})
		}
		close(start)
		wg.Wait()
		if winners != 1 {
			t.Fatalf("round %d has %d winners", round, winners)
		}
		last = next
	}
	var stored []string
	for _, d := range readAll(t, buses[0], events.StreamFacts) {
		stored = append(stored, d.Event.ID)
	}
	if !slices.Equal(stored, won) {
		t.Errorf("the log holds %d events, the winners published %d, or their order differs", len(stored), len(won))
	}
}

// A publisher that dies in the middle of a page leaves nothing behind.
func TestUnfinishedBatchIsInvisible(t *testing.T) {
	b := bustest.New(t)
	for n, e := range activities(u1, 0, 3) {
		w, err := e.Encode()
		if err != nil {
			t.Fatal(err)
		}
		m := &nats.Msg{Subject: w.Subject, Header: w.Header, Data: w.Data}
		m.Header.Set("Nats-Batch-Id", "dying")
		m.Header.Set("Nats-Batch-Sequence", string(rune('1'+n)))
		if _, err := b.Conn().RequestMsg(m, waittest.Bound(t)); err != nil {
			t.Fatal(err)
		}
	}
	if got := readAll(t, b, events.StreamFacts); len(got) != 0 {
		t.Errorf("%d messages of an unfinished batch are visible", len(got))
	}
	publishPage(t, b, activities(u1, 0, 3), 0)
}

func TestPageFaultsAreNamedBeforeAnythingIsSent(t *testing.T) {
	b := bustest.New(t)
	mixed := []events.Event{activity(u1, 1), {
		ID: "s", Source: "stridelog/test", Time: activity(u1, 1).Time, Provider: "fitbit", UserID: u1,
		Data: &events.SyncRequested{
			SyncID: events.SyncID("s"), UserID: u1, Provider: "fitbit", Trigger: events.TriggerManual, RequestedAt: activity(u1, 1).Time,
			Window: events.Window{From: activity(u1, 1).Time, To: activity(u1, 2).Time},
		},
	}}
	for name, page := range map[string][]events.Event{
		"empty": nil, "too many": activities(u1, 0, bus.MaxPage+1), "two streams": mixed, "no data": {{ID: "x"}},
	} {
		if _, _, err := b.PublishPage(t.Context(), page, bus.Expect{Subjects: scope(u1)}); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if _, _, err := b.PublishPage(t.Context(), activities(u1, 0, 1), bus.Expect{}); err == nil {
		t.Error("no scope: no error")
	}
	if got := readAll(t, b, events.StreamFacts); len(got) != 0 {
		t.Errorf("%d messages were stored", len(got))
	}
}

// The server refuses more than 50 open batches of a stream. A page waits its turn.
func TestPageWaitsWhileTooManyBatchesAreOpen(t *testing.T) {
	b := bustest.New(t)
	first := func(batch int, commit bool) string {
		w, err := activity(person(fmt.Sprintf("other%d", batch)), 0).Encode()
		if err != nil {
			t.Fatal(err)
		}
		m := &nats.Msg{Subject: w.Subject, Header: w.Header, Data: w.Data}
		m.Header.Set("Nats-Batch-Id", fmt.Sprintf("batch%d", batch))
		m.Header.Set("Nats-Batch-Sequence", "1")
		if commit {
			m.Header.Set("Nats-Batch-Sequence", "2")
			m.Header.Set("Nats-Batch-Commit", "1")
			m.Header.Set("Nats-Msg-Id", fmt.Sprintf("commit%d", batch))
		}
		reply, err := b.Conn().RequestMsg(m, waittest.Bound(t))
		if err != nil {
			t.Fatal(err)
		}
		return string(reply.Data)
	}
	for batch := range 50 {
		if answer := first(batch, false); strings.Contains(answer, "error") {
			t.Fatalf("batch %d: %s", batch, answer)
		}
	}
	if answer := first(50, false); !strings.Contains(answer, "10210") {
		t.Fatalf("the control is wrong: a 51st batch is answered %s", answer)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if _, _, err := b.PublishPage(ctx, activities(u1, 0, 3), bus.Expect{Subjects: scope(u1)}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("page while all places are taken: %v", err)
	}
	done := make(chan error, 1)
	go func() {
		_, _, err := b.PublishPage(t.Context(), activities(u1, 0, 3), bus.Expect{Subjects: scope(u1)})
		done <- err
	}()
	first(0, true)
	if err := waittest.Receive(t, "the page", done); err != nil {
		t.Error(err)
	}
}
