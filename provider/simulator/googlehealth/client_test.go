package googlehealth_test

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
	"github.com/stridelog/stridelog/provider/simulator/googlehealth"
)

const (
	clientID     = "123-test.apps.example"
	clientSecret = apptest.ClientSecret
	redirectURI  = apptest.RedirectURI
	verifier     = apptest.Verifier

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

// app is a client of a cloud over real HTTP.
type app struct {
	apptest.App
	cloud  *googlehealth.Cloud
	clock  *apptest.Clock
	people []*simulator.Person
}

func newApp(t *testing.T, change func(*googlehealth.Options)) *app {
	t.Helper()
	people, err := simulator.Roster(1, noon)
	if err != nil {
		t.Fatal(err)
	}
	a := &app{clock: apptest.NewClock(noon), people: people}
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
	a.App = apptest.New(t, a.cloud.Handler())
	return a
}

// account is the id of the roster's n-th person.
func (a *app) account(n int) string { return googlehealth.HealthUserID(a.people[n]) }

// authorizeURL is a valid one; changes replace parameters, an empty value
// takes one away.
func (a *app) authorizeURL(changes ...string) string {
	q := url.Values{
		"client_id": {clientID}, "response_type": {"code"}, "scope": {everyScope}, "redirect_uri": {redirectURI},
		"state": {"st&te"}, "code_challenge": {apptest.Challenge()}, "code_challenge_method": {"S256"},
		"access_type": {"offline"}, "prompt": {"consent"},
	}
	return a.Server.URL + "/o/oauth2/v2/auth?" + apptest.Values(q, changes...).Encode()
}

// code is what a person's consent to an authorize URL gives the app.
func (a *app) code(authorizeURL string, d googlehealth.Decision) string {
	a.T.Helper()
	back, err := googlehealth.Decide(context.Background(), a.Server.Client(), authorizeURL, d)
	if err != nil {
		a.T.Fatal(err)
	}
	if back.Query().Get("code") == "" {
		a.T.Fatalf("no code in %s", back)
	}
	return back.Query().Get("code")
}

func (a *app) form(path string, pairs ...string) apptest.Answer {
	a.T.Helper()
	return a.Must(a.FormRequest(path, pairs...))
}

type tokens struct {
	Access         string `json:"access_token"`
	Refresh        string `json:"refresh_token"`
	Scope          string `json:"scope"`
	Type           string `json:"token_type"`
	Expires        int    `json:"expires_in"`
	RefreshExpires int    `json:"refresh_token_expires_in"`
}

func (a *app) tokensOf(r apptest.Answer) tokens {
	a.T.Helper()
	var got tokens
	if r.Status != http.StatusOK || json.Unmarshal([]byte(r.Body), &got) != nil || got.Access == "" {
		a.T.Fatalf("no tokens: %d %s", r.Status, r.Body)
	}
	return got
}

func (a *app) exchange(code string) apptest.Answer {
	a.T.Helper()
	return a.form("/token", "grant_type", "authorization_code", "code", code, "redirect_uri", redirectURI, "code_verifier", verifier,
		"client_id", clientID, "client_secret", clientSecret)
}

func (a *app) refresh(token string) apptest.Answer {
	a.T.Helper()
	return a.form("/token", "grant_type", "refresh_token", "refresh_token", token, "client_id", clientID, "client_secret", clientSecret)
}

// connect is a consent of the n-th person with everything ticked unless scopes
// are given.
func (a *app) connect(n int, scopes ...string) tokens {
	a.T.Helper()
	return a.tokensOf(a.exchange(a.code(a.authorizeURL(), googlehealth.Decision{AccountID: a.account(n), Scopes: scopes})))
}

func (a *app) get(token, path string) apptest.Answer {
	a.T.Helper()
	return a.Must(a.Request(http.MethodGet, token, path, ""))
}

// page is the body of a list.
type page struct {
	Points []json.RawMessage `json:"dataPoints"`
	Token  *string           `json:"nextPageToken"`
}

func (a *app) page(token, path string) page {
	a.T.Helper()
	got := a.get(token, path)
	var p page
	if got.Status != http.StatusOK || json.Unmarshal([]byte(got.Body), &p) != nil {
		a.T.Fatalf("no page at %s: %d %.300s", path, got.Status, got.Body)
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
	a.T.Helper()
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
	a.T.Fatal("the list does not end")
	return nil, 0
}

// wantProblem checks an error in Google's shape: status and canonical word, and
// the reason, where empty wants no details.
func (a *app) wantProblem(got apptest.Answer, status int, canonical, reason string) {
	a.T.Helper()
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
	if err := json.Unmarshal([]byte(got.Body), &shape); err != nil {
		a.T.Errorf("not a google.rpc.Status: %d %.200s", got.Status, got.Body)
		return
	}
	e := shape.Error
	if got.Status != status || e.Code != status || e.Status != canonical || e.Message == "" {
		a.T.Errorf("answered %d %d %s %q, want %d %s", got.Status, e.Code, e.Status, e.Message, status, canonical)
	}
	if reason == "" && len(e.Details) != 0 || reason != "" && (len(e.Details) != 1 || e.Details[0].Reason != reason || e.Details[0].Domain == "") {
		a.T.Errorf("details %+v, want the reason %q", e.Details, reason)
	}
}

// wantTokenError checks an error of the token endpoint.
func (a *app) wantTokenError(got apptest.Answer, status int, code string) {
	a.T.Helper()
	var shape struct {
		Error       string `json:"error"`
		Description string `json:"error_description"`
	}
	if err := json.Unmarshal([]byte(got.Body), &shape); err != nil || got.Status != status || shape.Error != code || shape.Description == "" {
		a.T.Errorf("answered %d %.200s, want %d %s", got.Status, got.Body, status, code)
	}
}
