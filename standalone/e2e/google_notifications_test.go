package e2e

import (
	"context"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/stridelog/stridelog/provider"
	connector "github.com/stridelog/stridelog/provider/googlehealth"
	"github.com/stridelog/stridelog/provider/simulator/googlehealth"
	"github.com/stridelog/stridelog/standalone/internal/client"
	"github.com/stridelog/stridelog/standalone/internal/config"
)

const subscriberID = "stridelog-e2e"

// newNotifiedWorld never scans by itself: what arrives was told of. Two users share
// the first account, and all tables equal the truth.
func newNotifiedWorld(ctx context.Context, t *testing.T, o googlehealth.Options) (w *googleWorld, account string, users []client.User) {
	t.Helper()
	w = newGoogleWorld(t, o, func(c *config.Config) { c.Poll.Rescan = nil })
	account = googlehealth.HealthUserID(w.people[0])
	for _, name := range []string{"first", "second"} {
		users = append(users, w.settled(ctx, t, name, account))
	}
	project := connector.Project{Number: "123456789012", Token: provider.Secret(w.health.ProjectToken()), APIBaseURL: w.google.Text(provider.SettingAPIBaseURL)}
	for range 2 { // again is a change of what there is
		state, err := project.Subscribe(ctx, connector.Subscriber{
			ID: subscriberID, Endpoint: w.in.Client.BaseURL + "/api/v1/providers/google_health/notifications", Secret: notifySecret,
		})
		if err != nil || state != "ACTIVE" {
			t.Fatalf("the subscriber is %q: %v", state, err)
		}
	}
	return w, account, users
}

// TestWhatGoogleTellsArrivesForEveryUserOfTheAccount: edits, new records and
// deletions, told once, twice, late and in one piece, without any scan.
func TestWhatGoogleTellsArrivesForEveryUserOfTheAccount(t *testing.T) {
	ctx := deadline(t)
	w, account, users := newNotifiedWorld(ctx, t, googlehealth.Options{})
	records := w.quiet(account)
	versions, gone := map[string]int{}, map[string]bool{}
	all := func() {
		t.Helper()
		for _, user := range users {
			w.awaitRecords(ctx, t, user, account, versions, gone)
		}
	}
	change := func(id string) {
		t.Helper()
		if err := w.health.Edit(account, id, editDistance); err != nil {
			t.Fatal(err)
		}
		versions[id]++
	}

	change(records[0].ExternalID)
	w.deliver(ctx, t)
	all()

	if err := w.health.Delete(account, records[1].ExternalID); err != nil {
		t.Fatal(err)
	}
	gone[records[1].ExternalID] = true
	change(records[2].ExternalID) // in the same notification
	w.deliver(ctx, t)
	all()

	// Each comes four times, the first after the others.
	w.health.SetNotificationFault(func(n *googlehealth.Notification) *googlehealth.NotificationFault {
		return &googlehealth.NotificationFault{Again: 3, Late: n.Number == 1}
	})
	late := records[3].Truth
	late.ExternalID, late.Start = "", late.Start.Add(-150*time.Minute)
	if _, err := w.health.Upload(account, late); err != nil {
		t.Fatal(err)
	}
	w.deliver(ctx, t)
	change(records[4].ExternalID)
	w.deliver(ctx, t)
	all()

	// What is lost waits for the next reading.
	w.health.SetNotificationFault(func(*googlehealth.Notification) *googlehealth.NotificationFault {
		return &googlehealth.NotificationFault{Lost: true}
	})
	change(records[5].ExternalID)
	w.deliver(ctx, t)
	for _, user := range users {
		if _, err := w.in.Client.Historical(ctx, user.ID, google, googleDays); err != nil {
			t.Fatal(err)
		}
	}
	all()
	for _, user := range users {
		syncs, err := w.in.Client.Syncs(ctx, user.ID)
		told := slices.ContainsFunc(syncs, func(s client.Sync) bool { return s.Trigger == "notification" && s.Status == "success" })
		if err != nil || !told {
			t.Errorf("no sync says that a notification was its reason: %+v, %v", syncs, err)
		}
		if changes := w.log.changesOf(user.ID); len(changes) != 0 {
			t.Errorf("a connection changed: %+v", changes)
		}
	}
}

