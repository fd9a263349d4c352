package oauth_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/nats-io/nats.go"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/events/rpc"
	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/platform/bus/bustest"
	"github.com/stridelog/stridelog/platform/postgres/postgrestest"
	"github.com/stridelog/stridelog/platform/waittest"
	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/services/oauth"
	"github.com/stridelog/stridelog/services/oauth/internal/cloudtest"
)

const app = "http://localhost:3000/done"

// fixture is a database, a NATS server, a provider and what runs on them.
type fixture struct {
	t       *testing.T
	pool    *pgxpool.Pool
	natsURL string
	bus     *bus.Bus // of the caller
	cloud   *cloudtest.Cloud
	config  oauth.Config
	log     *safeBuffer
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	key, err := oauth.NewSealingKey()
	if err != nil {
		t.Fatal(err)
	}
	h := &fixture{t: t, pool: postgrestest.New(t), natsURL: bustest.StartServer(t), cloud: cloudtest.Start(t), log: &safeBuffer{}}
	h.bus = bustest.Connect(t, h.natsURL, "caller")
	if err := h.bus.DeclareStreams(t.Context()); err != nil {
		t.Fatal(err)
	}
	connector := h.cloud.Connector()
	h.config = oauth.Config{
		Log: slog.New(slog.NewTextHandler(io.MultiWriter(h.log, t.Output()), &slog.HandlerOptions{Level: slog.LevelDebug})),
		DB:  h.pool, Connectors: provider.Connectors{cloudtest.Name: connector},
		Catalog:      []provider.Descriptor{connector.Descriptor, {Name: "sleepy", DisplayName: "Sleepy", Status: provider.StatusAvailable}},
		RedirectURIs: map[string]string{cloudtest.Name: cloudtest.Callback},
		SealingKey:   key, RedirectAllowlist: []string{"http://localhost:*", "https://app.example.org"},
	}
	return h
}

// start runs an instance of the service until the test ends or stop is called.
func (h *fixture) start(name string) (stop func()) {
	h.t.Helper()
	config := h.config
	config.Bus = bustest.Connect(h.t, h.natsURL, name)
	config.Registry = prometheus.NewRegistry()
	service, err := oauth.New(config)
	if err != nil {
		h.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ready, ended := make(chan struct{}), make(chan error, 1)
	go func() { ended <- service.Run(ctx, func() { close(ready) }) }()
	select {
	case <-ready:
	case err := <-ended:
		cancel()
		h.t.Fatalf("the service ended before it was ready: %v", err)
	case <-time.After(waittest.Bound(h.t)):
		cancel()
		h.t.Fatal("the service is not ready")
	}
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			h.t.Errorf("the service stopped with %v", err)
		}
	})
	h.t.Cleanup(stop)
	return stop
}

// ask calls a method and fails the test when it is refused.
func ask[Req, Resp any](h *fixture, m rpc.Method, q Req) Resp {
	h.t.Helper()
	resp, err := call[Req, Resp](h, m, q)
	if err != nil {
		h.t.Fatalf("%s: %v", m, err)
	}
	return resp
}

func call[Req, Resp any](h *fixture, m rpc.Method, q Req) (Resp, error) {
	ctx, cancel := context.WithTimeout(context.Background(), waittest.Bound(h.t))
	defer cancel()
	return bus.Call[Req, Resp](ctx, h.bus, m, q)
}

// refusedWith calls a method that must be refused with a code.
func refusedWith[Resp, Req any](h *fixture, code string, m rpc.Method, q Req) *rpc.Error {
	h.t.Helper()
	_, err := call[Req, Resp](h, m, q)
	var refused *rpc.Error
	if !errors.As(err, &refused) || refused.Code != code {
		h.t.Fatalf("%s answered %v, want the code %s", m, err, code)
	}
	return refused
}

func (h *fixture) authorize(user string) rpc.AuthorizeResponse {
	h.t.Helper()
	return ask[rpc.AuthorizeRequest, rpc.AuthorizeResponse](h, rpc.OAuthAuthorize,
		rpc.AuthorizeRequest{Provider: cloudtest.Name, UserID: user, RedirectURI: app})
}

