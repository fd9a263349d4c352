package providertest

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// Granted is the parameter by which Visit tells a test's cloud what the person
// grants.
const Granted = "granted"

// Visit opens a consent page that grants at once what is asked for, or the scopes,
// where they are not nil. It gives the code.
func Visit(t *testing.T, address string, scopes []string) string {
	t.Helper()
	if scopes != nil {
		address += "&" + Granted + "=" + url.QueryEscape(strings.Join(scopes, " "))
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	to, err := response.Location()
	if err != nil {
		t.Fatalf("the consent page answers %s without a redirect", response.Status)
	}
	return to.Query().Get("code")
}
