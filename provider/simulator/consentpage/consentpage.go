// Package consentpage is what a person sees of a fake cloud in a browser: the page on
// which they allow an app to read, a refusal of the app's request, and the front page.
// The pages fit a phone, have a light and a dark face, and need no script.
package consentpage

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"net/http"
	"slices"
)

//go:embed pages.html
var layouts string

//go:embed page.css
var style string

// Person is somebody with an account at the cloud.
type Person struct{ ID, Name string }

// Scope is what an app can ask for.
type Scope struct {
	Value string // as the app asks for it
	Label string // what it opens, in plain words
	Word  string // a short name for developers
}

// Scopes are those that a cloud knows.
type Scopes []Scope

// Values are the scopes as apps ask for them.
func (s Scopes) Values() []string {
	values := make([]string, len(s))
	for i, one := range s {
		values[i] = one.Value
	}
	return values
}

// Of are the scopes that an app asks for, in its order.
func (s Scopes) Of(asked []string) []Scope {
	var list []Scope
	for _, value := range asked {
		if i := slices.IndexFunc(s, func(one Scope) bool { return one.Value == value }); i >= 0 {
			list = append(list, s[i])
		}
	}
	return list
}

// Field is a value that the form sends along.
type Field struct{ Name, Value string }

// Consent is what an app asks a person for, in the words of the cloud.
type Consent struct {
	Title     string
	App, Back string // the client id, and where the browser goes afterwards
	Action    string // where the form is sent
	Hidden    []Field
	Who, What string // the titles of the two choices
	People    []Person
	Scopes    []Scope
	// Allow and Deny are the words of the two buttons.
	Allow, Deny string
}

// Home is the front page.
type Home struct {
	Title  string
	Paths  []string
	People []Person
}

// Pages renders the pages of one cloud.
type Pages struct {
	cloud   string
	layouts *template.Template
	policy  string
}

// New makes the pages of a cloud, which is called by name: "simulated" and what people call the provider.
func New(cloud string) (*Pages, error) {
	t, err := template.New("pages").Parse(layouts)
	if err != nil {
		return nil, fmt.Errorf("read the pages of a fake cloud: %w", err)
	}
	hash := sha256.Sum256([]byte(style))
	// There is no form-action: a browser would hold the way back to the app to it.
	return &Pages{cloud: cloud, layouts: t, policy: "default-src 'none'; style-src 'sha256-" +
		base64.StdEncoding.EncodeToString(hash[:]) + "'; base-uri 'none'; frame-ancestors 'none'"}, nil
}

// ShowConsent asks a person for their consent.
func (p *Pages) ShowConsent(w http.ResponseWriter, c Consent) {
	p.show(w, http.StatusOK, "consent", c.Title, c)
}

// ShowError says why the cloud refuses the request of an app.
func (p *Pages) ShowError(w http.ResponseWriter, title, message string) {
	p.show(w, http.StatusBadRequest, "error", title, message)
}

// ShowHome shows the front page.
func (p *Pages) ShowHome(w http.ResponseWriter, h Home) { p.show(w, http.StatusOK, "home", h.Title, h) }

func (p *Pages) show(w http.ResponseWriter, status int, name, title string, view any) {
	var body bytes.Buffer
	err := p.layouts.ExecuteTemplate(&body, name, struct {
		Cloud, Title string
		Style        template.CSS
		View         any
	}{p.cloud, title, template.CSS(style), view})
	if err != nil {
		http.Error(w, fmt.Sprintf("the fake cloud cannot show its page %s: %v", name, err), http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", p.policy)
	w.WriteHeader(status)
	_, _ = w.Write(body.Bytes())
}
