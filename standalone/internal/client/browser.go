package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/net/html"
)

// Browser walks a consent page as a person does: it loads the page, chooses
// who they are, keeps or clears the ticks, and presses a button.
type Browser struct {
	HTTP *http.Client
	// Person is the value to choose where the page asks who is there; empty
	// keeps what is chosen already.
	Person string
	// Untick lists scopes to clear.
	Untick []string
	Deny   bool
}

// NewBrowser returns a browser that shows where a redirect leads instead of
// going there.
func NewBrowser(person string) Browser {
	return Browser{Person: person, HTTP: &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// Consent submits the consent page and returns the address the provider sends
// the person to.
func (b Browser) Consent(ctx context.Context, address string) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return "", err
	}
	resp, err := b.HTTP.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 2000))
		return "", fmt.Errorf("the consent page answered %s: %s", resp.Status, text)
	}
	doc, err := html.Parse(resp.Body)
	if err != nil {
		return "", fmt.Errorf("the consent page: %w", err)
	}
	action, values, err := b.fill(doc)
	if err != nil {
		return "", err
	}
	target, err := resp.Request.URL.Parse(action)
	if err != nil {
		return "", err
	}
	return b.submit(ctx, target.String(), values)
}

func (b Browser) submit(ctx context.Context, target string, values url.Values) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, target, strings.NewReader(values.Encode()))
	if err != nil {
		return "", err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := b.HTTP.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	location := resp.Header.Get("Location")
	if location == "" {
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 2000))
		return "", fmt.Errorf("the decision was answered %s without a redirect: %s", resp.Status, text)
	}
	return location, nil
}

// Follow loads an address and returns where it redirects to.
func (b Browser) Follow(ctx context.Context, address string) (*url.URL, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	resp, err := b.HTTP.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusSeeOther {
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 2000))
		return nil, fmt.Errorf("the callback answered %s: %s", resp.Status, text)
	}
	return resp.Location()
}

// fill reads the page's form and returns its action and the values to send.
func (b Browser) fill(doc *html.Node) (string, url.Values, error) {
	form := first(doc, "form")
	if form == nil {
		return "", nil, errors.New("the consent page has no form")
	}
	values := url.Values{}
	for node := range form.Descendants() {
		name := attr(node, "name")
		if node.Type != html.ElementNode || name == "" {
			continue
		}
		switch node.Data {
		case "input":
			b.input(node, name, values)
		case "select":
			b.choose(node, name, values)
		case "button":
			if isDeny(attr(node, "value")) == b.Deny {
				values.Set(name, attr(node, "value"))
			}
		}
	}
	return attr(form, "action"), values, nil
}

func (b Browser) input(node *html.Node, name string, values url.Values) {
	value := attr(node, "value")
	switch attr(node, "type") {
	case "checkbox":
		if has(node, "checked") && !slices.Contains(b.Untick, value) {
			values.Add(name, value)
		}
	case "radio":
		if (b.Person == "" && has(node, "checked")) || value == b.Person {
			values.Set(name, value)
		}
	case "submit":
		if isDeny(value) == b.Deny {
			values.Set(name, value)
		}
	default:
		values.Add(name, value)
	}
}

func (b Browser) choose(node *html.Node, name string, values url.Values) {
	for option := range node.Descendants() {
		if option.Type != html.ElementNode || option.Data != "option" {
			continue
		}
		value := attr(option, "value")
		if !values.Has(name) || has(option, "selected") || value == b.Person {
			values.Set(name, value)
		}
		if value == b.Person {
			return
		}
	}
}

func isDeny(value string) bool { return strings.EqualFold(value, "deny") }

func first(n *html.Node, tag string) *html.Node {
	for node := range n.Descendants() {
		if node.Type == html.ElementNode && node.Data == tag {
			return node
		}
	}
	return nil
}

func attr(n *html.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}

func has(n *html.Node, key string) bool {
	return slices.ContainsFunc(n.Attr, func(a html.Attribute) bool { return a.Key == key })
}
