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

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/platform/bus/bustest"
	"github.com/stridelog/stridelog/platform/natsserver"
)

const predecessor = "STRIDELOG_WORKOUTS"

// earlier makes the stream of an earlier program with so many messages, of which every
// seventh and the last were erased, and a consumer that stands at the third.
func earlier(t *testing.T, b *bus.Bus, messages int) (left []kept) {
	t.Helper()
	s, err := b.JetStream().CreateStream(t.Context(), jetstream.StreamConfig{
		Name: predecessor, Subjects: []string{"stridelog.workout.>"}, MaxAge: 30 * 24 * time.Hour, Duplicates: events.DuplicateWindow,
		AllowDirect: true, PersistMode: jetstream.AsyncPersistMode, Metadata: map[string]string{"stridelog_epoch": "of the earlier program"},
	})
	if err != nil {
		t.Fatal(err)
	}
	for n := range messages {
		if _, err := b.JetStream().Publish(t.Context(), fmt.Sprintf("stridelog.workout.recorded.fitbit.%d", n%3), fmt.Appendf(nil, "%d", n), jetstream.WithMsgID(fmt.Sprint(n))); err != nil {
			t.Fatal(err)
		}
	}
	for n := 7; n <= messages; n += 7 {
		if err := s.SecureDeleteMsg(t.Context(), uint64(n)); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.SecureDeleteMsg(t.Context(), uint64(messages)); err != nil && messages%7 > 0 {
		t.Fatal(err)
	}
	left = content(t, b, predecessor)
	if last, err := b.LastSequence(t.Context(), predecessor, ">"); err != nil || len(left) > 0 && last != left[len(left)-1].sequence {
		t.Fatalf("the last message is %d: %v", last, err)
	}
	return left
}

// kept is a message with what a reader can tell of it.
type kept struct {
	subject, data, id string
	sequence          uint64
	time              time.Time
}

func content(t *testing.T, b *bus.Bus, stream string) []kept {
	t.Helper()
	var list []kept
	for _, d := range readAll(t, b, stream) {
		m := d.Message
		list = append(list, kept{m.Subject, string(m.Data), m.Header[jetstream.MsgIDHeader][0], d.Sequence, d.Time})
	}
	return list
}

// checkMoved checks that all is in the new stream, which takes events.
func checkMoved(t *testing.T, b *bus.Bus, want []kept) {
	t.Helper()
	if _, err := b.JetStream().Stream(t.Context(), predecessor); !errors.Is(err, jetstream.ErrStreamNotFound) {
		t.Errorf("the earlier stream: %v, want that it is gone", err)
	}
	if got := content(t, b, events.StreamChanges); len(want) == 0 || !slices.Equal(got, want) {
		t.Errorf("the stream holds %d messages, want %d; or others", len(got), len(want))
	}
	s, err := b.JetStream().Stream(t.Context(), events.StreamChanges)
	if err != nil {
		t.Fatal(err)
	}
	c := s.CachedInfo().Config
	if c.PersistMode != jetstream.DefaultPersistMode || !c.AllowAtomicPublish || c.Mirror != nil || c.MirrorDirect || c.DenyDelete || c.Duplicates != events.DuplicateWindow {
		t.Errorf("it is declared as %+v", c)
	}
	linked := func() events.Event {
		return events.Event{
			ID: events.NewID(), Source: "stridelog/test", Time: time.Now().UTC(), Provider: "fitbit", UserID: u1,
			Data: &events.WorkoutLinked{WorkoutID: u2, UserID: u1, Provider: "fitbit", LinkVersion: 1},
		}
	}
	if ack := publish(t, b, linked()); ack.Stream != events.StreamChanges || ack.Sequence != want[len(want)-1].sequence+1 {
		t.Errorf("an event was stored as %+v", ack)
	}
	var many []events.Event
	for range 20 {
		many = append(many, linked())
	}
	if err := b.PublishAll(t.Context(), many); err != nil {
		t.Errorf("many events as one: %v", err)
	}
	if n, err := b.EraseSubjects(t.Context(), events.StreamChanges, "stridelog.workout.recorded.fitbit.1"); err != nil || n == 0 {
		t.Errorf("erased %d messages: %v", n, err)
	}
}

func TestTheStreamOfAnEarlierProgramMoves(t *testing.T) {
	b := bustest.Connect(t, bustest.StartServer(t), "upgraded")
	want := earlier(t, b, 100)
	if _, err := b.JetStream().CreateConsumer(t.Context(), predecessor, jetstream.ConsumerConfig{Durable: "analyst"}); err != nil {
		t.Fatal(err)
	}
	if err := b.DeclareStreams(t.Context()); err != nil {
		t.Fatal(err)
	}
	checkMoved(t, b, want)
}

func TestAnEmptyStreamOfAnEarlierProgramGoes(t *testing.T) {
	b := bustest.Connect(t, bustest.StartServer(t), "upgraded")
	if left := earlier(t, b, 1); len(left) != 0 {
		t.Fatalf("%d messages are left", len(left))
	}
	if err := b.DeclareStreams(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := b.JetStream().Stream(t.Context(), predecessor); !errors.Is(err, jetstream.ErrStreamNotFound) {
		t.Errorf("the earlier stream: %v, want that it is gone", err)
	}
	if n := len(content(t, b, events.StreamChanges)); n != 0 {
		t.Errorf("%d messages came from nowhere", n)
	}
}

func TestManyProcessesMoveAStreamAtOnce(t *testing.T) {
	url := bustest.StartServer(t)
	b := bustest.Connect(t, url, "first")
	want := earlier(t, b, 300)
	var wg sync.WaitGroup
	for range 6 {
		one := bustest.Connect(t, url, "declarer")
		wg.Go(func() {
			if err := one.DeclareStreams(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	checkMoved(t, b, want)
}

// errKilled ends a process that moves a stream.
var errKilled = errors.New("killed")

// crashingClient is a client whose process dies at the step that makes, changes or drops one
// of the two streams: when `left` such steps are done, before or after the next.
type crashingClient struct {
	jetstream.JetStream
	left  int
	after bool
	dead  bool
}

// step says whether the process lives on to take it.
func (m *crashingClient) step(stream string, take func() error) error {
	switch {
	case m.dead:
		return errKilled
	case stream != predecessor && stream != events.StreamChanges:
		return take()
	case m.left > 0:
		m.left--
		return take()
	}
	m.dead = true
	if m.after {
		_ = take()
	}
	return errKilled
}

func (m *crashingClient) CreateStream(ctx context.Context, c jetstream.StreamConfig) (s jetstream.Stream, err error) {
	return s, m.step(c.Name, func() (err error) {
		s, err = m.JetStream.CreateStream(ctx, c)
		return err
	})
}

func (m *crashingClient) UpdateStream(ctx context.Context, c jetstream.StreamConfig) (s jetstream.Stream, err error) {
	return s, m.step(c.Name, func() (err error) {
		s, err = m.JetStream.UpdateStream(ctx, c)
		return err
	})
}

func (m *crashingClient) DeleteStream(ctx context.Context, name string) error {
	return m.step(name, func() error { return m.JetStream.DeleteStream(ctx, name) })
}

// Process and server die before and after every step of a move; the next start ends it.
func TestAMoveThatWasKilledGoesOn(t *testing.T) {
	const steps = 4 // retire, mirror, promote, drop
	for n := range steps + 1 {
		for _, after := range []bool{false, true} {
			t.Run(fmt.Sprintf("%d steps, after %v", n, after), func(t *testing.T) {
				t.Parallel()
				dir := t.TempDir()
				first, stop := serverIn(t, dir)
				want := earlier(t, first, 200)
				err := bus.WithClient(first, &crashingClient{JetStream: first.JetStream(), left: n, after: after}).DeclareStreams(t.Context())
				if killed := n < steps; errors.Is(err, errKilled) != killed || !killed && err != nil {
					t.Fatalf("the process ended with %v", err)
				}
				stop()
				second, _ := serverIn(t, dir)
				if err := second.DeclareStreams(t.Context()); err != nil {
					t.Fatal(err)
				}
				checkMoved(t, second, want)
			})
		}
	}
}

// A stream that did not take the messages over is no reason to drop them.
func TestAForeignSuccessorStopsTheMove(t *testing.T) {
	b := bustest.Connect(t, bustest.StartServer(t), "upgraded")
	want := earlier(t, b, 10)
	if _, err := b.JetStream().CreateStream(t.Context(), jetstream.StreamConfig{Name: events.StreamChanges, Subjects: []string{"elsewhere"}}); err != nil {
		t.Fatal(err)
	}
	if err := b.DeclareStreams(t.Context()); err == nil || !strings.Contains(err.Error(), predecessor) {
		t.Errorf("error %v, want one that names %s", err, predecessor)
	}
	if got := content(t, b, predecessor); !slices.Equal(got, want) {
		t.Errorf("%d messages are left of %d", len(got), len(want))
	}
}

func serverIn(t *testing.T, dir string) (b *bus.Bus, stop func()) {
	t.Helper()
	s, err := natsserver.Start(natsserver.Options{StoreDir: dir, Log: bustest.Logger(t)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Stop)
	return bustest.Connect(t, s.URL(), "test"), s.Stop
}
