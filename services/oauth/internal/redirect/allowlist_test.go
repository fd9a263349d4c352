package redirect

import (
	"net/url"
	"testing"
)

func list(t testing.TB, entries ...string) Allowlist {
	t.Helper()
	l, err := Parse(entries)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestCheck(t *testing.T) {
	l := list(t, "http://localhost:*", "https://app.example.org", "https://port.example.org:8443", "http://[::1]:*")
	for uri, allowed := range map[string]bool{
		"http://localhost:3000/done?x=1":      true,
		"http://localhost/done":               true,
		"http://[::1]:9/":                     true,
		"https://app.example.org/back":        true,
		"https://APP.example.org:443/back":    true,
		"https://port.example.org:8443":       true,
		"https://localhost:3000/":             false,
		"https://port.example.org/":           false,
		"https://app.example.org:8443/":       false,
		"https://app.example.org.evil.org/":   false,
		"https://evil.org/https://localhost":  false,
		"https://user@app.example.org/":       false,
		"https://app.example.org@evil.org/":   false,
		"https://app.example.org/#x":          false,
		"https://app.example.org/#":           false,
		"https://evil.org\\@app.example.org/": false,
		"https://app.example.org/\n":          false,
		"//app.example.org/":                  false,
		"javascript:alert(1)":                 false,
		"https:app.example.org":               false,
		"http://localhost:/":                  false,
		"http://localhost:99999/":             false,
		"/relative":                           false,
		"":                                    false,
	} {
		if err := l.Check(uri); (err == nil) != allowed {
			t.Errorf("%q: %v", uri, err)
		}
	}
	if (Allowlist{}).Check("http://localhost/") == nil {
		t.Error("an empty list allows something")
	}
}

func TestParseNamesEveryBadEntry(t *testing.T) {
	for _, entry := range []string{"*", "https://*.example.org", "https://example.org:*", "https://example.org/path",
		"example.org", "http://localhost:80:*", "ftp://localhost", "https://u@example.org", ""} {
		if _, err := Parse([]string{"http://localhost:*", entry}); err == nil {
			t.Errorf("%q is taken for an origin", entry)
		}
	}
}

func FuzzCheck(f *testing.F) {
	for _, uri := range []string{"https://app.example.org/x", "https://app.example.org@evil", "https:\\\\app.example.org", "HTTPS://app.example.org:0443/"} {
		f.Add(uri)
	}
	l := list(f, "https://app.example.org")
	f.Fuzz(func(t *testing.T, uri string) {
		if l.Check(uri) != nil {
			return
		}
		u, err := url.Parse(uri)
		if err != nil || u.User != nil || u.Fragment != "" {
			t.Fatalf("%q is allowed", uri)
		}
		if again := list(t, u.Scheme+"://"+u.Host); again.origins[0] != l.origins[0] {
			t.Fatalf("%q is allowed and has another origin", uri)
		}
	})
}
