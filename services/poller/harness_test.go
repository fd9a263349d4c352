package poller

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"pgregory.net/rapid"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/events/rpc"
	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/platform/bus/bustest"
	"github.com/stridelog/stridelog/platform/postgres/postgrestest"
	"github.com/stridelog/stridelog/platform/waittest"
	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/services/poller/internal/imports"
	"github.com/stridelog/stridelog/services/poller/internal/work"
)

const cloudName = "cloud"

// world is what a poller lives in: a database, NATS, a provider and a token service.
type world struct {
	t     testing.TB
	db    *pgxpool.Pool
	bus   *bus.Bus
	cloud *cloud
	clock *clock

	mu       sync.Mutex
	tokenErr error // what the token service answers instead of a token
	rejected []rpc.TokenRejectedRequest
	stands   rpc.TokenRejectedResponse
	version  int64
	told     []rpc.ReportRequest
	answers  rpc.ReportResponse // to a report
	access   string             // the access token, when it is a real one
}

// check is the test as one check of a property sees it: what it opens is closed
// with the check, so that the stores of all of them do not stay open together.
type check struct {
	testing.TB
	r *rapid.T
}

func (c check) Cleanup(f func()) { c.r.Cleanup(f) }

func newWorld(t testing.TB) *world {
	t.Helper()
	return newWorldOn(t, bustest.New(t))
}

func newWorldOn(t testing.TB, b *bus.Bus) *world {
	t.Helper()
	w := &world{
		t: t, db: postgrestest.New(t), bus: b,
		cloud: &cloud{pageSize: 10}, clock: &clock{at: time.Date(2026, 5, 10, 12, 0, 0, 0, time.UTC)},
		stands: rpc.TokenRejectedResponse{Status: events.StatusActive}, answers: rpc.ReportResponse{Status: events.StatusActive}, version: 1,
	}
	w.serve()
	return w
}

// serve answers as the oauth service on the present bus.
func (w *world) serve() {
	server, err := w.bus.Serve("oauth", bustest.Logger(w.t),
		bus.Method[rpc.TokenRequest, rpc.TokenResponse](rpc.OAuthToken, func(context.Context, rpc.TokenRequest) (rpc.TokenResponse, error) {
			w.mu.Lock()
			defer w.mu.Unlock()
			access := w.access
			if access == "" {
				access = fmt.Sprintf("token-%d", w.version)
			}
			return rpc.TokenResponse{AccessToken: access, TokenVersion: w.version}, w.tokenErr
		}),
		bus.Method[rpc.TokenRejectedRequest, rpc.TokenRejectedResponse](rpc.OAuthTokenRejected, func(_ context.Context, r rpc.TokenRejectedRequest) (rpc.TokenRejectedResponse, error) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.rejected = append(w.rejected, r)
			w.version++
			return w.stands, nil
		}),
		bus.Method[rpc.ReportRequest, rpc.ReportResponse](rpc.OAuthReport, func(_ context.Context, r rpc.ReportRequest) (rpc.ReportResponse, error) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.told = append(w.told, r)
			return w.answers, nil
		}))
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(server.Stop)
}

func (w *world) set(change func(w *world)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	change(w)
}

func (w *world) config() Config {
	return Config{
		Log: bustest.Logger(w.t), DB: w.db, Bus: w.bus, InitialDays: 30, Lease: 30 * time.Second, Workers: 2,
		Rescan: []Scan{{Span: 2 * day, Every: 15 * time.Minute}, {Span: 7 * day, Every: 6 * time.Hour}},
		Connectors: provider.Connectors{cloudName: {
			Descriptor: provider.Descriptor{Name: cloudName}, Sources: []provider.Source{{
				Name: "activity", Kind: "activity", List: w.cloud, ProvesAbsence: true, HashVersion: 1, Volatile: []string{"link"},
			}},
		}},
	}
}

const day = 24 * time.Hour

// running is a poller at work.
type running struct {
	stop func() error // ends it and gives what Run returned
	done <-chan struct{}
}

// start runs a poller; it ends with the test, or before by stop or a hook.
func (w *world) start(c Config, hooks work.Hooks) *running {
	w.t.Helper()
	return w.startWith(c, hooks, imports.Hooks{})
}

func (w *world) startWith(c Config, hooks work.Hooks, importing imports.Hooks) *running {
	w.t.Helper()
	s, err := New(c)
	if err != nil {
		w.t.Fatal(err)
	}
	s.now, s.hooks, s.importHooks = w.clock.now, hooks, importing
	ctx, cancel := context.WithCancel(context.Background())
	ready, done := make(chan struct{}), make(chan struct{})
	var failed error
	go func() {
		defer close(done)
		var once sync.Once
		failed = s.Run(ctx, func() { once.Do(func() { close(ready) }) })
	}()
	r := &running{done: done, stop: func() error {
		cancel()
		<-done
		return failed
	}}
	w.t.Cleanup(func() { _ = r.stop() })
	select {
	case <-ready:
	case <-done: // a hook may end it at once
	case <-time.After(waittest.Bound(w.t)):
		w.t.Fatal("the poller does not get ready")
	}
	return r
}

