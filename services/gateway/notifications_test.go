package gateway_test

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/services/gateway/internal/gatewaytest"
)

// letters reads notifications that are the changes themselves, and refuses as a header says.
// A GET is a challenge, which it gives back as the query asks; one that names an account
// tells of its change.
type letters struct{}

func (letters) Read(_ context.Context, r provider.NotificationRequest) (provider.Notification, error) {
	if class := r.Header.Get("X-Class"); class != "" {
		return provider.Notification{}, &provider.Error{Provider: "google_health", Class: provider.Class(class)}
	}
	if r.Method == http.MethodGet {
		if r.Query.Get("hub.verify_token") != "expected" {
			return provider.Notification{}, &provider.Error{Provider: "google_health", Class: provider.ClassUnauthorized}
		}
		n := provider.Notification{Answer: http.StatusOK, ContentType: r.Query.Get("as"), Body: []byte(r.Query.Get("hub.challenge"))}
		if account := r.Query.Get("account"); account != "" {
			n.Changes = []provider.AccountChange{{AccountID: account}}
		}
		return n, nil
	}
	n := provider.Notification{Answer: http.StatusNoContent}
	return n, json.Unmarshal(r.Body, &n.Changes)
}

const letterBox = "/api/v1/providers/google_health/notifications"

func newNotified(t *testing.T) *gatewaytest.System {
	t.Helper()
	s := gatewaytest.Stores(t)
	s.Publish()
	c := s.Config()
	c.Notifications = map[string]provider.Notifications{"google_health": letters{}}
	s.Start(c)
	return s
}

func (letters) send(s *gatewaytest.System, body string, header map[string]string) int {
	return s.Do(gatewaytest.Request{Method: http.MethodPost, Path: letterBox, Body: body, Header: header, NoKey: true}).Status
}

