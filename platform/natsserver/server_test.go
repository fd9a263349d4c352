package natsserver_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/platform/bus/bustest"
	"github.com/stridelog/stridelog/platform/natsserver"
	"github.com/stridelog/stridelog/platform/waittest"
)

func start(t *testing.T, o natsserver.Options) *natsserver.Server {
	t.Helper()
	o.Log = bustest.Logger(t)
	s, err := natsserver.Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Stop)
	return s
}

func TestRestartKeepsStreamsAndEpochs(t *testing.T) {
	dir := t.TempDir()
	s := start(t, natsserver.Options{StoreDir: dir})
	b := bustest.Connect(t, s.URL(), "first")
	if err := b.DeclareStreams(t.Context()); err != nil {
		t.Fatal(err)
	}
	epoch, err := b.Epoch(t.Context(), events.StreamFacts)
	if err != nil {
		t.Fatal(err)
	}
	at, erasure := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), events.NewID()
	ack, err := b.Publish(t.Context(), events.Event{
		ID: "erasure", Source: "stridelog/test", Time: at, Provider: events.NoProvider, UserID: erasure, Data: &events.UserErased{ErasureID: erasure, ErasedAt: at},
	})
	if err != nil {
		t.Fatal(err)
	}
	s.Stop()
	s.Stop() // twice is no fault
	s.WaitForShutdown()

	s = start(t, natsserver.Options{StoreDir: dir})
	b = bustest.Connect(t, s.URL(), "second")
	if err := b.DeclareStreams(t.Context()); err != nil {
		t.Fatal(err)
	}
	if again, err := b.Epoch(t.Context(), events.StreamFacts); err != nil || again != epoch {
		t.Errorf("epoch %s, %v after the restart, want %s", again, err, epoch)
	}
	if d, err := b.Get(t.Context(), events.StreamFacts, ack.Sequence); err != nil || d.Event.ID != "erasure" {
		t.Errorf("message after the restart: %+v, %v", d, err)
	}
}

func TestTokenIsAskedForAndNeverShown(t *testing.T) {
	const token = "correct-horse-battery"
	s := start(t, natsserver.Options{StoreDir: t.TempDir(), Token: token})
	if !strings.Contains(s.URL(), token) || strings.Contains(s.Addr(), token) {
		t.Errorf("URL without, or address with, the token")
	}
	nc, err := bus.Connect(t.Context(), s.URL(), "right", bustest.Logger(t))
	if err != nil {
		t.Fatal(err)
	}
	nc.Close()
	for _, url := range []string{"nats://" + s.Addr(), "nats://wrong-token-value@" + s.Addr()} {
		_, err := bus.Connect(t.Context(), url, "wrong", bustest.Logger(t))
		if !errors.Is(err, nats.ErrAuthorization) || strings.Contains(err.Error(), "wrong-token-value") {
			t.Errorf("connect without the right token: %v", err)
		}
	}
}

func TestConnectWaitsForTheServerAndSaysWhatItTried(t *testing.T) {
	first := start(t, natsserver.Options{StoreDir: t.TempDir()})
	addr := first.Addr()
	first.Stop()
	connected := make(chan error, 1)
	go func() {
		nc, err := bus.Connect(t.Context(), "nats://"+addr, "early", bustest.Logger(t))
		if err == nil {
			nc.Close()
		}
		connected <- err
	}()
	start(t, natsserver.Options{StoreDir: t.TempDir(), Addr: addr})
	if err := waittest.Receive(t, "Connect notices the server", connected); err != nil {
		t.Error(err)
	}

	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := bus.Connect(ctx, "nats://s3cret@127.0.0.1:1", "late", bustest.Logger(t))
	if err == nil || !strings.Contains(err.Error(), "127.0.0.1:1") || strings.Contains(err.Error(), "s3cret") {
		t.Errorf("error %v; it names the address and not the token", err)
	}
	for _, url := range []string{"", "nats://", "://s3cret@x", "nats://s3cret@h:p%zz"} {
		if _, err := bus.Connect(t.Context(), url, "odd", bustest.Logger(t)); err == nil || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("URL %q: %v", url, err)
		}
	}
}

func TestStartNamesWhatIsWrong(t *testing.T) {
	for name, o := range map[string]natsserver.Options{
		"no folder": {}, "no port": {StoreDir: "x", Addr: "localhost"}, "odd port": {StoreDir: "x", Addr: "localhost:nats"}, "high port": {StoreDir: "x", Addr: "localhost:70000"},
	} {
		if _, err := natsserver.Start(o); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// A record of some megabytes passes.
func TestLargeMessagesPass(t *testing.T) {
	b := bustest.Connect(t, start(t, natsserver.Options{StoreDir: t.TempDir()}).URL(), "large")
	if got := b.Conn().MaxPayload(); got != 8<<20 {
		t.Errorf("max payload %d", got)
	}
}
