package httpserver_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"

	"github.com/stridelog/stridelog/platform/httpserver"
	"github.com/stridelog/stridelog/platform/waittest"
)

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// serve starts a server; stop ends it and returns Run's error.
func serve(t *testing.T, h http.Handler) (s *httpserver.Server, stop func() error) {
	t.Helper()
	s = httpserver.New(httpserver.Options{Name: "test", Addr: "127.0.0.1:0", Handler: h, Log: quiet()})
	if s.Addr() != nil {
		t.Error("it has an address before it listens")
	}
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	ready, ended := make(chan struct{}), make(chan error, 1)
	go func() { ended <- s.Run(ctx, func() { close(ready) }) }()
	select {
	case <-ready:
	case err := <-ended:
		t.Fatal(err)
	}
	return s, func() error {
		cancel()
		return waittest.Receive(t, "the server's end", ended)
	}
}

func get(t *testing.T, addr net.Addr) (string, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+addr.String(), nil)
	if err != nil {
		return "", err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	b, err := io.ReadAll(resp.Body)
	return string(b), errors.Join(err, resp.Body.Close())
}

func TestServesOnceReady(t *testing.T) {
	s, stop := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") }))
	if body, err := get(t, s.Addr()); err != nil || body != "hello" {
		t.Errorf("answer is %q (%v)", body, err)
	}
	if err := stop(); err != nil {
		t.Errorf("a plain end says %v", err)
	}
	if _, err := get(t, s.Addr()); err == nil {
		t.Error("it answers after its end")
	}
}

func TestARequestUnderWayIsFinished(t *testing.T) {
	entered, release := make(chan struct{}), make(chan struct{})
	s, stop := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		close(entered)
		<-release
		if r.Context().Err() != nil {
			t.Error("the request's context ended with the server's")
		}
		_, _ = io.WriteString(w, "late")
	}))
	type answer struct {
		body string
		err  error
	}
	answered := make(chan answer, 1)
	go func() {
		body, err := get(t, s.Addr())
		answered <- answer{body, err}
	}()
	<-entered
	stopped := make(chan error, 1)
	go func() { stopped <- stop() }()
	// The listener is closed first; then the handler is let go.
	waittest.Until(t, "the server takes no connections any more", func() bool {
		conn, err := net.DialTimeout("tcp", s.Addr().String(), waittest.Bound(t))
		if err != nil {
			return true
		}
		_ = conn.Close()
		return false
	})
	close(release)
	if a := <-answered; a.err != nil || a.body != "late" {
		t.Errorf("the request under way got %q (%v)", a.body, a.err)
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}

func TestAnAddressInUseIsAnError(t *testing.T) {
	s, _ := serve(t, http.NotFoundHandler())
	second := httpserver.New(httpserver.Options{Name: "second", Addr: s.Addr().String(), Handler: http.NotFoundHandler(), Log: quiet()})
	err := second.Run(t.Context(), func() { t.Error("it called ready") })
	if !errors.Is(err, syscall.EADDRINUSE) || !strings.Contains(err.Error(), s.Addr().String()) {
		t.Errorf("error is %v", err)
	}
}
