package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/stridelog/stridelog/platform/natsserver"
	"github.com/stridelog/stridelog/platform/postgres/postgrestest"
	"github.com/stridelog/stridelog/provider/simulator/fitbit"
	"github.com/stridelog/stridelog/services/oauth"
	"github.com/stridelog/stridelog/standalone/internal/client"
	"github.com/stridelog/stridelog/standalone/internal/installation"
)

// twins is a system with two processes of every service but oauth.
type twins struct {
	*world
	clients [2]*client.Client // one a gateway

	mu     sync.Mutex
	served [2]map[string]int // list requests by poller and account
	both   chan struct{}     // closed when both pollers have asked
}

func newTwins(t *testing.T, people int) *twins {
	t.Helper()
	w := &twins{world: &world{databaseURL: postgrestest.URL(t)}, served: [2]map[string]int{{}, {}}, both: make(chan struct{})}
	server, err := natsserver.Start(natsserver.Options{StoreDir: t.TempDir(), Log: testLog(t)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Stop)
	w.natsURL = server.URL()
	w.populate(t, people, fitbit.Options{})
	sealing, err := oauth.NewSealingKey()
	if err != nil {
		t.Fatal(err)
	}
	for i := range 2 {
		// Each set of processes reaches the same cloud by an address of its own,
		// which tells who asks.
		site := httptest.NewServer(w.watched(i))
		t.Cleanup(site.Close)
		addr := freeAddr(t)
		env := []string{
			"DATABASE_URL=" + w.databaseURL, "NATS_URL=" + w.natsURL, "HTTP_ADDR=" + addr,
			"STRIDELOG_SEALING_KEY=" + sealing, "STRIDELOG_ADMIN_KEY=" + installation.AdminKey,
			"STRIDELOG_REDIRECT_ALLOWLIST=http://app.test",
			"FITBIT_CLIENT_ID=" + w.fitbit.ClientID, "FITBIT_CLIENT_SECRET=" + w.fitbit.ClientSecret,
			"FITBIT_REDIRECT_URI=" + w.fitbit.RedirectURI, "FITBIT_AUTHORIZE_URL=" + w.fitbit.AuthorizeURL,
			"FITBIT_API_BASE_URL=" + site.URL,
		}
		for _, service := range []string{"gateway", "projector", "poller"} {
			startProcess(t, env, service)
		}
		if i == 0 {
			startProcess(t, env, "oauth")
		}
		w.clients[i] = &client.Client{BaseURL: "http://" + addr, Key: installation.AdminKey, HTTP: &http.Client{Timeout: 30 * time.Second}}
	}
	for _, c := range w.clients {
		awaitProviders(t, c)
	}
	return w
}

// watched is the cloud as one poller reaches it. Nobody's first lists are answered
// before the other has asked too, so that neither can do all the work alone.
func (w *twins) watched(i int) http.Handler {
	cloud := w.cloud.Handler()
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/activities/list.json") {
			w.mu.Lock()
			if w.served[i][r.Header.Get("Authorization")]++; len(w.served[0]) > 0 && len(w.served[1]) > 0 {
				select {
				case <-w.both:
				default:
					close(w.both)
				}
			}
			w.mu.Unlock()
			select {
			case <-w.both:
			case <-r.Context().Done():
				return
			}
		}
		cloud.ServeHTTP(rw, r)
	})
}

