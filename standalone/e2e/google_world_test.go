package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/provider/simulator"
	"github.com/stridelog/stridelog/provider/simulator/fitbit"
	"github.com/stridelog/stridelog/provider/simulator/googlehealth"
	"github.com/stridelog/stridelog/services/poller"
	"github.com/stridelog/stridelog/standalone/internal/client"
	"github.com/stridelog/stridelog/standalone/internal/config"
	"github.com/stridelog/stridelog/standalone/internal/installation"
)

const (
	google        = "google_health"
	scopePrefix   = "https://www.googleapis.com/auth/googlehealth."
	scopeActivity = scopePrefix + "activity_and_fitness.readonly"
	scopeSettings = scopePrefix + "settings.readonly"
	googleDays    = 20
	notifySecret  = "Bearer a-secret-of-this-test-alone"
)

// googleWorld is a system with a simulated Google Health cloud. The same people have
// accounts at a simulated Fitbit, for those who come from there.
type googleWorld struct {
	*world
	health *googlehealth.Cloud
	google provider.Values
	in     *installation.Installation
	log    *factLog

	mu      sync.Mutex
	scripts map[string]func(*googlehealth.Call) *googlehealth.Fault // by account
}

// newGoogleWorld has two people and reads their last days every second, unless
// change asks for something else.
func newGoogleWorld(t *testing.T, o googlehealth.Options, change func(*config.Config)) *googleWorld {
	t.Helper()
	return newGoogleWorldOf(t, 2, o, change)
}

// newGoogleWorldOf has so many people.
func newGoogleWorldOf(t *testing.T, people int, o googlehealth.Options, change func(*config.Config)) *googleWorld {
	t.Helper()
	w := &googleWorld{world: newStores(t), scripts: map[string]func(*googlehealth.Call) *googlehealth.Fault{}}
	styles := []simulator.Style{simulator.StyleRunner, simulator.StyleRider}
	for i := range people {
		person, err := simulator.NewPerson(23, fmt.Sprintf("google person %d", i), "Europe/Berlin",
			simulator.Options{Style: styles[i%len(styles)], Now: time.Now(), Days: googleDays})
		if err != nil {
			t.Fatal(err)
		}
		w.people = append(w.people, person)
	}
	w.openCloud(t, fitbit.Options{})
	w.openGoogle(t, o)
	w.in = w.startWith(t, installation.Options{
		Log: testLog(t), Providers: map[string]provider.Values{google: w.google},
		Rescan: []poller.Scan{{Span: googleDays * day, Every: time.Second}},
		Change: func(c *config.Config) {
			c.Poll.Jitter, c.Poll.RemovalConfirm = 100*time.Millisecond, time.Second
			if change != nil {
				change(c)
			}
		},
	})
	w.log = followFacts(t, w.world)
	return w
}

// openGoogle makes the people's Google Health cloud.
func (w *googleWorld) openGoogle(t *testing.T, o googlehealth.Options) {
	t.Helper()
	o.ClientID, o.ClientSecret, o.RedirectURIs, o.People = "GOOGLE-CLIENT", "a-google-secret", []string{installation.CallbackURL(google)}, w.people
	o.Fault = w.fault
	var err error
	if w.health, err = googlehealth.New(o); err != nil {
		t.Fatal(err)
	}
	site := httptest.NewServer(w.health.Handler())
	t.Cleanup(site.Close)
	app := simulator.App{ClientID: o.ClientID, ClientSecret: o.ClientSecret, RedirectURIs: o.RedirectURIs}
	w.google = app.Settings(w.health, site.URL)
	w.google[provider.SettingNotificationSecret] = notifySecret
	// The scans of these tests are a thousand times as frequent as real ones.
	w.google["REQUESTS_PER_MINUTE"], w.google["APP_REQUESTS_PER_MINUTE"] = "100000", "100000"
	for _, p := range w.people {
		if err := w.health.SetQuota(googlehealth.HealthUserID(p), 100_000, time.Minute); err != nil {
			t.Fatal(err)
		}
	}
}

// fault is the cloud's fault hook.
func (w *googleWorld) fault(call *googlehealth.Call) *googlehealth.Fault {
	w.mu.Lock()
	script := w.scripts[call.AccountID]
	w.mu.Unlock()
	if script == nil {
		return nil
	}
	return script(call)
}

func (w *googleWorld) arm(account string, script func(*googlehealth.Call) *googlehealth.Fault) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.scripts[account] = script
}

// visit makes a user and lets a person decide on Google's page.
func (w *googleWorld) visit(ctx context.Context, t *testing.T, name string, d googlehealth.Decision) (client.User, *url.URL) {
	t.Helper()
	user, err := w.in.Client.EnsureUser(ctx, name)
	if err != nil {
		t.Fatal(err)
	}
	back, err := w.in.Client.ConnectAt(ctx, user.ID, google, appURL, d)
	if err != nil {
		t.Fatal(err)
	}
	return user, back
}

