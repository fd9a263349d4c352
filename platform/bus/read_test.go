package bus_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/platform/bus/bustest"
	"github.com/stridelog/stridelog/platform/natsserver"
)

func TestReadGoesInOrderToTheEndAsOfTheCall(t *testing.T) {
	b := bustest.New(t)
	publishPage(t, b, activities(u1, 0, 700), 0)
	publishPage(t, b, activities(u2, 0, 5), 0)
	publishPage(t, b, activities(u1, 700, 600), 700)

	var got []uint64
	last, err := b.Read(t.Context(), events.StreamFacts, []string{scope(u1)}, 3, func(d bus.Delivery) error {
		if len(got) == 0 { // written during the read: not part of it
			publishPage(t, b, activities(u1, 5000, 3), 1305)
		}
		if d.Err != nil || d.Event.UserID != u1 || d.Deliveries != 0 || d.Time.IsZero() || d.Stream != events.StreamFacts {
			t.Fatalf("delivery %+v", d)
		}
		got = append(got, d.Sequence)
		return nil
	})
	if err != nil || last != 1305 {
		t.Fatalf("read to %d, %v, want 1305", last, err)
	}
	if len(got) != 698+600 || got[0] != 3 || got[len(got)-1] != 1305 || !slices.IsSorted(got) {
		t.Errorf("read %d messages, from %d to %d", len(got), got[0], got[len(got)-1])
	}
	for _, from := range []uint64{1309, 5000} {
		last, err = b.Read(t.Context(), events.StreamFacts, nil, from, func(bus.Delivery) error { t.Error("called"); return nil })
		if err != nil || last != 1308 {
			t.Errorf("read from %d: %d, %v, want the stream's last sequence, 1308", from, last, err)
		}
	}
	last, err = b.Read(t.Context(), events.StreamFacts, []string{scope("nobody")}, 1, func(bus.Delivery) error { t.Error("called"); return nil })
	if err != nil || last != 1308 {
		t.Errorf("read of an empty scope: %d, %v", last, err)
	}
}

func TestReadStopsAtTheCallersError(t *testing.T) {
	b := bustest.New(t)
	publishPage(t, b, activities(u1, 0, 10), 0)
	stop := errors.New("enough")
	last, err := b.Read(t.Context(), events.StreamFacts, nil, 1, func(d bus.Delivery) error {
		if d.Sequence == 4 {
			return stop
		}
		return nil
	})
	if !errors.Is(err, stop) || last != 3 {
		t.Errorf("read = %d, %v, want 3 and the caller's error", last, err)
	}
}

// The server restarts in the middle of a read: it goes on where it was.
func TestReadOutlivesARestartOfTheServer(t *testing.T) {
	o := natsserver.Options{StoreDir: t.TempDir(), Log: bustest.Logger(t)}
	server, err := natsserver.Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Stop() })
	o.Addr = server.Addr()
	b := bustest.Connect(t, server.URL(), "test")
	if err := b.DeclareStreams(t.Context()); err != nil {
		t.Fatal(err)
	}
	publishPage(t, b, activities(u1, 0, 1000), 0)
	publishPage(t, b, activities(u1, 1000, 1000), 1000)
	var got uint64
	last, err := b.Read(t.Context(), events.StreamFacts, nil, 1, func(d bus.Delivery) error {
		if got++; d.Sequence != got {
			t.Fatalf("read %d after %d", d.Sequence, got-1)
		}
		if got == 100 {
			server.Stop()
			if server, err = natsserver.Start(o); err != nil {
				t.Fatal(err)
			}
		}
		return nil
	})
	if err != nil || last != 2000 || got != 2000 {
		t.Errorf("read %d messages to %d, %v", got, last, err)
	}
}

func TestUndecodableMessageIsReadWithItsError(t *testing.T) {
	b := bustest.New(t)
	m := &nats.Msg{Subject: "stridelog.activity.fetched.fitbit." + u1, Header: nats.Header{"x-odd": {"a", "b"}}, Data: []byte("not json")}
	if _, err := b.JetStream().PublishMsg(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	one, err := b.Get(t.Context(), events.StreamFacts, 1)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range append(readAll(t, b, events.StreamFacts), one) {
		if !errors.Is(d.Err, events.ErrUndecodable) || string(d.Message.Data) != "not json" || !slices.Equal(d.Message.Header["x-odd"], []string{"a", "b"}) || len(d.Message.Header) != 1 {
			t.Errorf("delivery = %+v", d)
		}
	}
	if _, err := b.Get(t.Context(), events.StreamFacts, 2); !errors.Is(err, bus.ErrNoMessage) {
		t.Errorf("get of a sequence that is not there: %v, want ErrNoMessage", err)
	}
	if n, err := b.LastSequence(t.Context(), events.StreamFacts, scope("nobody")); n != 0 || err != nil {
		t.Errorf("last sequence of nobody = %d, %v", n, err)
	}
}

func TestErasedBytesAreGoneFromTheDisk(t *testing.T) {
	dir := t.TempDir()
	server, err := natsserver.Start(natsserver.Options{StoreDir: dir, Log: bustest.Logger(t)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Stop)
	b := bustest.Connect(t, server.URL(), "test")
	if err := b.DeclareStreams(t.Context()); err != nil {
		t.Fatal(err)
	}
	erased, kept := person("erased"), person("kept")
	publish(t, b, activated(erased))
	publishPage(t, b, activities(erased, 0, 6), 0)
	publishPage(t, b, activities(kept, 0, 6), 0)
	publishPage(t, b, activities(erased, 6, 1), 7)
	planted := func(marker string) bool { return onDisk(t, dir, marker) }
	if !planted("record-"+erased) || !planted("record-"+kept) {
		t.Fatal("the control is not on the disk: this test could not see a leak")
	}

	count, err := b.EraseSubjects(t.Context(), events.StreamFacts, events.UserSubjects(erased))
	if err != nil || count != 8 {
		t.Fatalf("erased %d, %v, want 8", count, err)
	}
	if count, err = b.EraseSubjects(t.Context(), events.StreamFacts, events.UserSubjects(erased)); err != nil || count != 0 {
		t.Errorf("erasing again: %d, %v, want 0", count, err)
	}
	if planted(erased) {
		t.Error("bytes of the erased person are still on the disk")
	}
	server.Stop()
	if planted(erased) {
		t.Error("bytes of the erased person are on the disk after the server stopped")
	}
	if !planted("record-" + kept) {
		t.Error("the other person's bytes are gone too")
	}
}

func TestEraseRefusesToMeanEverything(t *testing.T) {
	b := bustest.New(t)
	publish(t, b, activity(u1, 1))
	if _, err := b.EraseSubjects(t.Context(), events.StreamFacts, ""); err == nil {
		t.Error("no error for empty subjects")
	}
	if got := len(readAll(t, b, events.StreamFacts)); got != 1 {
		t.Errorf("%d messages left, want 1", got)
	}
}

// onDisk looks for a text in every file below a folder.
func onDisk(t *testing.T, dir, text string) bool {
	t.Helper()
	found := false
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		found = found || bytes.Contains(data, []byte(text))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}
