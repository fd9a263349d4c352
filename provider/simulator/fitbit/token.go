package fitbit

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// token is POST /oauth2/token.
func (c *Cloud) token(w http.ResponseWriter, r *http.Request) {
	if !c.authenticate(w, r) {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch kind := r.PostForm.Get("grant_type"); kind {
	case "authorization_code":
		c.exchange(w, r.PostForm)
	case "refresh_token":
		c.refresh(w, r.PostForm.Get("refresh_token"))
	default:
		refuse(w, http.StatusBadRequest, "invalid_request", "", "Invalid grant_type parameter value"+moreInformation)
	}
}

// authenticate wants the app's id and secret as Basic authentication. RFC 6749
// has both form-encoded inside it; what comes plain is taken too.
func (c *Cloud) authenticate(w http.ResponseWriter, r *http.Request) bool {
	id, password, ok := r.BasicAuth()
	same := func(got, want string) bool {
		if decoded, err := url.QueryUnescape(got); err == nil && decoded == want {
			return true
		}
		return subtle.ConstantTimeCompare([]byte(got), []byte(want)) == 1
	}
	if ok && same(id, c.options.ClientID) && same(password, c.options.ClientSecret) {
		return true
	}
	refuse(w, http.StatusUnauthorized, "invalid_client", "", "Invalid authorization header. Client id or secret invalid."+moreInformation)
	return false
}

// exchange turns a code into a grant. The caller holds the lock.
func (c *Cloud) exchange(w http.ResponseWriter, form url.Values) {
	now := c.options.Now()
	text := form.Get("code")
	issued := c.codes[hashOf(text)]
	invalid := func() {
		refuse(w, http.StatusBadRequest, "invalid_grant", "", "Authorization code invalid: "+text+moreInformation)
	}
	if issued == nil || !now.Before(issued.expires) {
		invalid()
		return
	}
	if issued.used { // somebody has a copy of it: end what it gave
		c.grants.end(func(g *grant) bool { return g.Code == hashOf(text) })
		if err := c.grants.save(); err != nil {
			broken(w, err)
			return
		}
		invalid()
		return
	}
	if given := form.Get("redirect_uri"); given != issued.redirectURI && (issued.redirectGiven || given != "") {
		refuse(w, http.StatusBadRequest, "invalid_grant", "", "Redirect_uri mismatch: "+given+moreInformation)
		return
	}
	if !verified(issued.challenge, form.Get("code_verifier")) {
		refuse(w, http.StatusBadRequest, "invalid_grant", "", "Invalid code_verifier parameter value"+moreInformation)
		return
	}
	issued.used = true
	g := &grant{Account: issued.account, Scopes: issued.scopes, Code: hashOf(text)}
	c.grants.All = append(c.grants.All, g)
	c.answerPair(w, g, now)
}

// verified is PKCE with S256. Without a challenge there must be no verifier.
func verified(challenge, verifier string) bool {
	if challenge == "" {
		return verifier == ""
	}
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:]) == challenge
}

// refresh rotates the pair. A token that was spent before means that two hold
// the grant, so the grant ends. The caller holds the lock.
func (c *Cloud) refresh(w http.ResponseWriter, token string) {
	g, spent := c.grants.byRefresh(token)
	if spent {
		c.grants.end(func(other *grant) bool { return other == g })
		if err := c.grants.save(); err != nil {
			broken(w, err)
			return
		}
	}
	if g == nil || spent {
		refuse(w, http.StatusBadRequest, "invalid_grant", "", "Refresh token invalid: "+token+"."+moreInformation)
		return
	}
	c.answerPair(w, g, c.options.Now())
}

func (c *Cloud) answerPair(w http.ResponseWriter, g *grant, now time.Time) {
	expires := now.Add(c.options.AccessTokenTTL)
	access, refresh := c.accessToken(g, now, expires), secret(32)
	g.pair(access, refresh, now, expires)
	if err := c.grants.save(); err != nil {
		broken(w, err)
		return
	}
	reply(w, http.StatusOK, struct {
		AccessToken  string `json:"access_token"`
		ExpiresIn    int    `json:"expires_in"`
		RefreshToken string `json:"refresh_token"`
		Scope        string `json:"scope"` // sorted: not in the order asked for
		TokenType    string `json:"token_type"`
		UserID       string `json:"user_id"`
	}{access, int(c.options.AccessTokenTTL.Seconds()), refresh, strings.Join(g.Scopes, " "), "Bearer", g.Account})
}

// accessToken is a JWT with Fitbit's claims. The cloud itself knows it by hash.
func (c *Cloud) accessToken(g *grant, now, expires time.Time) string {
	words := make([]string, 0, len(g.Scopes))
	for _, s := range g.Scopes {
		words = append(words, scopeWord(s))
	}
	claims, _ := json.Marshal(map[string]any{ // strings and numbers: it cannot fail
		"aud": c.options.ClientID, "sub": g.Account, "iss": "Fitbit", "typ": "access_token",
		"scopes": strings.Join(words, " "), "iat": now.Unix(), "exp": expires.Unix(), "jti": secret(12),
	})
	body := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"HS256"}`)) + "." + base64.RawURLEncoding.EncodeToString(claims)
	mac := hmac.New(sha256.New, []byte(c.options.ClientSecret))
	_, _ = mac.Write([]byte(body))
	return body + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// scopeWord is a scope in the JWT's vocabulary.
func scopeWord(scope string) string {
	switch scope {
	case "activity":
		return "wact"
	case "heartrate":
		return "whr"
	default:
		return "w" + scope[:min(3, len(scope))]
	}
}

// revoke is POST /oauth2/revoke: either token ends the whole consent.
func (c *Cloud) revoke(w http.ResponseWriter, r *http.Request) {
	if !c.authenticate(w, r) {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	token := r.PostForm.Get("token")
	g, _, ok := c.grants.byAccess(token)
	if !ok {
		var spent bool
		if g, spent = c.grants.byRefresh(token); g == nil || spent {
			refuse(w, http.StatusNotFound, "not_found", "", "Token invalid: "+token+"."+moreInformation)
			return
		}
	}
	c.grants.end(func(other *grant) bool { return other.Account == g.Account })
	if err := c.grants.save(); err != nil {
		broken(w, err)
		return
	}
	w.WriteHeader(http.StatusOK)
}
