package bus_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/stridelog/stridelog/events/rpc"
	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/platform/bus/bustest"
	"github.com/stridelog/stridelog/platform/telemetry"
	"github.com/stridelog/stridelog/platform/waittest"
)

func serve(t *testing.T, b *bus.Bus, handlers ...bus.RPCHandler) *bus.RPCServer {
	t.Helper()
	s, err := b.Serve("oauth", bustest.Logger(t), handlers...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Stop)
	return s
}

func token(ctx context.Context, b *bus.Bus, connection string) (rpc.TokenResponse, error) {
	return bus.Call[rpc.TokenRequest, rpc.TokenResponse](ctx, b, rpc.OAuthToken, rpc.TokenRequest{ConnectionID: connection})
}

func TestCallReachesTheMethodWithTraceAndDeadline(t *testing.T) {
	url := bustest.StartServer(t)
	server, client := bustest.Connect(t, url, "oauth"), bustest.Connect(t, url, "poller")
	trace := "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	serve(t, server, bus.Method(rpc.OAuthToken, func(ctx context.Context, r rpc.TokenRequest) (rpc.TokenResponse, error) {
		deadline, ok := ctx.Deadline()
		if left := time.Until(deadline); !ok || left > 5*time.Minute || left < time.Minute { // by itself it would give up sooner
			return rpc.TokenResponse{}, fmt.Errorf("deadline in %v, the caller waits 5 minutes", left)
		}
		if got := telemetry.TraceParent(ctx); got != trace {
			return rpc.TokenResponse{}, fmt.Errorf("trace %q", got)
		}
		return rpc.TokenResponse{AccessToken: "for " + r.ConnectionID, TokenVersion: 3}, nil
	}))
	ctx, cancel := context.WithTimeout(telemetry.WithTraceParent(t.Context(), trace), 5*time.Minute)
	defer cancel()
	got, err := token(ctx, client, "c1")
	if err != nil || got.AccessToken != "for c1" || got.TokenVersion != 3 {
		t.Errorf("answer %+v, %v", got, err)
	}
}

func TestErrorsCrossAsTheyAreOrWithoutTheirText(t *testing.T) {
	b := bustest.New(t)
	retryAt := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	serve(t, b, bus.Method(rpc.OAuthToken, func(_ context.Context, r rpc.TokenRequest) (rpc.TokenResponse, error) {
		switch r.ConnectionID {
		case "known":
			return rpc.TokenResponse{}, fmt.Errorf("wrapped: %w", &rpc.Error{
				Code: rpc.CodeActionRequired, Detail: "Connect again.", Field: "f", Reason: "reauth_required", NextAction: "reauthorize", RetryAt: &retryAt,
			})
		case "panic":
			panic("secret of a person")
		default:
			return rpc.TokenResponse{}, errors.New("secret of a person")
		}
	}))
	_, err := token(t.Context(), b, "known")
	var known *rpc.Error
	if !errors.As(err, &known) || known.Code != rpc.CodeActionRequired || known.Detail != "Connect again." || known.Field != "f" ||
		known.Reason != "reauth_required" || known.NextAction != "reauthorize" || known.RetryAt == nil || !known.RetryAt.Equal(retryAt) {
		t.Errorf("error %+v", err)
	}
	for _, id := range []string{"panic", "plain"} {
		_, err := token(t.Context(), b, id)
		if !errors.As(err, &known) || known.Code != rpc.CodeInternal || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: error %v", id, err)
		}
	}
	// A request that does not parse is told so, and not repeated.
	m, err := b.Conn().Request(string(rpc.OAuthToken), []byte(`{"connection_id": 987654321}`), waittest.Bound(t))
	if err != nil || !strings.Contains(string(m.Data), rpc.CodeInvalidArgument) || strings.Contains(string(m.Data), "987654321") {
		t.Errorf("answer to a bad request: %s, %v", m.Data, err)
	}
}

