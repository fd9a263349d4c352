// Package bustest gives a test a NATS server of its own, in this process.
package bustest

import (
	"log/slog"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/platform/natsserver"
)

// New is a Bus on a server of the test's own, with all streams declared. Both end
// with the test.
func New(t testing.TB) *bus.Bus {
	t.Helper()
	b, _ := With(t, natsserver.Options{StoreDir: t.TempDir()})
	return b
}

// With is a Bus on a server with options, with all streams declared. stop ends both
// before the test does, so that another server may have the files.
func With(t testing.TB, o natsserver.Options) (b *bus.Bus, stop func()) {
	t.Helper()
	s := start(t, o)
	b = Connect(t, s.URL(), "test")
	if err := b.DeclareStreams(t.Context()); err != nil {
		t.Fatalf("declare streams: %v", err)
	}
	return b, func() {
		b.Conn().Close()
		s.Stop()
		s.WaitForShutdown()
	}
}

// StartServer starts a server that ends with the test and returns its URL. It has
// no streams yet.
func StartServer(t testing.TB) string {
	t.Helper()
	return start(t, natsserver.Options{StoreDir: t.TempDir()}).URL()
}

func start(t testing.TB, o natsserver.Options) *natsserver.Server {
	t.Helper()
	o.Log = Logger(t)
	s, err := natsserver.Start(o)
	if err != nil {
		t.Fatalf("start NATS: %v", err)
	}
	t.Cleanup(s.Stop)
	return s
}

// Connect is a Bus on a server, under a name. The connection ends with the test.
func Connect(t testing.TB, url, name string, options ...bus.Option) *bus.Bus {
	t.Helper()
	nc, err := bus.Connect(t.Context(), url, name, Logger(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	b, err := bus.New(nc, Logger(t), options...)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Store puts an event into its stream as another program does, also one that
// bus.Publish refuses: of an unknown type (events.Unknown), for one. It returns the
// sequence.
func Store(t testing.TB, b *bus.Bus, e events.Event) uint64 {
	t.Helper()
	m, err := e.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return StoreMessage(t, b, m)
}

// StoreMessage is Store for any message, also for one that is no event.
func StoreMessage(t testing.TB, b *bus.Bus, m events.Message) uint64 {
	t.Helper()
	ack, err := b.JetStream().PublishMsg(t.Context(), &nats.Msg{Subject: m.Subject, Header: m.Header, Data: m.Data})
	if err != nil {
		t.Fatalf("store a message on %s: %v", m.Subject, err)
	}
	return ack.Sequence
}

// Logger writes to the test's output, which shows only when the test fails.
func Logger(t testing.TB) *slog.Logger {
	return slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelInfo}))
}