// died waits until a poller ended by itself.
func (w *world) died(r *running) error {
	w.t.Helper()
	waittest.Receive(w.t, "the poller ends by itself", r.done)
	return r.stop()
}

// advance moves the clock and wakes the workers. It waits for them first: a jump
// would end a lease that is being worked on.
func (w *world) advance(d time.Duration) {
	w.t.Helper()
	w.settled()
	w.clock.advance(d)
	if _, err := w.db.Exec(w.t.Context(), "SELECT pg_notify('poller_work', '')"); err != nil {
		w.t.Fatal(err)
	}
}

// eventually waits for a condition.
func (w *world) eventually(what string, ok func() bool) {
	w.t.Helper()
	waittest.Until(w.t, what, ok)
}

type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// person is a user with a connection.
type person struct{ user, connection string }

func newPerson() person { return person{user: uuid.NewString(), connection: uuid.NewString()} }

func (w *world) publish(e events.Event) bus.Ack {
	w.t.Helper()
	if e.ID == "" {
		e.ID = events.NewID()
	}
	e.Source, e.Time, e.Provider = "stridelog/test", w.clock.now(), cloudName
	ack, err := w.bus.Publish(w.t.Context(), e)
	if err != nil {
		w.t.Fatal(err)
	}
	return ack
}

func (w *world) activate(p person) (syncID string) {
	w.t.Helper()
	id := events.NewID()
	w.publish(events.Event{ID: id, UserID: p.user, Data: &events.ConnectionActivated{
		ConnectionID: p.connection, UserID: p.user, Provider: cloudName, ProviderAccountID: "acc-" + p.user, ActivatedAt: w.clock.now(),
	}})
	return events.SyncID(id)
}

func (w *world) request(p person, trigger string, from, to time.Time) (syncID string) {
	w.t.Helper()
	id := events.NewID()
	w.publish(events.Event{UserID: p.user, Data: &events.SyncRequested{
		SyncID: id, UserID: p.user, Provider: cloudName, Window: events.Window{From: from, To: to}, Trigger: trigger, RequestedAt: w.clock.now(),
	}})
	return id
}

func read[T events.Data](w *world, stream, subjects string) []T {
	w.t.Helper()
	var all []T
	_, err := w.bus.Read(w.t.Context(), stream, []string{subjects}, 1, func(d bus.Delivery) error {
		data, ok := d.Event.Data.(T)
		if !ok {
			return fmt.Errorf("unexpected event %s: %w", d.Event.Type(), errors.Join(d.Err))
		}
		all = append(all, data)
		return nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return all
}

func (w *world) facts() []*events.ActivityFetched {
	w.t.Helper()
	return read[*events.ActivityFetched](w, events.StreamFacts, events.TypeSubjects(events.TypeActivityFetched))
}

func (w *world) reports(syncID string) []*events.SyncFinished {
	w.t.Helper()
	var of []*events.SyncFinished
	for _, r := range read[*events.SyncFinished](w, events.StreamSyncs, events.TypeSubjects(events.TypeSyncFinished)) {
		if syncID == "" || r.SyncID == syncID {
			of = append(of, r)
		}
	}
	return of
}

// ended waits for the last report of a sync.
func (w *world) ended(syncID string) *events.SyncFinished {
	w.t.Helper()
	return w.reported(syncID, "")
}

// reported waits for a report of a sync with a status; empty is any final one.
func (w *world) reported(syncID string, status events.SyncStatus) *events.SyncFinished {
	w.t.Helper()
	var found *events.SyncFinished
	w.eventually("a report of the sync "+string(status), func() bool {
		for _, r := range w.reports(syncID) {
			if r.Status == status || status == "" && r.Status != events.SyncDeferred {
				found = r
			}
		}
		return found != nil
	})
	return found
}

// settled waits until no target has work or is leased, and everything was said.
func (w *world) settled() {
	w.t.Helper()
	w.eventually("the poller has nothing left to do", func() bool { return !w.busy() })
}

// busy says whether some target has work or is leased, or something is still to be said.
func (w *world) busy() (busy bool) {
	w.t.Helper()
	err := w.db.QueryRow(w.t.Context(), `SELECT EXISTS (SELECT FROM poller.targets WHERE lease_until > $1
			OR status = 'active' AND due_at <= $1) OR EXISTS (SELECT FROM poller.outbox)`, w.clock.now()).Scan(&busy)
	if err != nil {
		w.t.Fatal(err)
	}
	return busy
}
