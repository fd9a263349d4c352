// Package cloudtest is a small OAuth provider for the tests of this service: real
// HTTP, PKCE checked, and strict rotation (a spent refresh token that comes again
// ends the whole grant).
package cloudtest

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// Name is the provider's name.
const Name = "fakecloud"

// Cloud is the running provider. Its exported fields may be set before it is used.
type Cloud struct {
	URL string
	// Life is that of access tokens.
	Life time.Duration

	mu       sync.Mutex
	codes    map[string]request
	grants   []*grant
	made     int
	fault    int // of refreshes and revocations
	broken   int // of exchanges
	header   http.Header
	rotated  func() // called after a rotation, before the answer
	refresh  int    // requests that the token endpoint got
	rotation int    // refreshes that it granted
	revoked  int    // requests that the revocation endpoint got
	secrets  []string
}

type request struct{ account, challenge, redirect, scope string }

type grant struct {
	account, access, refresh, scope string
	spent                           []string
	dead                            bool
}

// Start runs a provider until the test ends.
func Start(t testing.TB) *Cloud {
	c := &Cloud{Life: 8 * time.Hour, codes: map[string]request{}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /authorize", c.authorize)
	mux.HandleFunc("POST /token", c.token)
	mux.HandleFunc("POST /revoke", c.revoke)
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	c.URL = server.URL
	return c
}

// Consent plays the person: it opens the authorization URL as an account and
// allows the scopes. It returns what the redirect brings.
func (c *Cloud) Consent(t testing.TB, authorizationURL, account string, scopes ...string) (code, state string) {
	t.Helper()
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Get(authorizationURL + "&account=" + account + "&allow=" + url.QueryEscape(strings.Join(scopes, " "))) //nolint:noctx // a test's person waits
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	to, err := resp.Location()
	if err != nil {
		t.Fatalf("the consent page answered %d: %v", resp.StatusCode, err)
	}
	return to.Query().Get("code"), to.Query().Get("state")
}

// FailRefreshes makes refreshes and revocations answer a status until it is set to 0.
func (c *Cloud) FailRefreshes(status int, header http.Header) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.fault, c.header = status, header
}

// FailExchanges makes exchanges answer a status.
func (c *Cloud) FailExchanges(status int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.broken = status
}

// AfterRotation calls fn when a refresh has rotated the tokens and the answer
// is not sent yet.
func (c *Cloud) AfterRotation(fn func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.rotated = fn
}

// Counts are the refreshes asked for, those granted, and the revocations.
func (c *Cloud) Counts() (refreshes, rotations, revocations int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.refresh, c.rotation, c.revoked
}

// Secrets are all tokens, codes and verifiers that there ever were.
func (c *Cloud) Secrets() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.secrets)
}

// Accepts says whether an access token is the current one of a live grant.
func (c *Cloud) Accepts(access string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.ContainsFunc(c.grants, func(g *grant) bool { return !g.dead && g.access == access })
}

// Live counts the grants of an account that work.
func (c *Cloud) Live(account string) (n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, g := range c.grants {
		if g.account == account && !g.dead {
			n++
		}
	}
	return n
}

// Lose rotates the pair of an account without telling anybody: what is left of
// a refresh whose answer never arrived.
func (c *Cloud) Lose(account string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, g := range c.grants {
		if g.account == account && !g.dead {
			c.rotate(g)
		}
	}
}

func (c *Cloud) secret(kind string) string {
	c.made++
	s := fmt.Sprintf("%s-%s-%d", kind, strings.Repeat("s3cr3t", 4), c.made)
	c.secrets = append(c.secrets, s)
	return s
}

func (c *Cloud) authorize(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	q := r.URL.Query()
	if q.Get("code_challenge_method") != "S256" || len(q.Get("code_challenge")) != 43 || q.Get("state") == "" {
		http.Error(w, "bad request", http.StatusBadRequest)
		return
	}
	code := c.secret("code")
	c.codes[code] = request{q.Get("account"), q.Get("code_challenge"), q.Get("redirect_uri"), q.Get("allow")}
	back := url.Values{"code": {code}, "state": {q.Get("state")}}
	http.Redirect(w, r, q.Get("redirect_uri")+"?"+back.Encode(), http.StatusFound)
}

func (c *Cloud) token(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	var g *grant
	if r.FormValue("grant_type") == "authorization_code" {
		if c.broken != 0 {
			defer c.mu.Unlock()
			http.Error(w, "<html>no</html>", c.broken)
			return
		}
		g = c.exchange(r)
	} else {
		c.refresh++
		if c.fault != 0 {
			status, header := c.fault, c.header
			c.mu.Unlock()
			for name, values := range header {
				w.Header()[name] = values
			}
			http.Error(w, "<html>no</html>", status)
			return
		}
		g = c.byRefresh(r.FormValue("refresh_token"))
	}
	if g == nil {
		c.mu.Unlock()
		w.WriteHeader(http.StatusBadRequest)
		_, _ = fmt.Fprintf(w, `{"error":"invalid_grant","error_description":"token %s is bad"}`, r.FormValue("refresh_token"))
		return
	}
	answer := map[string]any{"access_token": g.access, "refresh_token": g.refresh, "user_id": g.account,
		"scope": g.scope, "expires_in": c.Life.Seconds()}
	rotated := c.rotated
	c.mu.Unlock()
	if rotated != nil && r.FormValue("grant_type") == "refresh_token" {
		rotated()
	}
	_ = json.NewEncoder(w).Encode(answer)
}

func (c *Cloud) exchange(r *http.Request) *grant {
	asked, ok := c.codes[r.FormValue("code")]
	delete(c.codes, r.FormValue("code"))
	c.secrets = append(c.secrets, r.FormValue("code_verifier"))
	challenge := sha256.Sum256([]byte(r.FormValue("code_verifier")))
	if !ok || base64.RawURLEncoding.EncodeToString(challenge[:]) != asked.challenge || r.FormValue("redirect_uri") != asked.redirect {
		return nil
	}
	g := &grant{account: asked.account, scope: asked.scope, access: c.secret("access"), refresh: c.secret("refresh")}
	c.grants = append(c.grants, g)
	return g
}

func (c *Cloud) byRefresh(token string) *grant {
	for _, g := range c.grants {
		if g.dead {
			continue
		}
		if g.refresh == token {
			c.rotate(g)
			c.rotation++
			return g
		}
		if slices.Contains(g.spent, token) {
			g.dead = true
		}
	}
	return nil
}

func (c *Cloud) rotate(g *grant) {
	g.spent = append(g.spent, g.refresh)
	g.access, g.refresh = c.secret("access"), c.secret("refresh")
}

func (c *Cloud) revoke(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.revoked++
	if c.fault != 0 {
		http.Error(w, "no", c.fault)
		return
	}
	for _, g := range c.grants {
		if token := r.FormValue("token"); g.refresh == token || g.access == token || slices.Contains(g.spent, token) {
			g.dead = true
		}
	}
}
