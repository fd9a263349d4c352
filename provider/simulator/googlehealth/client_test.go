package googlehealth_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stridelog/stridelog/provider/simulator"
	"github.com/stridelog/stridelog/provider/simulator/googlehealth"
)

const (
	clientID     = "123-test.apps.example"
	clientSecret = "s3cret/with+signs"
	redirectURI  = "http://app.example/callback?keep=1"
	verifier     = "a-verifier-of-at-least-forty-three-characters-long"

	activity = googlehealth.ScopePrefix + "activity_and_fitness.readonly"
	health   = googlehealth.ScopePrefix + "health_metrics_and_measurements.readonly"
	location = googlehealth.ScopePrefix + "location.readonly"
	profile  = googlehealth.ScopePrefix + "profile.readonly"
	settings = googlehealth.ScopePrefix + "settings.readonly"
	platform = "https://www.googleapis.com/auth/cloud-platform"

	everyScope = activity + " " + health + " " + location + " " + profile + " " + settings

	identityPath = "/v4/users/me/identity"
	listPath     = "/v4/users/me/dataTypes/exercise/dataPoints"
)

var noon = time.Date(2026, time.May, 20, 12, 10, 0, 0, time.UTC)

// clock is a time that a test moves.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time { c.mu.Lock(); defer c.mu.Unlock(); return c.now }

func (c *clock) forward(d time.Duration) { c.mu.Lock(); defer c.mu.Unlock(); c.now = c.now.Add(d) }

// app is a client of a cloud over real HTTP.
type app struct {
	t      *testing.T
	cloud  *googlehealth.Cloud
	server *httptest.Server
	clock  *clock
	people []*simulator.Person
}

func newApp(t *testing.T, change func(*googlehealth.Options)) *app {
	t.Helper()
	people, err := simulator.Roster(1, noon)
	if err != nil {
		t.Fatal(err)
	}
	a := &app{t: t, clock: &clock{now: noon}, people: people}
	o := googlehealth.Options{
		ClientID: clientID, ClientSecret: clientSecret, RedirectURIs: []string{redirectURI, "http://other.example/"},
		People: people, Now: a.clock.Now,
	}
	if change != nil {
		change(&o)
	}
	if a.cloud, err = googlehealth.New(o); err != nil {
		t.Fatal(err)
	}
	for _, p := range people {
		if err := a.cloud.SetQuota(googlehealth.HealthUserID(p), 100_000, time.Minute); err != nil {
			t.Fatal(err)
		}
	}
	a.server = httptest.NewServer(a.cloud.Handler())
	t.Cleanup(a.server.Close)
	return a
}

// account is the id of the roster's n-th person.
func (a *app) account(n int) string { return googlehealth.HealthUserID(a.people[n]) }

