package bus_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/platform/bus/bustest"
	"github.com/stridelog/stridelog/platform/telemetry"
	"github.com/stridelog/stridelog/platform/waittest"
)

// runRouter runs handlers until the test ends and returns once they listen. The
// function it returns stops them earlier.
func runRouter(t *testing.T, b *bus.Bus, handlers ...bus.Handler) (stop func()) {
	t.Helper()
	r, err := b.NewRouter("tester", bustest.Logger(t), handlers...)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ready, ended := make(chan struct{}), make(chan error, 1)
	go func() { ended <- r.Run(ctx, func() { close(ready) }) }()
	waittest.Receive(t, "the router to be ready", ready)
	var stopped atomic.Bool
	stop = func() {
		if stopped.Swap(true) {
			return
		}
		cancel()
		if err := waittest.Receive(t, "the router to stop", ended); err != nil {
			t.Errorf("router: %v", err)
		}
	}
	t.Cleanup(stop)
	return stop
}

func connections(handle func(context.Context, bus.Delivery) error) bus.Handler {
	return bus.Handler{
		Name: "tester-connections", Stream: events.StreamFacts,
		Subjects: []string{events.TypeSubjects(events.TypeConnectionActivated)}, MaxDeliver: 3, Handle: handle,
	}
}

func deadLetters(t *testing.T, b *bus.Bus, atLeast int) []bus.Delivery {
	t.Helper()
	var got []bus.Delivery
	waittest.Until(t, "there are enough dead letters", func() bool {
		got = readAll(t, b, events.StreamDeadLetters)
		return len(got) >= atLeast
	})
	return got
}

func header(d bus.Delivery, name string) string {
	return strings.Join(d.Message.Header[name], "|")
}

// pending is how many messages a durable has not seen acknowledged.
func pending(t *testing.T, b *bus.Bus, durable string) int {
	t.Helper()
	c, err := b.JetStream().Consumer(t.Context(), events.StreamFacts, durable)
	if err != nil {
		t.Fatal(err)
	}
	return int(c.CachedInfo().NumPending) + c.CachedInfo().NumAckPending
}

// awaitHandled waits until a durable has acknowledged the facts of its subjects.
func awaitHandled(t *testing.T, b *bus.Bus, durable string) {
	t.Helper()
	waittest.State(t, durable+" has acknowledged everything", func() (string, bool) {
		c, err := b.JetStream().Consumer(t.Context(), events.StreamFacts, durable)
		if err != nil {
			return err.Error(), false
		}
		i, last := c.CachedInfo(), uint64(0)
		for _, subjects := range i.Config.FilterSubjects {
			n, err := b.LastSequence(t.Context(), events.StreamFacts, subjects)
			if err != nil {
				return err.Error(), false
			}
			last = max(last, n)
		}
		// The durable hears of a message after the publisher has its acknowledgement, so
		// that nothing pending alone can mean: not heard of it yet.
		return fmt.Sprintf("%d pending, %d without an answer, delivered up to %d of %d", i.NumPending, i.NumAckPending, i.Delivered.Stream, last),
			i.NumPending == 0 && i.NumAckPending == 0 && i.Delivered.Stream >= last
	})
}

func TestHandlerGetsEventsWithTheirTrace(t *testing.T) {
	b := bustest.New(t)
	type seen struct {
		d     bus.Delivery
		trace string
	}
	got := make(chan seen, 10)
	stop := runRouter(t, b, connections(func(ctx context.Context, d bus.Delivery) error {
		got <- seen{d, telemetry.TraceParent(ctx)}
		return nil
	}))
	e := activated(u1)
	e.TraceParent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	publish(t, b, e)
	publish(t, b, activity(u1, 1)) // not subscribed to
	publish(t, b, activated(u2))
	first, second := waittest.Receive(t, "an event", got), waittest.Receive(t, "an event", got)
	if first.d.Event.ID != e.ID || first.d.Sequence != 1 || first.d.Deliveries != 1 || first.trace != e.TraceParent {
		t.Errorf("first: %+v with trace %s", first.d, first.trace)
	}
	if second.d.Event.UserID != u2 || second.trace != "" {
		t.Errorf("second: %+v with trace %s; it came without one", second.d, second.trace)
	}
	awaitHandled(t, b, "tester-connections")
	stop()

	// The position survives: only what is new comes.
	runRouter(t, b, connections(func(ctx context.Context, d bus.Delivery) error {
		got <- seen{d: d}
		return nil
	}))
	publish(t, b, activated(u3))
	if next := waittest.Receive(t, "an event after the restart", got); next.d.Event.UserID != u3 {
		t.Errorf("after a restart came %+v", next.d)
	}
}

