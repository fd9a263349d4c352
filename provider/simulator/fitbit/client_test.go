package fitbit_test

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
	"github.com/stridelog/stridelog/provider/simulator/fitbit"
)

const (
	clientID     = "23TEST"
	clientSecret = "s3cret/with+signs"
	redirectURI  = "http://app.example/callback?keep=1"
	verifier     = "a-verifier-of-at-least-forty-three-characters-long"
	everyScope   = "activity heartrate profile"
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
	cloud  *fitbit.Cloud
	server *httptest.Server
	clock  *clock
	people []*simulator.Person
}

func newApp(t *testing.T, change func(*fitbit.Options)) *app {
	t.Helper()
	people, err := simulator.Roster(1, noon)
	if err != nil {
		t.Fatal(err)
	}
	a := &app{t: t, clock: &clock{now: noon}, people: people}
	o := fitbit.Options{
		ClientID: clientID, ClientSecret: clientSecret, RedirectURIs: []string{redirectURI, "http://other.example/"},
		People: people, Now: a.clock.Now, QuotaPerHour: 100000,
	}
	if change != nil {
		change(&o)
	}
	if a.cloud, err = fitbit.New(o); err != nil {
		t.Fatal(err)
	}
	a.server = httptest.NewServer(a.cloud.Handler())
	t.Cleanup(a.server.Close)
	return a
}

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
	}
	for i := 0; i < len(changes); i += 2 {
		q.Set(changes[i], changes[i+1])
		if changes[i+1] == "" {
			q.Del(changes[i])
		}
	}
	return a.server.URL + "/oauth2/authorize?" + q.Encode()
}

// code is what a person's consent gives the app.
func (a *app) code(person *simulator.Person, scopes ...string) string {
	a.t.Helper()
	back, err := fitbit.Decide(context.Background(), a.server.Client(), a.authorizeURL(), fitbit.Decision{AccountID: person.AccountID(), Scopes: scopes})
	if err != nil {
		a.t.Fatal(err)
	}
	return back.Query().Get("code")
}

// result is an answer read to its end.
type result struct {
	status int
	header http.Header
	body   string
}

func (r result) errorType(t *testing.T) string {
	t.Helper()
	var shape struct {
		Errors  []struct{ ErrorType, FieldName, Message string } `json:"errors"`
		Success *bool                                            `json:"success"`
	}
	if err := json.Unmarshal([]byte(r.body), &shape); err != nil || len(shape.Errors) != 1 || shape.Success == nil || *shape.Success || shape.Errors[0].Message == "" {
		t.Fatalf("not an error in Fitbit's shape: %s", r.body)
	}
	return strings.TrimSuffix(shape.Errors[0].ErrorType+" "+shape.Errors[0].FieldName, " ")
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

// form posts to the token or revoke endpoint as the app.
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
	r.SetBasicAuth(url.QueryEscape(clientID), url.QueryEscape(clientSecret))
	return r
}

func (a *app) form(path string, pairs ...string) result {
	a.t.Helper()
	return a.must(a.formRequest(path, pairs...))
}

type tokens struct {
	Access  string `json:"access_token"`
	Refresh string `json:"refresh_token"`
	Scope   string `json:"scope"`
	User    string `json:"user_id"`
	Type    string `json:"token_type"`
	Expires int    `json:"expires_in"`
}

func (a *app) tokensOf(r result) tokens {
	a.t.Helper()
	var got tokens
	if r.status != http.StatusOK || json.Unmarshal([]byte(r.body), &got) != nil || got.Access == "" || got.Refresh == "" {
		a.t.Fatalf("no tokens: %d %s", r.status, r.body)
	}
	return got
}

func (a *app) exchange(code string) result {
	a.t.Helper()
	return a.form("/oauth2/token", "grant_type", "authorization_code", "code", code, "redirect_uri", redirectURI, "code_verifier", verifier)
}

func (a *app) refresh(token string) result {
	a.t.Helper()
	return a.form("/oauth2/token", "grant_type", "refresh_token", "refresh_token", token)
}

// connect is a consent with everything ticked unless scopes are given.
func (a *app) connect(person *simulator.Person, scopes ...string) tokens {
	a.t.Helper()
	return a.tokensOf(a.exchange(a.code(person, scopes...)))
}

// get asks an address, or a path of the cloud, with a token.
func (a *app) getRequest(token, address string) *http.Request {
	if strings.HasPrefix(address, "/") {
		address = a.server.URL + address
	}
	r, err := http.NewRequest(http.MethodGet, address, nil)
	if err != nil {
		a.t.Fatal(err)
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	return r
}

func (a *app) get(token, address string) result {
	a.t.Helper()
	return a.must(a.getRequest(token, address))
}

const listPath = "/1/user/-/activities/list.json"

type page struct {
	Activities []json.RawMessage `json:"activities"`
	Pagination struct {
		AfterDate, BeforeDate, Next, Previous, Sort string
		Limit, Offset                               int
	} `json:"pagination"`
}

func (a *app) page(token, address string) page {
	a.t.Helper()
	got := a.get(token, address)
	var p page
	if got.status != http.StatusOK || json.Unmarshal([]byte(got.body), &p) != nil {
		a.t.Fatalf("no page at %s: %d %s", address, got.status, got.body)
	}
	return p
}

func idOf(t *testing.T, record []byte) string {
	t.Helper()
	var r struct {
		LogID json.Number `json:"logId"`
	}
	if err := json.Unmarshal(record, &r); err != nil {
		t.Fatal(err)
	}
	return r.LogID.String()
}
