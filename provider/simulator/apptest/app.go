// Package apptest is an app that talks to a fake cloud over real HTTP, for the
// clouds' own tests.
package apptest

import (
	"crypto/sha256"
	"encoding/base64"
	"html"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// What the app brings along. Secret and redirect URI hold signs that must be
// escaped.
const (
	ClientSecret = "s3cret/with+signs"
	RedirectURI  = "http://app.example/callback?keep=1"
	Verifier     = "a-verifier-of-at-least-forty-three-characters-long"
)

// Challenge is the one of Verifier, by S256.
func Challenge() string {
	sum := sha256.Sum256([]byte(Verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// Clock is a time that a test moves.
type Clock struct {
	mu  sync.Mutex
	now time.Time
}

// NewClock stands at a time.
func NewClock(now time.Time) *Clock { return &Clock{now: now} }

// Now is where it stands.
func (c *Clock) Now() time.Time { c.mu.Lock(); defer c.mu.Unlock(); return c.now }

// Forward moves it.
func (c *Clock) Forward(d time.Duration) { c.mu.Lock(); defer c.mu.Unlock(); c.now = c.now.Add(d) }

// App is a client of a cloud.
type App struct {
	T      *testing.T
	Server *httptest.Server
}

// Answer is one read to its end.
type Answer struct {
	Status int
	Header http.Header
	Body   string
}

// New serves a cloud until the test ends.
func New(t *testing.T, cloud http.Handler) App {
	server := httptest.NewServer(cloud)
	t.Cleanup(server.Close)
	return App{t, server}
}

// Do sends a request; a redirect is an answer.
func (a App) Do(r *http.Request) (Answer, error) {
	response, err := a.Server.Client().Transport.RoundTrip(r)
	if err != nil {
		return Answer{}, err
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	return Answer{response.StatusCode, response.Header, string(body)}, err
}

// Must is Do where an answer is wanted.
func (a App) Must(r *http.Request) Answer {
	a.T.Helper()
	got, err := a.Do(r)
	if err != nil {
		a.T.Fatal(err)
	}
	return got
}

// FormRequest is a form of name and value pairs that is posted.
func (a App) FormRequest(path string, pairs ...string) *http.Request {
	a.T.Helper()
	form := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	r := a.Request(http.MethodPost, "", path, form.Encode())
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return r
}

// Request is one with a token, unless that is empty, for a path of the cloud or a
// whole address.
func (a App) Request(method, token, address, body string) *http.Request {
	a.T.Helper()
	if strings.HasPrefix(address, "/") {
		address = a.Server.URL + address
	}
	r, err := http.NewRequestWithContext(a.T.Context(), method, address, strings.NewReader(body))
	if err != nil {
		a.T.Fatal(err)
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	return r
}

// Values replaces values by pairs of name and value; an empty value takes one away.
func Values(of url.Values, pairs ...string) url.Values {
	for i := 0; i < len(pairs); i += 2 {
		of.Set(pairs[i], pairs[i+1])
		if pairs[i+1] == "" {
			of.Del(pairs[i])
		}
	}
	return of
}

// Fields reads the form that a browser would send from the page itself.
func Fields(page string) url.Values {
	form := url.Values{}
	for _, tag := range regexp.MustCompile(`<input [^>]*>`).FindAllString(page, -1) {
		attribute := func(name string) string {
			if found := regexp.MustCompile(name + `="([^"]*)"`).FindStringSubmatch(tag); found != nil {
				return html.UnescapeString(found[1])
			}
			return ""
		}
		if kind := attribute("type"); kind == "hidden" || strings.Contains(tag, " checked") {
			form.Add(attribute("name"), attribute("value"))
		}
	}
	return form
}
