package bus_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/events/rpc"
	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/platform/bus/bustest"
	"github.com/stridelog/stridelog/platform/waittest"
)

func listDead(t *testing.T, b *bus.Bus, q bus.DeadLetterQuery) (list []bus.DeadLetter, total uint64) {
	t.Helper()
	if q.Limit == 0 {
		q.Limit = 100
	}
	list, total, err := b.DeadLetters(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	return list, total
}

// A handler that gave an event up gets the original again, with its own place in
// the log; the log itself does not grow, and the dead letter goes only when the
// handler is content.
func TestRequeueHandsTheOriginalToItsHandlerAgain(t *testing.T) {
	b := bustest.New(t)
	var broken atomic.Bool
	broken.Store(true)
	handled := make(chan bus.Delivery, 1)
	other := connections(func(context.Context, bus.Delivery) error { return errors.New("the wrong handler") })
	other.Name, other.Subjects = "tester-revoked", []string{events.TypeSubjects(events.TypeConnectionRevoked)}
	runRouter(t, b, other, connections(func(_ context.Context, d bus.Delivery) error {
		if broken.Load() {
			return bus.Permanent(errors.New("out of order"))
		}
		handled <- d
		return nil
	}))
	published := activated(u1)
	ack := publish(t, b, published)
	deadLetters(t, b, 1)
	list, total := listDead(t, b, bus.DeadLetterQuery{})
	want := bus.DeadLetter{
		Sequence: 1, Service: "tester", Provider: "fitbit", UserID: u1, Type: string(events.TypeConnectionActivated), EventID: published.ID,
		Stream: events.StreamFacts, OriginalSequence: ack.Sequence, Reason: "out of order",
	}
	if len(list) != 1 || total != 1 || list[0].At.IsZero() {
		t.Fatalf("the list is %+v of %d", list, total)
	}
	want.At = list[0].At
	if list[0] != want {
		t.Errorf("the dead letter is\n%+v, want\n%+v", list[0], want)
	}

	_, err := b.Requeue(t.Context(), 1)
	var refused *rpc.Error
	if !errors.As(err, &refused) || refused.Code != rpc.CodeConflict || !strings.Contains(refused.Detail, "out of order") {
		t.Errorf("a handler that still fails answered %v", err)
	}
	if _, total := listDead(t, b, bus.DeadLetterQuery{}); total != 1 {
		t.Errorf("%d dead letters after a requeue that failed, want the one", total)
	}

	broken.Store(false)
	if _, err := b.Requeue(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	if d := waittest.Receive(t, "the original", handled); d.Sequence != ack.Sequence || d.Event.ID != published.ID || d.Stream != events.StreamFacts {
		t.Errorf("handled %+v", d)
	}
	if _, total := listDead(t, b, bus.DeadLetterQuery{}); total != 0 {
		t.Errorf("%d dead letters are left", total)
	}
	if n := len(readAll(t, b, events.StreamFacts)); n != 1 {
		t.Errorf("the log has %d facts, want the one", n)
	}
	if _, err := b.Requeue(t.Context(), 1); !errors.Is(err, bus.ErrNoMessage) {
		t.Errorf("requeueing what is gone: %v", err)
	}
}

func TestRequeueWithoutTheServiceOrTheOriginalKeepsTheDeadLetter(t *testing.T) {
	b := bustest.New(t)
	ack := publish(t, b, activated(u1))
	d, err := b.Get(t.Context(), events.StreamFacts, ack.Sequence)
	if err != nil {
		t.Fatal(err)
	}
	for service, reason := range map[string]string{"tester": "a", "absent": "b"} {
		if err := b.DeadLetter(t.Context(), service, d, errors.New(reason)); err != nil {
			t.Fatal(err)
		}
	}
	code := func(service string) string {
		t.Helper()
		list, _ := listDead(t, b, bus.DeadLetterQuery{})
		at := slices.IndexFunc(list, func(d bus.DeadLetter) bool { return d.Service == service })
		_, err := b.Requeue(t.Context(), list[at].Sequence)
		var refused *rpc.Error
		if !errors.As(err, &refused) {
			t.Fatalf("%s: %v", service, err)
		}
		return refused.Code
	}
	if got := code("absent"); got != rpc.CodeUnavailable {
		t.Errorf("a service that does not run answered %s", got)
	}
	runRouter(t, b, bus.Handler{Name: "tester-activities", Stream: events.StreamFacts, Subjects: []string{events.ActivitySubjects("fitbit", u1)},
		Handle: func(context.Context, bus.Delivery) error { return nil }})
	if got := code("tester"); got != rpc.CodeConflict {
		t.Errorf("a service without such a handler answered %s", got)
	}
	if _, err := b.EraseSubjects(t.Context(), events.StreamFacts, events.UserSubjects(u1)); err != nil {
		t.Fatal(err)
	}
	if got := code("tester"); got != rpc.CodeNotFound {
		t.Errorf("an original that is gone answered %s", got)
	}
	if _, total := listDead(t, b, bus.DeadLetterQuery{}); total != 2 {
		t.Errorf("%d dead letters, want both", total)
	}
}

// Pages by sequence show every dead letter once, both ways, over gaps and over
// what is looked through at once.
func TestDeadLettersComeInPagesBothWays(t *testing.T) {
	b := bustest.New(t)
	if list, total := listDead(t, b, bus.DeadLetterQuery{}); len(list) != 0 || total != 0 {
		t.Fatalf("an empty stream lists %d of %d", len(list), total)
	}
	const all, erased = 1100, 1050
	for n := range uint64(all) {
		user := "kept"
		if n >= 5 && n < 5+erased {
			user = "gone"
		}
		d := bus.Delivery{Stream: events.StreamFacts, Sequence: n + 1}
		d.Message.Subject = fmt.Sprintf("stridelog.activity.fetched.fitbit.%s", user)
		if err := b.DeadLetter(t.Context(), "tester", d, errors.New("x")); err != nil {
			t.Fatal(err)
		}
	}
	s, err := b.JetStream().Stream(t.Context(), events.StreamDeadLetters)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Purge(t.Context(), jetstream.WithPurgeSubject(events.UserSubjects("gone"))); err != nil {
		t.Fatal(err)
	}
	var down []uint64
	for q := (bus.DeadLetterQuery{Limit: 7}); ; {
		list, total := listDead(t, b, q)
		if total != all-erased {
			t.Fatalf("%d dead letters in all, want %d", total, all-erased)
		}
		for _, d := range list {
			down = append(down, d.Sequence)
		}
		if len(list) < q.Limit {
			break
		}
		q.Before = list[len(list)-1].Sequence
	}
	if len(down) != all-erased || !slices.IsSortedFunc(down, func(a, b uint64) int { return int(b) - int(a) }) || down[0] != all {
		t.Fatalf("downwards there are %d: %v", len(down), down)
	}
	list, _ := listDead(t, b, bus.DeadLetterQuery{After: down[10], Limit: 3})
	if len(list) != 3 || list[0].Sequence != down[7] || list[2].Sequence != down[9] {
		t.Errorf("after %d come %+v", down[10], list)
	}
}
