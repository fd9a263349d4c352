// Package pages makes the two pages that a person sees in their browser: how a consent
// ended, and what went wrong on the way. They hold no script, load nothing, and repeat
// nothing that came in a query but words of ours.
package pages

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"net/http"
	"strconv"
)

//go:embed page.html
var layout string

//go:embed page.css
var style string

// tone is the colour of a page's title; empty is that of the text.
type tone string

const (
	good tone = "good"
	bad  tone = "bad"
)

// page is what a person reads.
type page struct {
	Title    string
	Tone     tone
	Happened []string // a paragraph each
	Do       string   // what the person can do; empty: nothing
	Support  string   // for whoever they ask; empty: nothing
}

// Pages renders the pages.
type Pages struct {
	layout *template.Template
	policy string // the Content-Security-Policy, which allows our style and nothing else
}

// New reads the template.
func New() (*Pages, error) {
	t, err := template.New("page").Parse(layout)
	if err != nil {
		return nil, fmt.Errorf("read the template of the pages: %w", err)
	}
	hash := sha256.Sum256([]byte(style))
	return &Pages{layout: t, policy: "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(hash[:]) +
		"'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"}, nil
}

func (p *Pages) write(w http.ResponseWriter, status int, shown page) error {
	var body bytes.Buffer
	err := p.layout.Execute(&body, struct {
		page
		Style template.CSS
	}{shown, template.CSS(style)}) //nolint:gosec // the style is a file of ours
	if err != nil {
		return fmt.Errorf("fill the template of the pages: %w", err)
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Length", strconv.Itoa(body.Len()))
	h.Set("Content-Security-Policy", p.policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, err = w.Write(body.Bytes())
	return err
}
