package httpcall_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/provider/internal/httpcall"
)

const planted = "9f3c0a-planted-token-2e71"

func refusal(op string, a httpcall.Answer, _ time.Time) *provider.Error {
	return &provider.Error{Provider: "p", Op: op, Class: provider.ClassBadRequest, Status: a.Status}
}

// get calls a server that always answers the same.
func get(t *testing.T, kind string, handle http.HandlerFunc) (httpcall.Answer, *provider.Error) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer "+planted {
			t.Errorf("the request carries %q", r.Header.Get("Authorization"))
		}
		w.Header().Set("Content-Type", kind)
		handle(w, r)
	}))
	defer server.Close()
	c := httpcall.Client{Provider: "p", HTTP: httpcall.Discreet(nil), Now: time.Now, Refusal: refusal}
	a, err := c.Get(t.Context(), httpcall.Request{Op: "try", Address: server.URL, Token: planted, Max: 8})
	var failed *provider.Error
	if err != nil && !errors.As(err, &failed) {
		t.Fatalf("got %v (%T), want a *provider.Error", err, err)
	}
	if failed != nil && (strings.Contains(failed.Error(), planted) || strings.Contains(failed.Error(), "127.0.0.1")) {
		t.Errorf("the error shows a token or an address: %v", failed)
	}
	return a, failed
}

func write(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}
}

func TestGet(t *testing.T) {
	cut := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "8")
		_, _ = w.Write([]byte("{"))
	}
	away := func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "https://example.com/"+planted, http.StatusFound)
	}
	const asJSON = "application/json; charset=UTF-8"
	for name, test := range map[string]struct {
		kind   string
		handle http.HandlerFunc
		class  provider.Class // empty: a success
		reason string
	}{
		"whole":         {asJSON, write(200, "{}"), "", ""},
		"of no kind":    {"", write(200, "{}"), "", ""},
		"as many bytes": {asJSON, write(200, "{      }"), "", ""},
		"too large":     {asJSON, write(200, "{       }"), provider.ClassTooLarge, ""},
		"HTML":          {"text/html", write(200, "<p>"), provider.ClassInvalidResponse, httpcall.ReasonNotJSON},
		"cut off":       {asJSON, cut, provider.ClassInvalidResponse, httpcall.ReasonIncomplete},
		"refused":       {asJSON, write(403, "{}"), provider.ClassBadRequest, ""},
		"leads away":    {asJSON, away, provider.ClassBadRequest, ""},
		"another 2xx":   {asJSON, write(206, "{}"), provider.ClassBadRequest, ""},
	} {
		a, err := get(t, test.kind, test.handle)
		switch {
		case (err != nil) != (test.class != ""):
			t.Errorf("%s: got %v", name, err)
		case err != nil && (err.Class != test.class || err.Reason != test.reason):
			t.Errorf("%s: got %s [%s], want %s [%s]", name, err.Class, err.Reason, test.class, test.reason)
		case a.Status == 0 || a.Header == nil:
			t.Errorf("%s: the answer is lost: %+v", name, a)
		}
	}
}

// A client that is handed in keeps its transport, and nothing that it would do with
// redirects or cookies.
func TestDiscreet(t *testing.T) {
	given := &http.Client{Transport: &http.Transport{}, Timeout: time.Second}
	c := httpcall.Discreet(given)
	if c.Transport != given.Transport || c.Timeout != given.Timeout {
		t.Errorf("got %+v", c)
	}
	if err := c.CheckRedirect(nil, nil); !errors.Is(err, http.ErrUseLastResponse) {
		t.Errorf("a redirect is followed: %v", err)
	}
	if given.CheckRedirect != nil {
		t.Error("the given client was changed")
	}
}
