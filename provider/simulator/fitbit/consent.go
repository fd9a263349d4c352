package fitbit

import (
	"embed"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/stridelog/stridelog/provider/simulator"
)

//go:embed pages
var pageFiles embed.FS

// codeTTL is how long a code may be exchanged.
const codeTTL = 10 * time.Minute

// knownScopes is the official list.
func knownScopes() []string {
	return []string{
		"activity", "cardio_fitness", "electrocardiogram", "heartrate", "irregular_rhythm_notifications", "location", "nutrition",
		"oxygen_saturation", "profile", "respiratory_rate", "settings", "sleep", "social", "temperature", "weight",
	}
}

func parsePages() (*template.Template, error) {
	pages, err := template.ParseFS(pageFiles, "pages/*.html")
	if err != nil {
		return nil, fmt.Errorf("read pages: %w", err)
	}
	return pages, nil
}

// code is what an app exchanges for a grant.
type code struct {
	account       string
	scopes        []string
	redirectURI   string
	redirectGiven bool
	challenge     string
	expires       time.Time
	used          bool
}

// consentRequest is what an app asks a person for.
type consentRequest struct {
	ClientID, RedirectURI, State, Challenge string
	RedirectGiven                           bool
	Scopes                                  []string
}

// challengeForm is a code challenge as S256 makes it: base64url, unpadded.
var challengeForm = regexp.MustCompile(`^[A-Za-z0-9_-]{43,128}$`)

// readConsent checks what an app asks for. Its errors are shown to the person
// and never sent to the redirect URI.
func (c *Cloud) readConsent(form url.Values) (consentRequest, error) {
	r := consentRequest{
		ClientID: form.Get("client_id"), RedirectURI: form.Get("redirect_uri"), State: form.Get("state"),
		Challenge: form.Get("code_challenge"), RedirectGiven: form.Get("redirect_uri") != "",
		Scopes: strings.Fields(form.Get("scope")),
	}
	if r.ClientID != c.options.ClientID {
		return r, errors.New("invalid_client - Invalid client_id parameter value")
	}
	if !r.RedirectGiven && len(c.options.RedirectURIs) == 1 {
		r.RedirectURI = c.options.RedirectURIs[0]
	}
	if !slices.Contains(c.options.RedirectURIs, r.RedirectURI) {
		return r, errors.New("invalid_request - Invalid redirect_uri parameter value")
	}
	if form.Get("response_type") != "code" {
		return r, errors.New("invalid_request - Invalid response_type parameter value")
	}
	method := form.Get("code_challenge_method")
	if (r.Challenge != "" || method != "") && (method != "S256" || !challengeForm.MatchString(r.Challenge)) {
		return r, errors.New("invalid_request - Invalid code_challenge parameter value: send S256 and 43 to 128 characters")
	}
	if len(r.Scopes) == 0 {
		return r, errors.New("invalid_scope - Missing scope parameter value")
	}
	for _, s := range r.Scopes {
		if !slices.Contains(knownScopes(), s) {
			return r, fmt.Errorf("invalid_scope - Invalid scope: %s", s)
		}
	}
	return r, nil
}

func (c *Cloud) showConsent(w http.ResponseWriter, r *http.Request) {
	request, err := c.readConsent(r.URL.Query())
	if err != nil {
		c.errorPage(w, err.Error())
		return
	}
	c.page(w, http.StatusOK, "consent.html", struct {
		consentRequest
		People []*simulator.Person
		Asked  string
	}{request, c.options.People, strings.Join(request.Scopes, " ")})
}

// decide takes the person's answer and sends the browser back to the app.
func (c *Cloud) decide(w http.ResponseWriter, r *http.Request) {
	request, err := c.readConsent(r.PostForm)
	if err != nil {
		c.errorPage(w, err.Error())
		return
	}
	back := url.Values{}
	if request.State != "" {
		back.Set("state", request.State)
	}
	switch r.PostForm.Get("decision") {
	case "deny":
		back.Set("error", "access_denied")
		back.Set("error_description", "The user denied the request.")
	case "allow":
		person := r.PostForm.Get("person")
		granted := r.PostForm["granted"]
		if c.accounts[person] == nil {
			c.errorPage(w, "invalid_request - Choose one of the people")
			return
		}
		if len(granted) == 0 || slices.ContainsFunc(granted, func(s string) bool { return !slices.Contains(request.Scopes, s) }) {
			c.errorPage(w, "invalid_scope - Tick at least one of the scopes that the app asks for")
			return
		}
		back.Set("code", c.newCode(request, person, granted))
	default:
		c.errorPage(w, "invalid_request - Choose Allow or Deny")
		return
	}
	target, err := url.Parse(request.RedirectURI)
	if err != nil {
		c.errorPage(w, "invalid_request - Invalid redirect_uri parameter value")
		return
	}
	query := target.Query()
	for name := range back {
		query.Set(name, back.Get(name))
	}
	target.RawQuery = query.Encode()
	w.Header().Set("Location", target.String())
	w.WriteHeader(http.StatusFound)
}

func (c *Cloud) newCode(r consentRequest, person string, granted []string) string {
	text := secret(20)
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.options.Now()
	for h, old := range c.codes {
		if old.expires.Add(codeTTL).Before(now) {
			delete(c.codes, h)
		}
	}
	scopes := slices.Compact(slices.Sorted(slices.Values(granted)))
	c.codes[hashOf(text)] = &code{
		account: person, scopes: scopes, redirectURI: r.RedirectURI, redirectGiven: r.RedirectGiven,
		challenge: r.Challenge, expires: now.Add(codeTTL),
	}
	return text
}

func (c *Cloud) home(w http.ResponseWriter, _ *http.Request) {
	c.page(w, http.StatusOK, "home.html", c.options.People)
}

func (c *Cloud) errorPage(w http.ResponseWriter, message string) {
	c.page(w, http.StatusBadRequest, "error.html", message)
}

func (c *Cloud) page(w http.ResponseWriter, status int, name string, data any) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	if err := c.pages.ExecuteTemplate(w, name, data); err != nil {
		_, _ = fmt.Fprintf(w, "the fake cloud cannot render %s: %v", name, err)
	}
}
