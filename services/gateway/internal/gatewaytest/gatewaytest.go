// Package gatewaytest runs a whole gateway on a real database, a real NATS server
// and real HTTP. The other services are their published views, on tables that a
// test fills, and whatever responders it serves.
package gatewaytest

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"io"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/platform/bus/bustest"
	"github.com/stridelog/stridelog/platform/postgres/postgrestest"
	"github.com/stridelog/stridelog/platform/telemetry"
	"github.com/stridelog/stridelog/platform/waittest"
	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/services/gateway"
	"github.com/stridelog/stridelog/services/gateway/conformance"
	"github.com/stridelog/stridelog/services/gateway/internal/api"
)

//go:embed views.sql
var views string

// Key is the configured admin key.
const Key = "test-admin-key-0123456789"

// System is a gateway that runs until the test ends.
type System struct {
	t    testing.TB
	DB   *pgxpool.Pool
	Bus  *bus.Bus
	URL  string
	HTTP *http.Client

	contract *conformance.Contract
}

// New runs a gateway beside the published views of the others.
func New(t testing.TB) *System {
	t.Helper()
	s := Stores(t)
	s.Exec(views)
	s.Start(s.Config())
	return s
}

// Stores are a database and a bus without a gateway.
func Stores(t testing.TB) *System {
	t.Helper()
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }, Transport: &http.Transport{}}
	t.Cleanup(client.CloseIdleConnections)
	contract, err := conformance.New(api.Document())
	if err != nil {
		t.Fatal(err)
	}
	return &System{t: t, DB: postgrestest.New(t), Bus: bustest.New(t), HTTP: client, contract: contract}
}

// Publish makes the other services' views.
func (s *System) Publish() { s.t.Helper(); s.Exec(views) }

// Config is a gateway on these stores.
func (s *System) Config() gateway.Config {
	return gateway.Config{
		Log: bustest.Logger(s.t), DB: s.DB, Bus: s.Bus, Addr: "127.0.0.1:0", AdminKey: Key, Registry: telemetry.NewRegistry(), Kinds: events.Kinds(),
		Catalog: []provider.Descriptor{{Name: "fitbit", DisplayName: "Fitbit"}, {Name: "google_health", Aliases: []string{"google"}, DisplayName: "Google Health", Needs: provider.Needs{{Source: "route", Kind: "route", Scopes: []string{"location"}, Attaches: "activity"}}}},
	}
}

// Start runs a gateway until the test ends, or until stop is called.
func (s *System) Start(c gateway.Config) (stop func()) {
	s.t.Helper()
	service, err := gateway.New(c)
	if err != nil {
		s.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ready, ended := make(chan struct{}), make(chan error, 1)
	go func() { ended <- service.Run(ctx, sync.OnceFunc(func() { close(ready) })) }()
	var once sync.Once
	stop = func() {
		once.Do(func() {
			s.HTTP.CloseIdleConnections()
			cancel()
			if err := <-ended; err != nil {
				s.t.Errorf("the gateway ended with: %v", err)
			}
		})
	}
	select {
	case <-ready:
	case err := <-ended:
		cancel()
		s.t.Fatalf("the gateway did not start: %v", err)
	case <-time.After(waittest.Bound(s.t)):
		cancel()
		s.t.Fatal("the gateway does not become ready")
	}
	s.t.Cleanup(stop)
	s.URL = "http://" + service.Addr().String()
	return stop
}

// Exec runs SQL.
func (s *System) Exec(sql string, args ...any) {
	s.t.Helper()
	if _, err := s.DB.Exec(context.Background(), sql, args...); err != nil {
		s.t.Fatal(err)
	}
}

// Scan reads one row.
func (s *System) Scan(sql string, args []any, into ...any) {
	s.t.Helper()
	if err := s.DB.QueryRow(context.Background(), sql, args...).Scan(into...); err != nil {
		s.t.Fatal(err)
	}
}

// User makes a user in the database.
func (s *System) User() uuid.UUID {
	s.t.Helper()
	id := uuid.New()
	s.Exec(`INSERT INTO gateway.users (id) VALUES ($1)`, id)
	return id
}

// Connection makes a connection of a user.
func (s *System) Connection(user uuid.UUID, provider, status string) uuid.UUID {
	s.t.Helper()
	id := uuid.New()
	s.Exec(`INSERT INTO oauth.connections (id, user_id, provider, status) VALUES ($1, $2, $3, $4)`, id, user, provider, status)
	return id
}

// Serve answers for another service.
func (s *System) Serve(service string, handlers ...bus.RPCHandler) {
	s.t.Helper()
	server, err := s.Bus.Serve(service, bustest.Logger(s.t), handlers...)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(server.Stop)
}

// Answer is what the gateway sent.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// Request is a request without a shape.
type Request struct {
	Method, Path string
	Body         string
	Header       map[string]string
	NoKey        bool
}

// Do sends a request, by default with the admin key and JSON. An answer with a status
// that the operation does not name in the OpenAPI document fails the test.
func (s *System) Do(r Request) Answer {
	s.t.Helper()
	req, err := http.NewRequestWithContext(context.Background(), r.Method, s.URL+r.Path, bytes.NewReader([]byte(r.Body)))
	if err != nil {
		s.t.Fatal(err)
	}
	if !r.NoKey {
		req.Header.Set("Authorization", "Bearer "+Key)
	}
	if r.Body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for name, value := range r.Header {
		req.Header.Set(name, value)
	}
	resp, err := s.HTTP.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	if fault := s.contract.Named(r.Method, req.URL.Path, resp.StatusCode); fault != "" {
		s.t.Errorf("%s: name it in openapi.yaml, or answer something else: %s", fault, body)
	}
	return Answer{Status: resp.StatusCode, Header: resp.Header, Body: body}
}

// Call sends a request that must be answered with status, and decodes the answer
// where into is not nil.
func (s *System) Call(method, path, body string, status int, into any) Answer {
	s.t.Helper()
	a := s.Do(Request{Method: method, Path: path, Body: body})
	if a.Status != status {
		s.t.Fatalf("%s %s answered %d, want %d: %s", method, path, a.Status, status, a.Body)
	}
	if into != nil {
		if err := json.Unmarshal(a.Body, into); err != nil {
			s.t.Fatalf("%s %s answered %s: %v", method, path, a.Body, err)
		}
	}
	return a
}

// Await asks again until the condition holds.
func (s *System) Await(what string, holds func() bool) {
	s.t.Helper()
	waittest.Until(s.t, what, holds)
}
