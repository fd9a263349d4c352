package fitbit

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/stridelog/stridelog/provider/simulator/consentpage"
)

// codeTTL is how long a code may be exchanged.
const codeTTL = 10 * time.Minute

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
	c.pages.ShowConsent(w, consentpage.Consent{
		Title: "An app wants to read your Fitbit data", App: request.ClientID, Back: request.RedirectURI,
		Action: "/oauth2/authorize", Hidden: request.hidden(),
		Who: "Who are you?", People: c.people(), What: "What may the app read?", Scopes: allScopes().Of(request.Scopes),
		Allow: "Allow", Deny: "Deny",
	})
}

// hidden are the values that come back with the person's answer.
func (r consentRequest) hidden() []consentpage.Field {
	fields := []consentpage.Field{{Name: "client_id", Value: r.ClientID}, {Name: "response_type", Value: "code"}, {Name: "scope", Value: strings.Join(r.Scopes, " ")}}
	if r.RedirectGiven {
		fields = append(fields, consentpage.Field{Name: "redirect_uri", Value: r.RedirectURI})
	}
	if r.State != "" {
		fields = append(fields, consentpage.Field{Name: "state", Value: r.State})
	}
	if r.Challenge != "" {
		fields = append(fields, consentpage.Field{Name: "code_challenge", Value: r.Challenge}, consentpage.Field{Name: "code_challenge_method", Value: "S256"})
	}
	return fields
}

func (c *Cloud) people() []consentpage.Person {
	all := make([]consentpage.Person, 0, len(c.options.People))
	for _, p := range c.options.People {
		all = append(all, consentpage.Person{ID: p.AccountID(), Name: p.DisplayName()})
	}
	return all
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
	c.pages.ShowHome(w, consentpage.Home{
		Title:  "A simulated Fitbit cloud",
		Paths:  []string{"/oauth2/authorize", "/oauth2/token", "/oauth2/revoke", "/1/user/-/activities/list.json", "/1/user/-/profile.json"},
		People: c.people(),
	})
}

func (c *Cloud) errorPage(w http.ResponseWriter, message string) {
	c.pages.ShowError(w, "The app's request is not valid", message)
}