// TestForgedNotificationsChangeNothing: whoever does not know the secret, or cannot
// sign, is refused, and nothing is read for it. A good one shows that it would be.
func TestForgedNotificationsChangeNothing(t *testing.T) {
	ctx := deadline(t)
	w, account, users := newNotifiedWorld(ctx, t, googlehealth.Options{OldSignatureHeader: true})
	body := []byte(`[{"data":{"version":"1","healthUserId":"` + account + `","operation":"UPSERT","dataType":"exercise"}}]`)
	wrong, none := "Bearer a-guess-of-somebody-else-here", ""
	before := w.requested(ctx, t)
	for name, f := range map[string]googlehealth.NotificationFault{
		"another secret":   {Secret: &wrong},
		"no secret":        {Secret: &none},
		"another key":      {ForeignKey: true},
		"no signature":     {Signature: &none},
		"no base64":        {Signature: &wrong},
		"another body":     {Body: func(b []byte) []byte { return append(b, ' ') }},
		"an unknown key":   {Signature: unknownKey()},
		"secret in prefix": {Secret: prefix(notifySecret)},
	} {
		status, err := w.health.Forge(ctx, subscriberID, body, f)
		if err != nil || status != http.StatusUnauthorized {
			t.Errorf("%s answered %d: %v", name, status, err)
		}
	}
	for _, wrongBody := range []string{`[`, `[1]`, `"x"`} {
		if status, err := w.health.Forge(ctx, subscriberID, []byte(wrongBody), googlehealth.NotificationFault{}); err != nil || status != http.StatusBadRequest {
			t.Errorf("%s answered %d: %v", wrongBody, status, err)
		}
	}
	stranger := []byte(`{"data":{"healthUserId":"99","operation":"DELETE","dataType":"exercise","recordId":"12345"}}`)
	if status, err := w.health.Forge(ctx, subscriberID, stranger, googlehealth.NotificationFault{}); err != nil || status != http.StatusNoContent {
		t.Errorf("a notification about a stranger answered %d: %v", status, err)
	}
	if n := w.requested(ctx, t); n != before {
		t.Errorf("%d syncs were asked for", n-before)
	}

	// The planted control.
	if status, err := w.health.Forge(ctx, subscriberID, body, googlehealth.NotificationFault{}); err != nil || status != http.StatusNoContent {
		t.Errorf("the good one answered %d: %v", status, err)
	}
	if n := w.requested(ctx, t); n != before+uint64(len(users)) {
		t.Errorf("the good one asked for %d syncs, want one for each of %d users", n-before, len(users))
	}
}

// deliver has the cloud send what it has to tell; all of it must be accepted.
func (w *googleWorld) deliver(ctx context.Context, t *testing.T) {
	t.Helper()
	if _, waiting := w.health.Deliver(ctx); waiting != 0 {
		t.Fatalf("%d notifications were not accepted", waiting)
	}
}

// requested is how many syncs the stream was asked for.
func (w *googleWorld) requested(ctx context.Context, t *testing.T) uint64 {
	t.Helper()
	stream, err := w.jetStream(t).Stream(ctx, "STRIDELOG_SYNCS")
	if err != nil {
		t.Fatal(err)
	}
	info, err := stream.Info(ctx, jetstream.WithSubjectFilter("stridelog.sync.requested.>"))
	if err != nil {
		t.Fatal(err)
	}
	total := uint64(0)
	for _, n := range info.State.Subjects {
		total += n
	}
	return total
}

// unknownKey is a signature of the right form by a key that is in no key set.
func unknownKey() *string {
	s := "AQAAAAEwBgIBAQIBAQ==" // version 1, key 1, a sequence of two ones
	return &s
}

func prefix(secret string) *string {
	s := secret[:len(secret)-1]
	return &s
}
