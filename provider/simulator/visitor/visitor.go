// Package visitor stands in for a person with a browser at the consent page of a
// fake cloud.
package visitor

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// maxPage bounds what is read of a page, in bytes.
const maxPage = 1 << 20

// Decision is what a person does on the consent page.
type Decision struct {
	AccountID string   // who they are
	Scopes    []string // what they leave ticked; nil is everything asked for
	Deny      bool
}

// Decide opens an authorize URL of a fake cloud and sends the form. It gives
// where the browser is sent, without going there. The error of a request that
// the cloud refuses says why.
func Decide(ctx context.Context, client *http.Client, authorizeURL string, d Decision) (*url.URL, error) {
	staying := *client
	staying.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	page, err := url.Parse(authorizeURL)
	if err != nil {
		return nil, fmt.Errorf("decide on consent: %w", err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, authorizeURL, nil)
	if err != nil {
		return nil, fmt.Errorf("decide on consent: %w", err)
	}
	if _, err := visit(&staying, request, http.StatusOK); err != nil {
		return nil, fmt.Errorf("open the consent page: %w", err)
	}
	form := page.Query()
	form.Set("person", d.AccountID)
	form["granted"] = d.Scopes
	if d.Scopes == nil {
		form["granted"] = strings.Fields(form.Get("scope"))
	}
	form.Set("decision", "allow")
	if d.Deny {
		form.Set("decision", "deny")
	}
	page.RawQuery = ""
	request, err = http.NewRequestWithContext(ctx, http.MethodPost, page.String(), strings.NewReader(form.Encode()))
	if err != nil {
		return nil, fmt.Errorf("decide on consent: %w", err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	location, err := visit(&staying, request, http.StatusFound)
	if err != nil {
		return nil, fmt.Errorf("send the decision: %w", err)
	}
	return url.Parse(location)
}

// visit sends a request, reads the answer to its end and gives its Location. A
// page that is not what was wanted says in words what is wrong.
func visit(client *http.Client, request *http.Request, want int) (location string, err error) {
	response, err := client.Do(request)
	if err != nil {
		return "", err
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(response.Body, maxPage))
	if err != nil {
		return "", fmt.Errorf("read the answer: %w", err)
	}
	if response.StatusCode == want {
		return response.Header.Get("Location"), nil
	}
	if _, message, found := strings.Cut(string(text), "Developer information:</strong> "); found {
		message, _, _ = strings.Cut(message, "</p>")
		return "", errors.New("the cloud refuses: " + message)
	}
	return "", fmt.Errorf("the cloud answers with status %d", response.StatusCode)
}
