package bus_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/events/rpc"
	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/platform/bus/bustest"
	"github.com/stridelog/stridelog/platform/waittest"
)

// later is an event as a later program publishes it: on a subject of today, with a
// type of tomorrow.
func later(user string) events.Event {
	e := activated(user)
	e.Data = &events.Unknown{Type: "stridelog.connection.activated.v2", Payload: []byte(`{"of":"tomorrow"}`)}
	return e
}

func TestAHandlerIsSparedEventsOfUnknownTypes(t *testing.T) {
	b := bustest.New(t)
	handled := make(chan bus.Delivery, 10)
	runRouter(t, b, connections(func(_ context.Context, d bus.Delivery) error {
		handled <- d
		return nil
	}))
	bustest.Store(t, b, later(u1))
	publish(t, b, activated(u2))
	if d := waittest.Receive(t, "the known event", handled); d.Event.UserID != activated(u2).UserID || d.Event.Unknown() {
		t.Errorf("the handler got %+v", d.Event)
	}
	awaitHandled(t, b, "tester-connections")
	if dead := readAll(t, b, events.StreamDeadLetters); len(dead) > 0 || len(handled) > 0 {
		t.Errorf("%d dead letters, %d more events for the handler", len(dead), len(handled))
	}
}

// What an older program gave up for its type stays a dead letter until a program
// knows the type.
func TestRequeueKeepsADeadLetterOfAnUnknownType(t *testing.T) {
	b := bustest.New(t)
	d, err := b.Get(t.Context(), events.StreamFacts, bustest.Store(t, b, later(u1)))
	if err != nil || d.Err != nil || !d.Event.Unknown() {
		t.Fatalf("%+v, %v", d, err)
	}
	if err := b.DeadLetter(t.Context(), "tester", d, errors.New("unknown event type")); err != nil {
		t.Fatal(err)
	}
	runRouter(t, b, connections(func(context.Context, bus.Delivery) error {
		t.Error("the handler got an event that it cannot know")
		return nil
	}))
	_, err = b.Requeue(t.Context(), 1)
	var refused *rpc.Error
	if !errors.As(err, &refused) || refused.Code != rpc.CodeConflict || !strings.Contains(refused.Detail, "type") {
		t.Errorf("the requeue answered %v", err)
	}
	if _, total := listDead(t, b, bus.DeadLetterQuery{}); total != 1 {
		t.Errorf("%d dead letters, want the one", total)
	}
}