func (h *fixture) callback(code, state string) rpc.CallbackResponse {
	h.t.Helper()
	return ask[rpc.CallbackRequest, rpc.CallbackResponse](h, rpc.OAuthCallback,
		rpc.CallbackRequest{Provider: cloudtest.Name, Code: code, State: state})
}

// connect goes through a whole consent.
func (h *fixture) connect(user, account string, scopes ...string) rpc.CallbackResponse {
	h.t.Helper()
	if len(scopes) == 0 {
		scopes = []string{"profile", "activity"}
	}
	code, state := h.cloud.Consent(h.t, h.authorize(user).AuthorizationURL, account, scopes...)
	return h.callback(code, state)
}

func (h *fixture) token(connection string) rpc.TokenResponse {
	h.t.Helper()
	return ask[rpc.TokenRequest, rpc.TokenResponse](h, rpc.OAuthToken, rpc.TokenRequest{ConnectionID: connection})
}

func (h *fixture) reject(connection string, version int64, class provider.Class) rpc.TokenRejectedResponse {
	h.t.Helper()
	return ask[rpc.TokenRejectedRequest, rpc.TokenRejectedResponse](h, rpc.OAuthTokenRejected,
		rpc.TokenRejectedRequest{ConnectionID: connection, TokenVersion: version, Class: string(class)})
}

// number reads one number from the database.
func (h *fixture) number(query string, args ...any) (n int64) {
	h.t.Helper()
	if err := h.pool.QueryRow(context.Background(), query, args...).Scan(&n); err != nil {
		h.t.Fatalf("%s: %v", query, err)
	}
	return n
}

func (h *fixture) exec(query string, args ...any) {
	h.t.Helper()
	if _, err := h.pool.Exec(context.Background(), query, args...); err != nil {
		h.t.Fatalf("%s: %v", query, err)
	}
}

// listener hears the events about a user with a plain NATS subscription.
type listener struct {
	t   *testing.T
	sub *nats.Subscription
}

func (h *fixture) listen(user string) listener {
	h.t.Helper()
	sub, err := h.bus.Conn().SubscribeSync(events.UserSubjects(user))
	if err != nil {
		h.t.Fatal(err)
	}
	if err := h.bus.Conn().Flush(); err != nil {
		h.t.Fatal(err)
	}
	return listener{h.t, sub}
}

// next is the data of the next event, which must be of type T.
func next[T events.Data](l listener) T {
	l.t.Helper()
	m, err := l.sub.NextMsg(waittest.Bound(l.t))
	if err != nil {
		l.t.Fatalf("no event came: %v", err)
	}
	e, err := events.Decode(events.Message{Subject: m.Subject, Header: m.Header, Data: m.Data})
	if err != nil {
		l.t.Fatal(err)
	}
	data, ok := e.Data.(T)
	if !ok {
		l.t.Fatalf("the event is %s %s, want %T", e.Type(), m.Data, data)
	}
	return data
}

// view is a row of the published view.
type view struct{ Status, Reason, NextAction, Account, Scope string }

func (h *fixture) view(connection string) (v view) {
	h.t.Helper()
	err := h.pool.QueryRow(context.Background(), `SELECT status, coalesce(reason, ''), coalesce(next_action, ''), provider_user_id,
		array_to_string(scope, ' ') FROM oauth.view_connections_v1 WHERE id = $1`, connection).Scan(&v.Status, &v.Reason, &v.NextAction, &v.Account, &v.Scope)
	if err != nil {
		h.t.Fatal(err)
	}
	return v
}

// safeBuffer is a log that a test may read while the service writes.
type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safeBuffer) contains(text string) bool { return s.count(text) > 0 }

func (s *safeBuffer) count(text string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Count(s.b.String(), text)
}

// eventually waits for a condition that another goroutine brings about.
func (h *fixture) eventually(what string, holds func() bool) {
	h.t.Helper()
	waittest.Until(h.t, what, holds)
}
