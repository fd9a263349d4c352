package bus_test

import (
	"slices"
	"testing"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/platform/bus/bustest"
)

func TestStateAndPositionTellWhereThingsStand(t *testing.T) {
	b := bustest.New(t)
	if s, err := b.State(t.Context(), events.StreamFacts); err != nil || s != (bus.StreamState{Epoch: epochOf(t, b)}) {
		t.Errorf("state of an empty stream: %+v, %v", s, err)
	}
	if _, ok, err := b.Position(t.Context(), events.StreamFacts, "folder"); ok || err != nil {
		t.Errorf("position of no durable: %v, %v", ok, err)
	}
	publishPage(t, b, activities(u1, 0, 5), 0)
	batch := next(t, fold(t, b, 3))
	if err := batch.Ack(t.Context()); err != nil {
		t.Fatal(err)
	}
	if p, ok, err := b.Position(t.Context(), events.StreamFacts, "folder"); !ok || err != nil || p.Acknowledged != 3 || p.Pending != 2 {
		t.Errorf("position %+v, %v, %v", p, ok, err)
	}
	if _, err := b.EraseSubjects(t.Context(), events.StreamFacts, events.UserSubjects(u1)); err != nil {
		t.Fatal(err)
	}
	if s, err := b.State(t.Context(), events.StreamFacts); err != nil || s.LastSequence != 5 {
		t.Errorf("state after an erasure: %+v, %v; the last sequence stays", s, err)
	}
}

func TestPublishAllStoresInOrderAndMayBeRepeated(t *testing.T) {
	b := bustest.New(t)
	list := activities(u1, 0, 300)
	for range 2 {
		if err := b.PublishAll(t.Context(), list); err != nil {
			t.Fatal(err)
		}
	}
	var want, got []string
	for _, e := range list {
		want = append(want, e.ID)
	}
	for _, d := range readAll(t, b, events.StreamFacts) {
		got = append(got, d.Event.ID)
	}
	if !slices.Equal(got, want) {
		t.Errorf("the stream holds %d events, want the %d in their order", len(got), len(want))
	}
	if err := b.PublishAll(t.Context(), []events.Event{{ID: "x"}}); err == nil {
		t.Error("no error for an event without data")
	}
}