// TestTwoOfEveryServiceShareTheWork also publishes messages that nobody can read.
func TestTwoOfEveryServiceShareTheWork(t *testing.T) {
	const people = 20 // more than the workers of one poller
	w := newTwins(t, people)
	ctx := deadline(t)
	users := map[string]client.User{}
	for i, person := range w.people {
		user, err := w.clients[i%2].EnsureUser(ctx, person.Name())
		if err != nil {
			t.Fatal(err)
		}
		users[person.AccountID()] = user
		back, err := w.clients[(i+1)%2].Connect(ctx, user.ID, appURL, fitbit.Decision{AccountID: person.AccountID()})
		if err != nil || back.Query().Get("status") != "active" {
			t.Fatalf("the person came back to %s: %v", back, err)
		}
		if i == people/2 {
			w.poison(ctx, t, users[w.people[0].AccountID()].ID)
		}
	}
	for account, user := range users {
		w.sameAtBoth(ctx, t, account, user)
	}
	w.mu.Lock()
	for i, served := range w.served {
		if len(served) == 0 {
			t.Errorf("poller %d did nothing", i+1)
		}
		t.Logf("poller %d read %d of %d accounts", i+1, len(served), people)
	}
	w.mu.Unlock()

	// The user whose subjects hold the poison goes on, too.
	account := w.people[0].AccountID()
	truth := w.cloud.Truth(account)[0]
	truth.ExternalID, truth.Start = "", time.Now().UTC().Truncate(time.Second).Add(-30*time.Hour)
	if _, err := w.cloud.Upload(account, truth); err != nil {
		t.Fatal(err)
	}
	var sync client.Sync
	if err := w.clients[0].Call(ctx, http.MethodPost, "/providers/fitbit/users/"+users[account].ID+"/sync", nil, &sync); err != nil {
		t.Fatal(err)
	}
	if got, err := w.clients[1].AwaitSync(ctx, users[account].ID, sync.SyncID); err != nil || got.Status != "success" {
		t.Errorf("after the poison a sync ended %q: %v", got.Status, err)
	}
	w.sameAtBoth(ctx, t, account, users[account])
}

// sameAtBoth waits until the audit is clean and wants both gateways to serve the
// same bytes.
func (w *twins) sameAtBoth(ctx context.Context, t *testing.T, account string, user client.User) {
	t.Helper()
	js := w.jetStream(t)
	a, err := awaitAudit(ctx, w.clients[0], js, user.ID, func(facts []factLine, rows []rawRow) audit {
		return inspect(facts, rows, user.ID, w.cloud.Truth(account), nil, nil, nil)
	})
	if err != nil || !a.clean() {
		t.Fatalf("account %s: %v: %v", account, a, err)
	}
	var lists [2]map[string][]byte
	for i, c := range w.clients {
		rows, err := c.Workouts(ctx, user.ID, nil)
		if err != nil {
			t.Fatal(err)
		}
		lists[i] = byExternalID(t, rows)
	}
	if !maps.EqualFunc(lists[0], lists[1], func(a, b []byte) bool { return string(a) == string(b) }) {
		t.Errorf("account %s: the gateways do not serve the same", account)
	}
}

// poison publishes what nobody can read, on subjects that the projector and the
// poller consume, and waits for the dead letters.
func (w *twins) poison(ctx context.Context, t *testing.T, userID string) {
	t.Helper()
	js := w.jetStream(t)
	want := map[string]string{}
	for subject, service := range map[string]string{
		"stridelog.activity.fetched.fitbit." + userID: "projector",
		"stridelog.sync.requested.fitbit." + userID:   "poller",
	} {
		ack, err := js.PublishMsg(ctx, &nats.Msg{Subject: subject, Header: nats.Header{"ce-type": {"nonsense"}}, Data: []byte(`{"half":`)})
		if err != nil {
			t.Fatal(err)
		}
		want[fmt.Sprintf("%s %s %d", service, ack.Stream, ack.Sequence)] = subject
	}
	for len(want) > 0 {
		err := readAll(ctx, js, "STRIDELOG_DEAD_LETTERS", ">", func(m jetstream.Msg) error {
			h := m.Headers()
			delete(want, fmt.Sprintf("%s %s %s", h.Get("Dead-Letter-Service"), h.Get("Dead-Letter-Stream"), h.Get("Dead-Letter-Sequence")))
			if h.Get("Dead-Letter-Reason") == "" || json.Valid(m.Data()) {
				return fmt.Errorf("dead letter without a reason or with other bytes: %v %q", h, m.Data())
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if pauseFor(ctx, 50*time.Millisecond) != nil {
			t.Fatalf("no dead letter of %v", want)
		}
	}
}