func TestPoisonBlocksNobodyAndBecomesADeadLetter(t *testing.T) {
	b := bustest.New(t)
	var tries atomic.Int64
	handled := make(chan string, 10)
	runRouter(t, b, connections(func(_ context.Context, d bus.Delivery) error {
		if d.Event.UserID == person("poison") {
			tries.Add(1)
			return errors.New("cannot digest this\nat all")
		}
		handled <- d.Event.UserID
		return nil
	}))
	poison := activated(person("poison"))
	at := publish(t, b, poison)
	publish(t, b, activated(person("good1")))
	publish(t, b, activated(person("good2")))
	if got := []string{waittest.Receive(t, "good1", handled), waittest.Receive(t, "good2", handled)}; !slices.Equal(got, []string{person("good1"), person("good2")}) {
		t.Errorf("handled %v", got)
	}
	dead := deadLetters(t, b, 1)[0]
	want, err := poison.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if dead.Message.Subject != events.DeadLetterSubject("tester", "fitbit", person("poison")) || string(dead.Message.Data) != string(want.Data) {
		t.Errorf("dead letter on %s: %s", dead.Message.Subject, dead.Message.Data)
	}
	for name, value := range map[string]string{
		bus.HeaderDeadReason: "cannot digest this at all", bus.HeaderDeadService: "tester", bus.HeaderDeadStream: events.StreamFacts,
		bus.HeaderDeadSequence: strconv.FormatUint(at.Sequence, 10), bus.HeaderDeadSubject: want.Subject, bus.HeaderDeadDeliveries: "3",
		"ce-id": poison.ID, "ce-type": string(events.TypeConnectionActivated), "ce-source": poison.Source, "content-type": "application/json",
	} {
		if got := header(dead, name); got != value {
			t.Errorf("dead letter header %s = %q, want %q", name, got, value)
		}
	}
	awaitHandled(t, b, "tester-connections")
	if got := tries.Load(); got != 3 {
		t.Errorf("tried %d times, want 3", got)
	}
}

func TestWhatTryingAgainDoesNotMendIsDeadAtOnce(t *testing.T) {
	b := bustest.New(t)
	handled := make(chan string, 10)
	runRouter(t, b, connections(func(_ context.Context, d bus.Delivery) error {
		handled <- d.Event.UserID
		if d.Event.UserID == person("wrong") {
			return bus.Permanent(errors.New("no such thing"))
		}
		return nil
	}))
	odd := &nats.Msg{Subject: "stridelog.connection.activated.fitbit.odd", Header: nats.Header{"x-from": {"a", "b"}}, Data: []byte("\xff not json")}
	if _, err := b.JetStream().PublishMsg(t.Context(), odd); err != nil {
		t.Fatal(err)
	}
	publish(t, b, activated(person("wrong")))
	publish(t, b, activated(person("right")))
	if got := []string{waittest.Receive(t, "wrong", handled), waittest.Receive(t, "right", handled)}; !slices.Equal(got, []string{person("wrong"), person("right")}) {
		t.Errorf("handled %v; the undecodable message must not reach the handler", got)
	}
	dead := deadLetters(t, b, 2)
	if string(dead[0].Message.Data) != string(odd.Data) || !slices.Equal(dead[0].Message.Header["x-from"], []string{"a", "b"}) ||
		!strings.Contains(header(dead[0], bus.HeaderDeadReason), "not a readable event") {
		t.Errorf("undecodable: %+v", dead[0].Message)
	}
	if header(dead[1], bus.HeaderDeadReason) != "no such thing" || header(dead[1], bus.HeaderDeadDeliveries) != "1" {
		t.Errorf("permanent: %v", dead[1].Message.Header)
	}
	if bus.Permanent(nil) != nil {
		t.Error("Permanent(nil) is an error")
	}
}

