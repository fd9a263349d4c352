// Package e2e runs the whole system as its users do: over HTTP and NATS, in one
// process and in four, against a simulated cloud.
package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/stridelog/stridelog/platform/natsserver"
	"github.com/stridelog/stridelog/platform/postgres/postgrestest"
	"github.com/stridelog/stridelog/platform/waittest"
	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/provider/simulator"
	"github.com/stridelog/stridelog/provider/simulator/fitbit"
	"github.com/stridelog/stridelog/services/oauth"
	"github.com/stridelog/stridelog/standalone/internal/client"
	"github.com/stridelog/stridelog/standalone/internal/installation"
)

const (
	historyDays = 90
	appURL      = "http://app.test/done"
)

// world is the stores and the cloud that a system under test lives in.
type world struct {
	cloud                *fitbit.Cloud
	fitbit               provider.Values
	people               []*simulator.Person
	databaseURL, natsURL string
	js                   jetstream.JetStream // see jetStream
}

// newStores makes a world with empty stores and without a cloud.
func newStores(t *testing.T) *world {
	t.Helper()
	server, err := natsserver.Start(natsserver.Options{StoreDir: t.TempDir(), Log: testLog(t)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Stop)
	w := &world{databaseURL: postgrestest.URL(t), natsURL: server.URL()}
	w.conformAtTheEnd(t)
	return w
}

// newWorld has four people of different habits.
func newWorld(t *testing.T) *world {
	t.Helper()
	w := newStores(t)
	w.addFourPeople(t)
	return w
}

// addFourPeople makes four people of different habits and their cloud.
func (w *world) addFourPeople(t *testing.T) {
	t.Helper()
	for _, p := range []struct {
		name, zone string
		options    simulator.Options
	}{
		{"runner", "Europe/Berlin", simulator.Options{Style: simulator.StyleRunner}},
		{"rider in miles", "America/Los_Angeles", simulator.Options{Style: simulator.StyleRider, Miles: true}},
		{"lifter", "Europe/London", simulator.Options{Style: simulator.StyleGym, Language: "it"}},
		{"traveller", "Asia/Kolkata", simulator.Options{Style: simulator.StyleWalker, Travels: []string{"America/New_York"}}},
	} {
		p.options.Now, p.options.Days = time.Now(), historyDays-1
		person, err := simulator.NewPerson(7, p.name, p.zone, p.options)
		if err != nil {
			t.Fatal(err)
		}
		w.people = append(w.people, person)
	}
	w.openCloud(t, fitbit.Options{})
}

// openCloud makes the people's cloud.
func (w *world) openCloud(t *testing.T, o fitbit.Options) {
	t.Helper()
	o.ClientID, o.ClientSecret, o.RedirectURIs, o.People = "CLIENT", "a-client-secret", []string{installation.CallbackURL("fitbit")}, w.people
	var err error
	if w.cloud, err = fitbit.New(o); err != nil {
		t.Fatal(err)
	}
	site := httptest.NewServer(w.cloud.Handler())
	t.Cleanup(site.Close)
	app := simulator.App{ClientID: o.ClientID, ClientSecret: o.ClientSecret, RedirectURIs: o.RedirectURIs}
	w.fitbit = app.Settings(w.cloud, site.URL)
}

// start runs all services in this process.
func (w *world) start(t *testing.T) *installation.Installation {
	t.Helper()
	return w.startWith(t, installation.Options{Log: testLog(t)})
}

// startWith runs all services in this process on this world's stores and cloud.
func (w *world) startWith(t *testing.T, o installation.Options) *installation.Installation {
	t.Helper()
	o.DatabaseURL, o.NATSURL = w.databaseURL, w.natsURL
	if o.Providers == nil {
		o.Providers = map[string]provider.Values{}
	}
	o.Providers["fitbit"] = w.fitbit
	in, err := installation.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := in.Stop(); err != nil {
			t.Errorf("the system did not end well: %v", err)
		}
	})
	return in
}

// environment is that of a process which serves at an address.
func (w *world) environment(t *testing.T, addr string) []string {
	t.Helper()
	sealing, err := oauth.NewSealingKey()
	if err != nil {
		t.Fatal(err)
	}
	environment := []string{
		"DATABASE_URL=" + w.databaseURL, "NATS_URL=" + w.natsURL, "HTTP_ADDR=" + addr,
		"STRIDELOG_SEALING_KEY=" + sealing, "STRIDELOG_ADMIN_KEY=" + installation.AdminKey,
		"STRIDELOG_REDIRECT_ALLOWLIST=http://app.test",
	}
	for setting, value := range w.fitbit {
		environment = append(environment, provider.Variable("fitbit", setting)+"="+value.Reveal())
	}
	return environment
}

// clientAt calls the gateway of a process.
func clientAt(addr string) *client.Client {
	return &client.Client{BaseURL: "http://" + addr, Key: installation.AdminKey, HTTP: slowHTTP()}
}