func TestNoAnswerIsUnavailable(t *testing.T) {
	b := bustest.New(t)
	var answer *rpc.Error
	_, err := token(t.Context(), b, "c1")
	if !errors.As(err, &answer) || answer.Code != rpc.CodeUnavailable || !strings.Contains(answer.Detail, "start the oauth service") {
		t.Errorf("nobody there: %v", err)
	}
	release := make(chan struct{})
	serve(t, b, bus.Method(rpc.OAuthToken, func(context.Context, rpc.TokenRequest) (rpc.TokenResponse, error) {
		<-release
		return rpc.TokenResponse{}, nil
	}))
	defer close(release)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err = token(ctx, b, "c1")
	if !errors.As(err, &answer) || answer.Code != rpc.CodeUnavailable || !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(answer.Detail, "try again") {
		t.Errorf("too slow: %v", err)
	}
	ctx, cancel = context.WithCancel(t.Context())
	cancel()
	if _, err = token(ctx, b, "c1"); !errors.As(err, &answer) || !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestAnswerThatDoesNotFitIsAnError(t *testing.T) {
	b := bustest.New(t)
	serve(t, b, bus.Method(rpc.OAuthToken, func(context.Context, rpc.TokenRequest) (rpc.TokenResponse, error) {
		return rpc.TokenResponse{AccessToken: strings.Repeat("x", 9<<20)}, nil
	}))
	var answer *rpc.Error
	if _, err := token(t.Context(), b, "c1"); !errors.As(err, &answer) || answer.Code != rpc.CodeInternal {
		t.Errorf("error %v", err)
	}
}

// Requests of one method run at once, up to a bound; all of them are answered.
func TestRequestsRunConcurrentlyUpToABound(t *testing.T) {
	b := bustest.New(t)
	const bound, requests = 32, 100
	var running, most atomic.Int64
	full := make(chan struct{})
	serve(t, b, bus.Method(rpc.OAuthToken, func(ctx context.Context, r rpc.TokenRequest) (rpc.TokenResponse, error) {
		now := running.Add(1)
		defer running.Add(-1)
		for high := most.Load(); now > high && !most.CompareAndSwap(high, now); high = most.Load() {
		}
		if now == bound && most.Load() == bound {
			select {
			case <-full:
			default:
				close(full)
			}
		}
		select {
		case <-full: // nobody answers before the bound is reached
		case <-ctx.Done():
		}
		return rpc.TokenResponse{AccessToken: r.ConnectionID}, nil
	}))
	var wg sync.WaitGroup
	for n := range requests {
		wg.Go(func() {
			id := fmt.Sprint(n)
			if got, err := token(t.Context(), b, id); err != nil || got.AccessToken != id {
				t.Errorf("request %s: %+v, %v", id, got, err)
			}
		})
	}
	wg.Wait()
	if got := most.Load(); got != bound {
		t.Errorf("%d requests ran at once, want %d", got, bound)
	}
}

func TestProcessesOfOneServiceShareRequestsAndStopCleanly(t *testing.T) {
	url := bustest.StartServer(t)
	client := bustest.Connect(t, url, "client")
	started, release := make(chan struct{}, 10), make(chan struct{})
	var answered atomic.Int64
	method := bus.Method(rpc.OAuthToken, func(context.Context, rpc.TokenRequest) (rpc.TokenResponse, error) {
		answered.Add(1)
		started <- struct{}{}
		<-release
		return rpc.TokenResponse{AccessToken: "a"}, nil
	})
	servers := []*bus.RPCServer{serve(t, bustest.Connect(t, url, "oauth1"), method), serve(t, bustest.Connect(t, url, "oauth2"), method)}
	got := make(chan error, 1)
	go func() { _, err := token(t.Context(), client, "c1"); got <- err }()
	waittest.Receive(t, "the request to arrive", started)

	// Stop waits for the request that runs, and takes no more.
	stopped := make(chan struct{})
	go func() {
		for _, s := range servers {
			s.Stop()
		}
		close(stopped)
	}()
	close(release)
	waittest.Receive(t, "both servers to stop", stopped)
	if err := waittest.Receive(t, "the answer", got); err != nil {
		t.Errorf("the running request got %v", err)
	}
	if answered.Load() != 1 {
		t.Errorf("%d processes answered one request", answered.Load())
	}
	if _, err := client.Conn().Request(string(rpc.OAuthToken), []byte("{}"), waittest.Bound(t)); !errors.Is(err, nats.ErrNoResponders) {
		t.Errorf("request after the stop: %v", err)
	}
}

// A request that may be made again holds up nobody who stops the service.
func TestALongRequestEndsWithItsService(t *testing.T) {
	b := bustest.New(t)
	stop, cancel := context.WithCancel(t.Context())
	begun := make(chan struct{})
	server, err := b.Serve("poller", bustest.Logger(t), bus.Method(rpc.PollerErase, bus.Until(stop,
		func(ctx context.Context, _ rpc.EraseRequest) (rpc.EraseResponse, error) {
			close(begun)
			<-ctx.Done()
			return rpc.EraseResponse{}, &rpc.Error{Code: rpc.CodeUnavailable, Detail: "interrupted"}
		})))
	if err != nil {
		t.Fatal(err)
	}
	answered := make(chan error, 1)
	go func() {
		_, err := bus.Call[rpc.EraseRequest, rpc.EraseResponse](t.Context(), b, rpc.PollerErase, rpc.EraseRequest{})
		answered <- err
	}()
	waittest.Receive(t, "the request", begun)
	cancel()
	server.Stop()
	var refused *rpc.Error
	if err := waittest.Receive(t, "the answer", answered); !errors.As(err, &refused) || refused.Detail != "interrupted" {
		t.Errorf("the request is answered %v", err)
	}
}