func challenge() string {
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// authorizeURL is a valid one; changes replace parameters, an empty value
// takes one away.
func (a *app) authorizeURL(changes ...string) string {
	q := url.Values{
		"client_id": {clientID}, "response_type": {"code"}, "scope": {everyScope}, "redirect_uri": {redirectURI},
		"state": {"st&te"}, "code_challenge": {challenge()}, "code_challenge_method": {"S256"},
		"access_type": {"offline"}, "prompt": {"consent"},
	}
	for i := 0; i < len(changes); i += 2 {
		q.Set(changes[i], changes[i+1])
		if changes[i+1] == "" {
			q.Del(changes[i])
		}
	}
	return a.server.URL + "/o/oauth2/v2/auth?" + q.Encode()
}

// code is what a person's consent to an authorize URL gives the app.
func (a *app) code(authorizeURL string, d googlehealth.Decision) string {
	a.t.Helper()
	back, err := googlehealth.Decide(context.Background(), a.server.Client(), authorizeURL, d)
	if err != nil {
		a.t.Fatal(err)
	}
	if back.Query().Get("code") == "" {
		a.t.Fatalf("no code in %s", back)
	}
	return back.Query().Get("code")
}

// result is an answer read to its end.
type result struct {
	status int
	header http.Header
	body   string
}

func (a *app) do(r *http.Request) (result, error) {
	response, err := a.server.Client().Transport.RoundTrip(r)
	if err != nil {
		return result{}, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return result{response.StatusCode, response.Header, string(body)}, err
}

func (a *app) must(r *http.Request) result {
	a.t.Helper()
	got, err := a.do(r)
	if err != nil {
		a.t.Fatal(err)
	}
	return got
}

// formRequest is a form that is posted.
func (a *app) formRequest(path string, pairs ...string) *http.Request {
	values := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		values.Set(pairs[i], pairs[i+1])
	}
	r, err := http.NewRequest(http.MethodPost, a.server.URL+path, strings.NewReader(values.Encode()))
	if err != nil {
		a.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return r
}

func (a *app) form(path string, pairs ...string) result {
	a.t.Helper()
	return a.must(a.formRequest(path, pairs...))
}

type tokens struct {
	Access         string `json:"access_token"`
	Refresh        string `json:"refresh_token"`
	Scope          string `json:"scope"`
	Type           string `json:"token_type"`
	Expires        int    `json:"expires_in"`
	RefreshExpires int    `json:"refresh_token_expires_in"`
}

func (a *app) tokensOf(r result) tokens {
	a.t.Helper()
	var got tokens
	if r.status != http.StatusOK || json.Unmarshal([]byte(r.body), &got) != nil || got.Access == "" {
		a.t.Fatalf("no tokens: %d %s", r.status, r.body)
	}
	return got
}

func (a *app) exchange(code string) result {
	a.t.Helper()
	return a.form("/token", "grant_type", "authorization_code", "code", code, "redirect_uri", redirectURI, "code_verifier", verifier,
		"client_id", clientID, "client_secret", clientSecret)
}

func (a *app) refresh(token string) result {
	a.t.Helper()
	return a.form("/token", "grant_type", "refresh_token", "refresh_token", token, "client_id", clientID, "client_secret", clientSecret)
}

// connect is a consent of the n-th person with everything ticked unless scopes
// are given.
func (a *app) connect(n int, scopes ...string) tokens {
	a.t.Helper()
	return a.tokensOf(a.exchange(a.code(a.authorizeURL(), googlehealth.Decision{AccountID: a.account(n), Scopes: scopes})))
}

func (a *app) request(method, token, path, body string) *http.Request {
	a.t.Helper()
	r, err := http.NewRequest(method, a.server.URL+path, strings.NewReader(body))
	if err != nil {
		a.t.Fatal(err)
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	return r
}

func (a *app) get(token, path string) result {
	a.t.Helper()
	return a.must(a.request(http.MethodGet, token, path, ""))
}

// page is the body of a list.
type page struct {
	Points []json.RawMessage `json:"dataPoints"`
	Token  *string           `json:"nextPageToken"`
}

func (a *app) page(token, path string) page {
	a.t.Helper()
	got := a.get(token, path)
	var p page
	if got.status != http.StatusOK || json.Unmarshal([]byte(got.body), &p) != nil {
		a.t.Fatalf("no page at %s: %d %.300s", path, got.status, got.body)
	}
	return p
}

// filtered is the path of a list with a filter and perhaps more.
func filtered(filter string, more ...string) string {
	q := url.Values{"filter": {filter}}
	for i := 0; i < len(more); i += 2 {
		q.Set(more[i], more[i+1])
	}
	return listPath + "?" + q.Encode()
}

// all reads a list to its end.
func (a *app) all(token, path string) (points []json.RawMessage, pages int) {
	a.t.Helper()
	next, joint := "", "?"
	if strings.Contains(path, "?") {
		joint = "&"
	}
	for pages = 1; pages < 1000; pages++ {
		address := path
		if next != "" {
			address += joint + "pageToken=" + url.QueryEscape(next)
		}
		p := a.page(token, address)
		points = append(points, p.Points...)
		if p.Token == nil || *p.Token == "" {
			return points, pages
		}
		next = *p.Token
	}
	a.t.Fatal("the list does not end")
	return nil, 0
}

// wantProblem checks an error in Google's shape: status and canonical word, and
// the reason, where empty wants no details.
func (a *app) wantProblem(got result, status int, canonical, reason string) {
	a.t.Helper()
	var shape struct {
		Error struct {
			Code    int
			Message string
			Status  string
			Details []struct {
				Type     string `json:"@type"`
				Reason   string
				Domain   string
				Metadata map[string]string
			}
		}
	}
	if err := json.Unmarshal([]byte(got.body), &shape); err != nil {
		a.t.Errorf("not a google.rpc.Status: %d %.200s", got.status, got.body)
		return
	}
	e := shape.Error
	if got.status != status || e.Code != status || e.Status != canonical || e.Message == "" {
		a.t.Errorf("answered %d %d %s %q, want %d %s", got.status, e.Code, e.Status, e.Message, status, canonical)
	}
	if reason == "" && len(e.Details) != 0 || reason != "" && (len(e.Details) != 1 || e.Details[0].Reason != reason || e.Details[0].Domain == "") {
		a.t.Errorf("details %+v, want the reason %q", e.Details, reason)
	}
}

// wantTokenError checks an error of the token endpoint.
func (a *app) wantTokenError(got result, status int, code string) {
	a.t.Helper()
	var shape struct {
		Error       string `json:"error"`
		Description string `json:"error_description"`
	}
	if err := json.Unmarshal([]byte(got.body), &shape); err != nil || got.status != status || shape.Error != code || shape.Description == "" {
		a.t.Errorf("answered %d %.200s, want %d %s", got.status, got.body, status, code)
	}
}
