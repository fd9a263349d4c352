package e2e

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/stridelog/stridelog/platform/porttest"
	"github.com/stridelog/stridelog/provider/simulator"
	"github.com/stridelog/stridelog/provider/simulator/fitbit"
	"github.com/stridelog/stridelog/standalone/internal/client"
)

// twoProcesses is a system of two processes, each with every service.
type twoProcesses struct {
	*world
	clients [2]*client.Client // one a process

	mu    sync.Mutex
	asked [2]map[string]bool // whose lists a process has asked for, by token
	both  chan struct{}      // closed when both have asked
}

func newTwoProcesses(t *testing.T, people int) *twoProcesses {
	t.Helper()
	w := &twoProcesses{world: newStores(t)}
	w.waitForBoth()
	w.populate(t, people, fitbit.Options{})
	env := w.environment(t, "")
	for i := range w.clients {
		// Each process reaches the same cloud by an address of its own, which tells
		// who asks.
		site := httptest.NewServer(w.watched(i))
		t.Cleanup(site.Close)
		addr := porttest.Address(t)
		own := append(slices.Clone(env), "HTTP_ADDR="+addr, "FITBIT_API_BASE_URL="+site.URL)
		startProcess(t, own, "serve")
		w.clients[i] = clientAt(addr)
	}
	for _, c := range w.clients {
		awaitProviders(t, c)
	}
	return w
}

// waitForBoth makes both pollers wait for each other once more.
func (w *twoProcesses) waitForBoth() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.asked, w.both = [2]map[string]bool{{}, {}}, make(chan struct{})
}

// watched is the cloud as one process reaches it. Nobody's lists are answered
// before the other has asked too, so that neither can do all the work alone.
func (w *twoProcesses) watched(i int) http.Handler {
	cloud := w.cloud.Handler()
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/activities/list.json") {
			select {
			case <-w.arrive(i, r.Header.Get("Authorization")):
			case <-r.Context().Done():
				return
			}
		}
		cloud.ServeHTTP(rw, r)
	})
}

func (w *twoProcesses) arrive(i int, token string) <-chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	before := len(w.asked[0]) > 0 && len(w.asked[1]) > 0
	w.asked[i][token] = true
	if !before && len(w.asked[0]) > 0 && len(w.asked[1]) > 0 {
		close(w.both)
	}
	return w.both
}

// TestTwoOfEveryServiceShareTheWork also publishes messages that nobody can read,
// and sees both go on after them.
func TestTwoOfEveryServiceShareTheWork(t *testing.T) {
	const people = 20 // more than the workers of one poller
	w := newTwoProcesses(t, people)
	ctx := deadline(t)
	var users []client.User // in the order of the people
	for i, person := range w.people {
		user, err := w.clients[i%2].EnsureUser(ctx, person.Name())
		if err == nil {
			err = consent(ctx, w.clients[(i+1)%2], user.ID, person.AccountID())
		}
		if err != nil {
			t.Fatal(err)
		}
		users = append(users, user)
		if i == people/2 {
			w.poison(ctx, t, users[0].ID)
		}
	}
	for i, person := range w.people {
		w.sameAtBoth(ctx, t, users[i], person)
	}
	// The user whose subjects hold the poison goes on, and so does everybody else,
	// by the work of both.
	start := [2]work{w.done(ctx, t, 0), w.done(ctx, t, 1)}
	for rounds := 1; ; rounds++ {
		w.anotherRound(ctx, t, users, time.Duration(rounds)*time.Hour)
		now := [2]work{w.done(ctx, t, 0), w.done(ctx, t, 1)}
		shared := true
		for i := range now {
			shared = shared && now[i].published > start[i].published && now[i].folded > start[i].folded
		}
		if shared {
			t.Logf("since the start the processes published %d and %d facts and folded %d and %d; %d rounds after the poison",
				now[0].published, now[1].published, now[0].folded, now[1].folded, rounds)
			return
		}
		if ctx.Err() != nil {
			t.Fatalf("the work is not shared: at first %+v, after %d rounds %+v", start, rounds, now)
		}
	}
}

// anotherRound gives every account a record of some time ago, syncs it through one
// gateway and compares at both.
func (w *twoProcesses) anotherRound(ctx context.Context, t *testing.T, users []client.User, ago time.Duration) {
	t.Helper()
	w.waitForBoth()
	syncs := make([]string, len(users))
	for i, person := range w.people {
		account := person.AccountID()
		truth := w.cloud.Truth(account)[0]
		truth.ExternalID, truth.OriginalStart = "", time.Time{}
		truth.Start = time.Now().UTC().Truncate(time.Second).Add(-30*time.Hour - ago)
		if _, err := w.cloud.Upload(account, truth); err != nil {
			t.Fatal(err)
		}
		var sync client.Sync
		if err := w.clients[i%2].Call(ctx, http.MethodPost, "/providers/fitbit/users/"+users[i].ID+"/sync", nil, &sync); err != nil {
			t.Fatal(err)
		}
		syncs[i] = sync.SyncID
	}
	for i, person := range w.people {
		if got, err := w.clients[(i+1)%2].AwaitSync(ctx, users[i].ID, syncs[i]); err != nil || got.Status != "success" {
			t.Fatalf("%s: after the poison a sync ended %q: %v", person.Name(), got.Status, err)
		}
		w.sameAtBoth(ctx, t, users[i], person)
	}
}

// work is what a process says that it did.
type work struct{ published, folded int }

// done reads a process's own counters.
func (w *twoProcesses) done(ctx context.Context, t *testing.T, i int) work {
	t.Helper()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, w.clients[i].BaseURL+"/metrics", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var did work
	lines := bufio.NewScanner(resp.Body)
	for lines.Scan() {
		name, value, _ := strings.Cut(lines.Text(), " ")
		n, _ := strconv.Atoi(value) // comments hold no number
		switch name, _, _ := strings.Cut(name, "{"); name {
		case "stridelog_poller_activities_published_total":
			did.published += n
		case "stridelog_projector_facts_total":
			did.folded += n
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return did
}

// sameAtBoth waits for the truth and wants both gateways to serve the same bytes.
func (w *twoProcesses) sameAtBoth(ctx context.Context, t *testing.T, user client.User, person *simulator.Person) {
	t.Helper()
	w.awaitTruth(ctx, t, w.clients[0], user, person)
	var lists [2]map[string][]byte
	for i, c := range w.clients {
		rows, err := c.Workouts(ctx, user.ID, everyRecord())
		if err != nil {
			t.Fatal(err)
		}
		lists[i] = byExternalID(t, rows)
	}
	if !maps.EqualFunc(lists[0], lists[1], func(a, b []byte) bool { return string(a) == string(b) }) {
		t.Errorf("%s: the gateways do not serve the same", person.Name())
	}
}

// poison publishes what nobody can read, on subjects that the projector and the
// poller consume, and waits for the dead letters.
func (w *twoProcesses) poison(ctx context.Context, t *testing.T, userID string) {
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
