package fitbit_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stridelog/stridelog/provider/simulator"
	"github.com/stridelog/stridelog/provider/simulator/apptest"
	"github.com/stridelog/stridelog/provider/simulator/fitbit"
)

const (
	clientID     = "23TEST"
	clientSecret = apptest.ClientSecret
	redirectURI  = apptest.RedirectURI
	verifier     = apptest.Verifier
	everyScope   = "activity heartrate profile"
)

var noon = time.Date(2026, time.May, 20, 12, 10, 0, 0, time.UTC)

// app is a client of a cloud over real HTTP.
type app struct {
	apptest.App
	cloud  *fitbit.Cloud
	clock  *apptest.Clock
	people []*simulator.Person
}

func newApp(t *testing.T, change func(*fitbit.Options)) *app {
	t.Helper()
	people, err := simulator.Roster(1, noon)
	if err != nil {
		t.Fatal(err)
	}
	a := &app{clock: apptest.NewClock(noon), people: people}
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
	a.App = apptest.New(t, a.cloud.Handler())
	return a
}

// authorizeURL is a valid one; changes replace parameters, an empty value
// takes one away.
func (a *app) authorizeURL(changes ...string) string {
	q := url.Values{
		"client_id": {clientID}, "response_type": {"code"}, "scope": {everyScope}, "redirect_uri": {redirectURI},
		"state": {"st&te"}, "code_challenge": {apptest.Challenge()}, "code_challenge_method": {"S256"},
	}
	return a.Server.URL + "/oauth2/authorize?" + apptest.Values(q, changes...).Encode()
}

// code is what a person's consent gives the app.
func (a *app) code(person *simulator.Person, scopes ...string) string {
	a.T.Helper()
	back, err := fitbit.Decide(context.Background(), a.Server.Client(), a.authorizeURL(), fitbit.Decision{AccountID: person.AccountID(), Scopes: scopes})
	if err != nil {
		a.T.Fatal(err)
	}
	return back.Query().Get("code")
}

func errorType(t *testing.T, r apptest.Answer) string {
	t.Helper()
	var shape struct {
		Errors  []struct{ ErrorType, FieldName, Message string } `json:"errors"`
		Success *bool                                            `json:"success"`
	}
	if err := json.Unmarshal([]byte(r.Body), &shape); err != nil || len(shape.Errors) != 1 || shape.Success == nil || *shape.Success || shape.Errors[0].Message == "" {
		t.Fatalf("not an error in Fitbit's shape: %s", r.Body)
	}
	return strings.TrimSuffix(shape.Errors[0].ErrorType+" "+shape.Errors[0].FieldName, " ")
}

// formRequest is a form for the token or revoke endpoint, from the app.
func (a *app) formRequest(path string, pairs ...string) *http.Request {
	r := a.FormRequest(path, pairs...)
	r.SetBasicAuth(url.QueryEscape(clientID), url.QueryEscape(clientSecret))
	return r
}

func (a *app) form(path string, pairs ...string) apptest.Answer {
	a.T.Helper()
	return a.Must(a.formRequest(path, pairs...))
}

type tokens struct {
	Access  string `json:"access_token"`
	Refresh string `json:"refresh_token"`
	Scope   string `json:"scope"`
	User    string `json:"user_id"`
	Type    string `json:"token_type"`
	Expires int    `json:"expires_in"`
}

func (a *app) tokensOf(r apptest.Answer) tokens {
	a.T.Helper()
	var got tokens
	if r.Status != http.StatusOK || json.Unmarshal([]byte(r.Body), &got) != nil || got.Access == "" || got.Refresh == "" {
		a.T.Fatalf("no tokens: %d %s", r.Status, r.Body)
	}
	return got
}

func (a *app) exchange(code string) apptest.Answer {
	a.T.Helper()
	return a.form("/oauth2/token", "grant_type", "authorization_code", "code", code, "redirect_uri", redirectURI, "code_verifier", verifier)
}

func (a *app) refresh(token string) apptest.Answer {
	a.T.Helper()
	return a.form("/oauth2/token", "grant_type", "refresh_token", "refresh_token", token)
}

// connect is a consent with everything ticked unless scopes are given.
func (a *app) connect(person *simulator.Person, scopes ...string) tokens {
	a.T.Helper()
	return a.tokensOf(a.exchange(a.code(person, scopes...)))
}

// get asks an address, or a path of the cloud, with a token.
func (a *app) getRequest(token, address string) *http.Request {
	return a.Request(http.MethodGet, token, address, "")
}

func (a *app) get(token, address string) apptest.Answer {
	a.T.Helper()
	return a.Must(a.getRequest(token, address))
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
	a.T.Helper()
	got := a.get(token, address)
	var p page
	if got.Status != http.StatusOK || json.Unmarshal([]byte(got.Body), &p) != nil {
		a.T.Fatalf("no page at %s: %d %s", address, got.Status, got.Body)
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
