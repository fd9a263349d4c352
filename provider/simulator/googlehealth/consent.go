package googlehealth

import (
	"fmt"
	"maps"
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

// consentRequest is what an app asks a person for.
type consentRequest struct {
	RedirectURI, State, Challenge string
	Scopes                        []string
	Offline                       bool // access_type=offline: wants a refresh token
	Again                         bool // prompt=consent: wants one also when there is one
	Incremental                   bool // include_granted_scopes=true
	Form                          url.Values
}

// badRequest is an error of the authorize page: Google's word for it and what is wrong.
func badRequest(code, message string) error { return fmt.Errorf("%s - %s", code, message) }

// challengeForm is a code challenge as S256 makes it: base64url, unpadded.
var challengeForm = regexp.MustCompile(`^[A-Za-z0-9_-]{43,128}$`)

// readConsent checks what an app asks for. Its errors are shown to the person
// and never sent to the redirect URI.
func (c *Cloud) readConsent(form url.Values) (consentRequest, error) {
	r := consentRequest{
		RedirectURI: form.Get("redirect_uri"), State: form.Get("state"), Challenge: form.Get("code_challenge"),
		Scopes: strings.Fields(form.Get("scope")), Incremental: form.Get("include_granted_scopes") == "true", Form: form,
	}
	if form.Get("client_id") != c.options.ClientID {
		return r, badRequest("invalid_client", "The OAuth client was not found.")
	}
	if !slices.Contains(c.options.RedirectURIs, r.RedirectURI) {
		return r, badRequest("redirect_uri_mismatch", "The redirect URI in the request is not registered.")
	}
	if form.Get("response_type") != "code" {
		return r, badRequest("invalid_request", "Required parameter is missing or wrong: response_type")
	}
	method := form.Get("code_challenge_method")
	if (r.Challenge != "" || method != "") && (method != "S256" || !challengeForm.MatchString(r.Challenge)) {
		return r, badRequest("invalid_request", "Invalid code challenge: send S256 and 43 to 128 characters")
	}
	switch access := form.Get("access_type"); access {
	case "", "online":
	case "offline":
		r.Offline = true
	default:
		return r, badRequest("invalid_request", "Invalid access_type: "+access)
	}
	for _, prompt := range strings.Fields(form.Get("prompt")) {
		if prompt != "consent" && prompt != "select_account" {
			return r, badRequest("invalid_request", "Invalid prompt: "+prompt)
		}
		r.Again = r.Again || prompt == "consent"
	}
	if len(r.Scopes) == 0 {
		return r, badRequest("invalid_request", "Missing required parameter: scope")
	}
	for _, s := range r.Scopes {
		if !slices.Contains(knownScopes(), s) {
			return r, badRequest("invalid_scope", "Some requested scopes were invalid: "+s)
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
		Title: "An app wants access to your Google Account", App: c.options.ClientID, Back: request.RedirectURI,
		Action: "/o/oauth2/v2/auth", Hidden: hidden(request.Form),
		Who: "Choose an account", People: c.people(), What: "What may the app access?", Scopes: allScopes().Of(request.Scopes),
		Allow: "Continue", Deny: "Cancel",
	})
}

// hidden are the values that come back with the person's answer: all of the app's.
func hidden(form url.Values) []consentpage.Field {
	var fields []consentpage.Field
	for _, name := range slices.Sorted(maps.Keys(form)) {
		for _, value := range form[name] {
			fields = append(fields, consentpage.Field{Name: name, Value: value})
		}
	}
	return fields
}

// decide takes the person's answer and sends the browser back to the app.
func (c *Cloud) decide(w http.ResponseWriter, r *http.Request) {
	request, err := c.readConsent(r.PostForm)
	if err != nil {
		c.errorPage(w, err.Error())
		return
	}
	granted := slices.Compact(slices.Sorted(slices.Values(r.PostForm["granted"])))
	if slices.ContainsFunc(granted, func(s string) bool { return !slices.Contains(request.Scopes, s) }) {
		c.errorPage(w, "invalid_scope - Tick only what the app asks for")
		return
	}
	back := url.Values{}
	if request.State != "" {
		back.Set("state", request.State)
	}
	switch decision := r.PostForm.Get("decision"); {
	case decision == "deny", decision == "allow" && len(granted) == 0:
		back.Set("error", "access_denied")
	case decision == "allow":
		person := r.PostForm.Get("person")
		if c.accounts[person] == nil {
			c.errorPage(w, "invalid_request - Choose one of the accounts")
			return
		}
		back.Set("code", c.newCode(request, person, granted))
		back.Set("scope", strings.Join(granted, " "))
	default:
		c.errorPage(w, "invalid_request - Choose Continue or Cancel")
		return
	}
	target, err := url.Parse(request.RedirectURI)
	if err != nil {
		c.errorPage(w, "redirect_uri_mismatch - The redirect URI cannot be read")
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

func (c *Cloud) people() []consentpage.Person {
	all := make([]consentpage.Person, 0, len(c.options.People))
	for _, p := range c.options.People {
		all = append(all, consentpage.Person{ID: HealthUserID(p), Name: p.DisplayName()})
	}
	return all
}

func (c *Cloud) home(w http.ResponseWriter, _ *http.Request) {
	c.pages.ShowHome(w, consentpage.Home{
		Title:  "A simulated Google Health cloud",
		Paths:  []string{"/o/oauth2/v2/auth", "/token", "/revoke", "/v4/users/me", "/v4/projects"},
		People: c.people(),
	})
}

func (c *Cloud) errorPage(w http.ResponseWriter, message string) {
	c.pages.ShowError(w, "Access blocked: the app's request is invalid", message)
}