func TestPanicIsAFailureWithoutItsValue(t *testing.T) {
	b := bustest.New(t)
	runRouter(t, b, connections(func(_ context.Context, d bus.Delivery) error {
		if d.Event.UserID == person("runtime") {
			return []error{}[d.Deliveries]
		}
		panic("the secret of " + d.Event.UserID)
	}))
	publish(t, b, activated(person("person")))
	publish(t, b, activated(person("runtime")))
	dead := deadLetters(t, b, 2)
	slices.SortFunc(dead, func(x, y bus.Delivery) int {
		return strings.Compare(header(x, bus.HeaderDeadSequence), header(y, bus.HeaderDeadSequence))
	})
	if got := header(dead[0], bus.HeaderDeadReason); got != "handler panicked with a string" {
		t.Errorf("reason %q", got)
	}
	if got := header(dead[1], bus.HeaderDeadReason); !strings.Contains(got, "index out of range") {
		t.Errorf("reason %q", got)
	}
}

// A process that dies at every try leaves deliveries with no answer. The message
// becomes a dead letter without another try.
func TestMessageWhoseTriesAllDiedIsADeadLetter(t *testing.T) {
	b := bustest.New(t)
	publish(t, b, activated(person("killer")))
	h := connections(func(_ context.Context, d bus.Delivery) error {
		t.Errorf("handled at delivery %d", d.Deliveries)
		return nil
	})
	dying, err := b.JetStream().CreateConsumer(t.Context(), events.StreamFacts, jetstream.ConsumerConfig{
		Durable: h.Name, FilterSubjects: h.Subjects, AckPolicy: jetstream.AckExplicitPolicy, AckWait: 50 * time.Millisecond, MaxDeliver: -1,
	})
	if err != nil {
		t.Fatal(err)
	}
	for range h.MaxDeliver + 1 { // taken, never answered
		m, err := dying.Next(jetstream.FetchMaxWait(waittest.Bound(t)))
		if err != nil {
			t.Fatal(err)
		}
		_ = m
	}
	h.AckWait = time.Second
	runRouter(t, b, h)
	dead := deadLetters(t, b, 1)
	if got := header(dead[0], bus.HeaderDeadReason); !strings.Contains(got, "no answer") {
		t.Errorf("reason %q", got)
	}
	awaitHandled(t, b, h.Name)
}

// While the dead letters cannot be stored, the original stays.
func TestNothingIsLostWhileDeadLettersCannotBeStored(t *testing.T) {
	b := bustest.New(t)
	config := func() jetstream.StreamConfig {
		s, err := b.JetStream().Stream(t.Context(), events.StreamDeadLetters)
		if err != nil {
			t.Fatal(err)
		}
		return s.CachedInfo().Config
	}()
	if err := b.JetStream().DeleteStream(t.Context(), events.StreamDeadLetters); err != nil {
		t.Fatal(err)
	}
	tried := make(chan struct{}, 100)
	runRouter(t, b, connections(func(context.Context, bus.Delivery) error {
		tried <- struct{}{}
		return bus.Permanent(errors.New("never"))
	}))
	publish(t, b, activated(u1))
	waittest.Receive(t, "a first try", tried)
	waittest.Receive(t, "a second try", tried)
	if pending(t, b, "tester-connections") != 1 {
		t.Error("the message is gone and its dead letter is not stored")
	}
	if _, err := b.JetStream().CreateStream(t.Context(), config); err != nil {
		t.Fatal(err)
	}
	deadLetters(t, b, 1)
	awaitHandled(t, b, "tester-connections")
}

func TestHandlerThatTakesTooLongIsEndedAndTriedAgain(t *testing.T) {
	b := bustest.New(t)
	h := connections(func(ctx context.Context, d bus.Delivery) error {
		if d.Deliveries == 1 {
			<-ctx.Done()
			return ctx.Err()
		}
		return nil
	})
	h.AckWait = 300 * time.Millisecond
	runRouter(t, b, h)
	publish(t, b, activated(u1))
	awaitHandled(t, b, h.Name)
	if got := readAll(t, b, events.StreamDeadLetters); len(got) != 0 {
		t.Errorf("%d dead letters", len(got))
	}
}

func TestRouterRefusesUnusableHandlers(t *testing.T) {
	b := bustest.New(t)
	ok := connections(func(context.Context, bus.Delivery) error { return nil })
	for name, handlers := range map[string][]bus.Handler{
		"none": nil, "two of one name": {ok, ok}, "no name": {{Stream: "X", Handle: ok.Handle}}, "no function": {{Name: "a", Stream: "X"}},
	} {
		if _, err := b.NewRouter("tester", bustest.Logger(t), handlers...); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	missing := ok
	missing.Stream = "NO_SUCH_STREAM"
	r, err := b.NewRouter("tester", bustest.Logger(t), missing)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Run(t.Context(), func() { t.Error("ready") }); err == nil {
		t.Error("no error for a stream that does not exist")
	}
}
