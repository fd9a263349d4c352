package bus_test

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/platform/bus/bustest"
)

func openIs(t *testing.T, b *bus.Bus, want string) {
	t.Helper()
	err := testutil.CollectAndCompare(bus.NewOpenDeadLetters(b), strings.NewReader(`
# HELP stridelog_dead_letters_open Events that were given up and neither handled again nor dropped.
# TYPE stridelog_dead_letters_open gauge
stridelog_dead_letters_open `+want+"\n"))
	if err != nil {
		t.Error(err)
	}
}

// A dropped dead letter is no open one; its record says what it was and why nobody needs
// it, without what was in the event, and goes with its person.
func TestDroppingKeepsTheReasonAndClosesTheDeadLetter(t *testing.T) {
	b := bustest.New(t)
	for n, user := range []string{"ada", "ben", "ada"} {
		d := bus.Delivery{Stream: events.StreamFacts, Sequence: uint64(n) + 1}
		d.Message.Subject = "stridelog.activity.fetched.fitbit." + user
		d.Message.Header = map[string][]string{events.HeaderType: {string(events.TypeActivityFetched)}, events.HeaderID: {"event"}}
		d.Message.Data = []byte(`{"raw":"a person's record"}`)
		if err := b.DeadLetter(t.Context(), "projector", d, errors.New("broken")); err != nil {
			t.Fatal(err)
		}
	}
	openIs(t, b, "3")
	before, _ := listDead(t, b, bus.DeadLetterQuery{})
	if _, err := b.Drop(t.Context(), 1, " \n"); err == nil || !strings.Contains(err.Error(), "reason") {
		t.Errorf("dropping without a reason: %v", err)
	}
	made, err := b.Drop(t.Context(), 1, "a test\r\naccount of ours")
	if err != nil || made.Sequence != 4 || made.Service != "projector" {
		t.Fatalf("got %+v, %v", made, err)
	}
	openIs(t, b, "2")
	open, total := listDead(t, b, bus.DeadLetterQuery{})
	if len(open) != 2 || total != 2 || open[0].Sequence != 3 || open[1].Sequence != 2 || open[0].DropReason != "" {
		t.Errorf("open are %d: %+v", total, open)
	}
	dropped, total := listDead(t, b, bus.DeadLetterQuery{Dropped: true})
	if len(dropped) != 1 || total != 1 {
		t.Fatalf("dropped are %d: %+v", total, dropped)
	}
	want := before[2]
	want.Sequence, want.DropReason, want.DroppedAt = 4, "a test account of ours", dropped[0].DroppedAt
	if dropped[0] != want || want.DroppedAt.Before(want.At) {
		t.Errorf("the record is\n%+v, want\n%+v", dropped[0], want)
	}
	for _, m := range readAll(t, b, events.StreamDeadLetters) {
		if m.Sequence == 4 && len(m.Message.Data) > 0 || m.Sequence == 1 {
			t.Errorf("%d holds %s", m.Sequence, bytes.TrimSpace(m.Message.Data))
		}
	}
	if _, err := b.Drop(t.Context(), 4, "again"); !errors.Is(err, bus.ErrDropped) {
		t.Errorf("dropping a record: %v", err)
	}
	if _, err := b.Drop(t.Context(), 1, "again"); !errors.Is(err, bus.ErrNoMessage) {
		t.Errorf("dropping what is gone: %v", err)
	}
	if _, err := b.EraseSubjects(t.Context(), events.StreamDeadLetters, events.UserSubjects("ada")); err != nil {
		t.Fatal(err)
	}
	if _, total := listDead(t, b, bus.DeadLetterQuery{Dropped: true}); total != 0 {
		t.Errorf("%d records outlive their person", total)
	}
	openIs(t, b, "1")
}

// Pages of open dead letters pass over dropped ones, both ways.
func TestPagesOfOpenDeadLettersPassOverDroppedOnes(t *testing.T) {
	b := bustest.New(t)
	const all = 12
	for n := range uint64(all) {
		if err := b.DeadLetter(t.Context(), "tester", bus.Delivery{Stream: events.StreamFacts, Sequence: n + 1}, errors.New("x")); err != nil {
			t.Fatal(err)
		}
	}
	for n := uint64(2); n <= all; n += 2 {
		if _, err := b.Drop(t.Context(), n, "not needed"); err != nil {
			t.Fatal(err)
		}
	}
	var down []uint64
	for q := (bus.DeadLetterQuery{Limit: 2}); ; {
		list, total := listDead(t, b, q)
		if total != all/2 {
			t.Fatalf("%d are open", total)
		}
		for _, d := range list {
			down = append(down, d.Sequence)
		}
		if len(list) < q.Limit {
			break
		}
		q.Before = list[len(list)-1].Sequence
	}
	if want := []uint64{11, 9, 7, 5, 3, 1}; !slices.Equal(down, want) {
		t.Errorf("downwards: %v", down)
	}
	if list, _ := listDead(t, b, bus.DeadLetterQuery{After: 3, Limit: 2}); len(list) != 2 || list[0].Sequence != 7 || list[1].Sequence != 5 {
		t.Errorf("after 3: %+v", list)
	}
}