// requests are the syncs that the stream was asked for.
func requests(t *testing.T, s *gatewaytest.System) (all []*events.SyncRequested) {
	t.Helper()
	_, err := s.Bus.Read(t.Context(), events.StreamSyncs, []string{events.TypeSubjects(events.TypeSyncRequested)}, 1, func(d bus.Delivery) error {
		data, ok := d.Event.Data.(*events.SyncRequested)
		if !ok {
			t.Fatalf("the stream has %s", d.Event.Type())
		}
		all = append(all, data)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestANotificationAsksForEveryLiveConnectionOfTheAccount(t *testing.T) {
	s := newNotified(t)
	connect := func(user uuid.UUID, status, reason, account string) {
		s.Exec(`UPDATE oauth.connections SET provider_user_id = $2, reason = $3 WHERE id = $1`, s.Connection(user, "google_health", status), account, reason)
	}
	active, expiring, waiting, gone, stranger, erased := s.User(), s.User(), s.User(), s.User(), s.User(), uuid.New()
	connect(active, "active", "", "1")
	connect(expiring, "action_required", "consent_expiring", "1")
	connect(waiting, "action_required", "reauth_required", "1")
	connect(gone, "revoked", "", "1")
	connect(stranger, "active", "", "2")
	connect(erased, "active", "", "1")

	from := time.Date(2026, 11, 20, 6, 0, 0, 0, time.UTC)
	body, err := json.Marshal([]provider.AccountChange{
		{AccountID: "1", Window: &events.Window{From: from, To: from.Add(time.Hour)}, Suspects: []string{"77"}},
		{AccountID: "1", Window: &events.Window{From: from.Add(3 * time.Hour), To: from.Add(4 * time.Hour)}},
	})
	if err != nil {
		t.Fatal(err)
	}
	before := time.Now()
	if status := (letters{}).send(s, string(body), nil); status != http.StatusNoContent {
		t.Fatalf("the notification answered %d", status)
	}
	asked := map[string]int{}
	for _, r := range requests(t, s) {
		asked[r.UserID]++
		if r.Trigger != events.TriggerNotification || !r.Window.From.Equal(from) || !r.Window.To.Equal(from.Add(4*time.Hour)) ||
			len(r.Suspects) != 1 || r.Suspects[0] != "77" || r.NotBefore == nil || !r.NotBefore.After(before) {
			t.Errorf("asked for %+v", r)
		}
	}
	if len(asked) != 2 || asked[active.String()] != 1 || asked[expiring.String()] != 1 {
		t.Errorf("asked for %v, want one sync for %s and %s each", asked, active, expiring)
	}

	// The same again is the same requests, or, in the next slot, one more for each.
	for range 20 {
		if status := (letters{}).send(s, string(body), nil); status != http.StatusNoContent {
			t.Fatalf("the repeated notification answered %d", status)
		}
	}
	slots := int(time.Since(before)/(5*time.Second)) + 2
	if n := len(requests(t, s)); n > 2*slots {
		t.Errorf("21 equal notifications asked for %d syncs", n)
	}
}

func TestNotificationsThatAreRefusedAskForNothing(t *testing.T) {
	s := newNotified(t)
	s.Exec(`UPDATE oauth.connections SET provider_user_id = '1' WHERE id = $1`, s.Connection(s.User(), "google_health", "active"))
	for class, want := range map[provider.Class]int{
		provider.ClassUnauthorized: 401, provider.ClassBadRequest: 400, provider.ClassTooLarge: 413, provider.ClassUnavailable: 503,
	} {
		if got := (letters{}).send(s, `[{"AccountID":"1"}]`, map[string]string{"X-Class": string(class)}); got != want {
			t.Errorf("%s answered %d, want %d", class, got, want)
		}
	}
	for path, want := range map[string]int{
		"/api/v1/providers/fitbit/notifications": 404, "/api/v1/providers/nobody/notifications": 404, letterBox + "?a=%zz": 400,
	} {
		if a := s.Do(gatewaytest.Request{Method: http.MethodPost, Path: path, Body: "[]", NoKey: true}); a.Status != want || !strings.Contains(string(a.Body), `"code"`) {
			t.Errorf("%s answered %d: %s", path, a.Status, a.Body)
		}
	}
	if n := len(requests(t, s)); n != 0 {
		t.Errorf("%d syncs were asked for", n)
	}
	if status := (letters{}).send(s, `[{"AccountID":"1"}]`, nil); status != http.StatusNoContent || len(requests(t, s)) != 1 {
		t.Errorf("the good one answered %d", status)
	}
}

func TestAChallengeIsGivenBackAndAsksForNothing(t *testing.T) {
	s := newNotified(t)
	s.Exec(`UPDATE oauth.connections SET provider_user_id = '1' WHERE id = $1`, s.Connection(s.User(), "google_health", "active"))
	get := func(query string) gatewaytest.Answer {
		return s.Do(gatewaytest.Request{Method: http.MethodGet, Path: letterBox + query, NoKey: true})
	}
	const challenge = `{"hub.challenge":"<script>15f7</script>"}`
	for media, want := range map[string]string{
		"application/json": "application/json", "text/plain; charset=utf-8": "text/plain; charset=utf-8",
		"text/html": "application/octet-stream", "": "application/octet-stream",
	} {
		a := get("?hub.mode=subscribe&hub.verify_token=expected&hub.challenge=" + url.QueryEscape(challenge) + "&as=" + url.QueryEscape(media))
		if a.Status != http.StatusOK || string(a.Body) != challenge || a.Header.Get("Content-Type") != want || a.Header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("as %q: answered %d %v %s", media, a.Status, a.Header, a.Body)
		}
	}
	for query, want := range map[string]int{
		"?hub.verify_token=another&hub.challenge=15f7": 401, "": 401, "?a=%zz": 400,
	} {
		if a := get(query); a.Status != want || strings.Contains(string(a.Body), "15f7") || !strings.Contains(string(a.Body), `"code"`) {
			t.Errorf("%q answered %d: %s", query, a.Status, a.Body)
		}
	}
	if a := s.Do(gatewaytest.Request{Method: http.MethodGet, Path: "/api/v1/providers/fitbit/notifications", NoKey: true}); a.Status != http.StatusNotFound {
		t.Errorf("where nothing is set up it answered %d", a.Status)
	}
	if n := len(requests(t, s)); n != 0 {
		t.Errorf("challenges asked for %d syncs", n)
	}
	if status := (letters{}).send(s, `[{"AccountID":"1","Kind":"sleep"},{"AccountID":"1","Kind":"activity"},{"AccountID":"1"}]`, nil); status != http.StatusNoContent {
		t.Fatalf("changes of two kinds answered %d", status)
	}
	var kinds []string
	for _, r := range requests(t, s) {
		kinds = append(kinds, strings.Join(r.Kinds, "+"))
	}
	if slices.Sort(kinds); !slices.Equal(kinds, []string{"", "activity", "sleep"}) {
		t.Errorf("asked for the kinds %q", kinds)
	}
}

// Some providers test an address by HEAD. It answers as GET, and whatever the connector
// makes of it, no sync is asked for.
func TestAChallengeByHeadAnswersAsGetAndAsksForNothing(t *testing.T) {
	s := newNotified(t)
	s.Exec(`UPDATE oauth.connections SET provider_user_id = '1' WHERE id = $1`, s.Connection(s.User(), "google_health", "active"))
	ask := func(method, query string) gatewaytest.Answer {
		a := s.Do(gatewaytest.Request{Method: method, Path: letterBox + query, Header: map[string]string{"X-Request-Id": "same"}, NoKey: true})
		a.Header.Del("Date")
		return a
	}
	const known = "?hub.verify_token=expected&hub.challenge=15f7&as=text%2Fplain"
	for query, want := range map[string]int{known: 200, "?hub.verify_token=another": 401, "?a=%zz": 400} {
		get, head := ask(http.MethodGet, query), ask(http.MethodHead, query)
		if get.Status != want || head.Status != want || len(head.Body) > 0 || !maps.EqualFunc(get.Header, head.Header, slices.Equal) {
			t.Errorf("%q: GET answers %d %v, HEAD %d %v with %d bytes", query, get.Status, get.Header, head.Status, head.Header, len(head.Body))
		}
	}
	if a := ask(http.MethodHead, known+"&account=1"); a.Status != http.StatusOK {
		t.Errorf("HEAD that tells of a change answers %d", a.Status)
	}
	if n := len(requests(t, s)); n != 0 {
		t.Errorf("HEAD asked for %d syncs", n)
	}
	if a := ask(http.MethodGet, known+"&account=1"); a.Status != http.StatusOK || len(requests(t, s)) != 1 {
		t.Errorf("GET that tells of a change answers %d and asks for %d syncs", a.Status, len(requests(t, s)))
	}
}