// consent lets an account's owner consent to everything.
func consent(ctx context.Context, c *client.Client, userID, account string) error {
	back, err := c.ConnectAt(ctx, userID, "fitbit", appURL, fitbit.Decision{AccountID: account})
	if err == nil && back.Query().Get("status") != "active" {
		err = fmt.Errorf("the person came back to %s", back)
	}
	return err
}

// join makes a user for a person and lets them consent.
func join(ctx context.Context, t *testing.T, c *client.Client, person *simulator.Person) client.User {
	t.Helper()
	user, err := c.EnsureUser(ctx, person.Name())
	if err == nil {
		err = consent(ctx, c, user.ID, person.AccountID())
	}
	if err != nil {
		t.Fatal(err)
	}
	return user
}

// connect makes a user for a person, gives consent and reads the history.
func (w *world) connect(t *testing.T, c *client.Client, person *simulator.Person) client.User {
	t.Helper()
	ctx := deadline(t)
	user := join(ctx, t, c, person)
	syncID, err := c.Historical(ctx, user.ID, "fitbit", historyDays)
	if err != nil {
		t.Fatal(err)
	}
	sync, err := c.AwaitSync(ctx, user.ID, syncID)
	if err != nil {
		t.Fatal(err)
	}
	if sync.Status != "success" {
		t.Fatalf("the historical sync ended %s: %+v", sync.Status, sync.Error)
	}
	return user
}

// workouts waits until as many workouts are readable as the person has.
func (w *world) workouts(t *testing.T, c *client.Client, user client.User, person *simulator.Person) map[string][]byte {
	t.Helper()
	want := len(w.cloud.Truth(person.AccountID()))
	if want < 20 {
		t.Fatalf("the simulator gave %s only %d workouts", person.Name(), want)
	}
	ctx := deadline(t)
	for {
		list, err := c.Workouts(ctx, user.ID, everyRecord())
		if err != nil {
			t.Fatal(err)
		}
		if len(list) >= want {
			return byExternalID(t, list)
		}
		wait(t, ctx, "workouts of %s: %d of %d", person.Name(), len(list), want)
	}
}

// verify compares everything that is served with what happened, and the raw
// bytes with what the cloud sent.
func (w *world) verify(t *testing.T, c *client.Client, user client.User, person *simulator.Person) {
	t.Helper()
	w.awaitTruth(deadline(t), t, c, user, person)
	got := w.workouts(t, c, user, person)
	for _, truth := range w.cloud.Truth(person.AccountID())[:5] {
		var sent []byte
		id := workoutID(t, got[truth.ExternalID])
		if err := c.Call(deadline(t), "GET", "/workouts/"+id+"/raw", nil, &sent); err != nil {
			t.Fatal(err)
		}
		if want := w.cloud.RawRecord(person.AccountID(), truth.ExternalID); string(sent) != string(want) {
			t.Errorf("raw of %s: the cloud sent\n%s\nand /raw gives\n%s", truth.ExternalID, want, sent)
		}
	}
}

// awaitTruth waits until log and tables equal what happened, with one fact a
// record: nobody has edited anything.
func (w *world) awaitTruth(ctx context.Context, t *testing.T, c *client.Client, user client.User, person *simulator.Person) {
	t.Helper()
	a, err := awaitAudit(ctx, c, w.jetStream(t), user.ID, func(facts []factLine, rows []json.RawMessage) audit {
		return inspect(facts, rows, user.ID, w.cloud.Truth(person.AccountID()), nil, nil, nil)
	})
	if err != nil || !a.clean() {
		t.Fatalf("%s: %v; error: %v", person.Name(), a, err)
	}
}

// jetStream is a NATS client with nothing of ours, the same for the whole test.
func (w *world) jetStream(t *testing.T) jetstream.JetStream {
	t.Helper()
	if w.js != nil {
		return w.js
	}
	nc, err := nats.Connect(w.natsURL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	if w.js, err = jetstream.New(nc); err != nil {
		t.Fatal(err)
	}
	return w.js
}

func deadline(t *testing.T) context.Context {
	t.Helper()
	return waittest.Context(t)
}

// slowHTTP gives an answer up only when a broken test hangs.
func slowHTTP() *http.Client { return &http.Client{Timeout: 10 * time.Minute} }

// everyRecord asks for duplicates too: a cloud's records may touch each other, and
// what is compared with a cloud is all of them.
func everyRecord() url.Values { return url.Values{"include": {"duplicates"}} }

// wait is one step of polling for a condition that no signal tells of.
func wait(t *testing.T, ctx context.Context, what string, args ...any) {
	t.Helper()
	if pauseFor(ctx, 50*time.Millisecond) != nil {
		t.Fatalf("waited too long: "+what, args...)
	}
}

// pauseFor ends early, with an error, when the context does.
func pauseFor(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// testLog shows warnings with the test that caused them.
func testLog(t *testing.T) *slog.Logger {
	return slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
}