// join connects a user of a name with an account, which allows everything.
func (w *googleWorld) join(ctx context.Context, t *testing.T, name, account string) client.User {
	t.Helper()
	user, back := w.visit(ctx, t, name, googlehealth.Decision{AccountID: account})
	if back.Query().Get("status") != "active" {
		t.Fatalf("%s came back to %s", name, back)
	}
	return user
}

// settled is a connected user whose tables equal the truth.
func (w *googleWorld) settled(ctx context.Context, t *testing.T, name, account string) client.User {
	t.Helper()
	user := w.join(ctx, t, name, account)
	w.awaitRecords(ctx, t, user, account, nil, nil)
	return user
}

// awaitRecords waits until log and tables equal what the account has: each record
// with as many facts as it had versions, and a removal for each that is gone.
func (w *googleWorld) awaitRecords(ctx context.Context, t *testing.T, user client.User, account string, versions map[string]int, gone map[string]bool) {
	t.Helper()
	for {
		records := map[string]googlehealth.Record{}
		for _, r := range w.health.Records(account) {
			records[r.ExternalID] = r
		}
		rows := w.rows(ctx, t, user)
		facts := w.log.of(user.ID)
		a := inspectBy(func(raw json.RawMessage, truth simulator.Truth) []string {
			return googleDifferences(raw, user.ID, records[truth.ExternalID])
		}, facts, rows, w.health.Truth(account), versions, gone)
		want := len(records) + 2*len(gone)
		for _, n := range versions {
			want += n
		}
		if a.clean() && len(facts) == want {
			return
		}
		wait(t, ctx, "%d facts of %d: %v", len(facts), want, a)
	}
}

// googleDifferences compares what REST serves with a record of the cloud.
func googleDifferences(raw json.RawMessage, userID string, r googlehealth.Record) []string {
	got, found := measureDifferences(raw, userID, google, r.Truth)
	app, device, form := &r.Source.Platform, (*string)(nil), (*string)(nil)
	if r.Source.Application != "" {
		app = &r.Source.Application
	}
	if d := r.Source.Device; d != nil && d.Name != "" {
		lower := strings.ToLower(d.FormFactor)
		device, form = &d.Name, &lower
	}
	found.equal("source.source", got.Source.Source, app)
	found.equal("source.device_name", got.Source.DeviceName, device)
	found.equal("source.device_type", got.Source.DeviceType, form)
	var zones []events.HeartRateZone
	for _, z := range r.Zones {
		seconds := float64(z.Minutes) * 60
		zones = append(zones, events.HeartRateZone{Zone: z.Word, DurationSeconds: &seconds})
	}
	found.equal("heart_rate_zones", got.HeartRateZones, zones)
	return found
}

// awaitConnection waits for a status of a user's connection with a provider.
func (w *googleWorld) awaitConnection(ctx context.Context, t *testing.T, user client.User, provider, status, reason string) client.Connection {
	t.Helper()
	for {
		list, err := w.in.Client.Connections(ctx, user.ID)
		if err != nil {
			t.Fatal(err)
		}
		i := slices.IndexFunc(list, func(c client.Connection) bool {
			return c.Provider == provider && c.Status == status && c.Reason == reason
		})
		if i >= 0 {
			return list[i]
		}
		wait(t, ctx, "a connection at %s that is %s (%s): %+v", provider, status, reason, list)
	}
}

// awaitChange waits until a user was told of a change.
func (w *googleWorld) awaitChange(ctx context.Context, t *testing.T, user client.User, change statusChange) {
	t.Helper()
	for !slices.Contains(w.log.changesOf(user.ID), change) {
		wait(t, ctx, "the event of %+v: %+v", change, w.log.changesOf(user.ID))
	}
}

// quiet are the account's records that every scan reads and that nothing but a
// test changes: newest first, without those of the last day.
func (w *googleWorld) quiet(account string) []googlehealth.Record {
	now := time.Now()
	records := slices.DeleteFunc(w.health.Records(account), func(r googlehealth.Record) bool {
		return r.Start.After(now.Add(-48*time.Hour)) || r.Start.Before(now.Add(-(googleDays-3)*day))
	})
	slices.Reverse(records)
	return records
}

// rows are all of a user's workouts, hidden duplicates included.
func (w *googleWorld) rows(ctx context.Context, t *testing.T, user client.User) []json.RawMessage {
	t.Helper()
	rows, err := w.in.Client.Workouts(ctx, user.ID, url.Values{"include": {"duplicates"}})
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// awaitFacts waits until the log has so many facts of a record.
func (w *googleWorld) awaitFacts(ctx context.Context, t *testing.T, user client.User, externalID string, want int) {
	t.Helper()
	for {
		n := 0
		for _, f := range w.log.of(user.ID) {
			if f.ExternalID == externalID {
				n++
			}
		}
		if n >= want {
			return
		}
		wait(t, ctx, "%d facts of %s: %d", want, externalID, n)
	}
}
