package googlehealth

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// testingTTL is how long a refresh token of a project in testing lives, as
// refresh_token_expires_in tells it.
const testingTTL = 604799 * time.Second

// deadGrant is what Google says of every refresh token that is over.
const deadGrant = "Token has been expired or revoked."

// code is what an app exchanges for tokens.
type code struct {
	account   string
	request   consentRequest
	granted   []string
	expires   time.Time
	exchanged bool
}

// newCode keeps a person's consent until the app comes for it.
func (c *Cloud) newCode(r consentRequest, account string, granted []string) string {
	text := "4/0A" + secret(40)
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.options.Now()
	for h, old := range c.codes {
		if old.expires.Add(codeTTL).Before(now) {
			delete(c.codes, h)
		}
	}
	c.codes[hashOf(text)] = &code{account: account, request: r, granted: granted, expires: now.Add(codeTTL)}
	return text
}

// token is POST /token.
func (c *Cloud) token(w http.ResponseWriter, r *http.Request) {
	if r.PostForm.Get("grant_type") == grantAssertion {
		c.assert(w, r)
		return
	}
	if !c.authenticate(w, r.PostForm) {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch r.PostForm.Get("grant_type") {
	case "authorization_code":
		c.exchange(w, r.PostForm)
	case "refresh_token":
		c.refresh(w, r.PostForm.Get("refresh_token"))
	default:
		refuseToken(w, http.StatusBadRequest, "unsupported_grant_type", "Invalid grant_type: "+r.PostForm.Get("grant_type"))
	}
}

// authenticate wants the app's id and secret in the body. What a header says of
// them does not count.
func (c *Cloud) authenticate(w http.ResponseWriter, form url.Values) bool {
	same := func(got, want string) bool { return subtle.ConstantTimeCompare([]byte(got), []byte(want)) == 1 }
	switch {
	case form.Get("client_id") == "":
		refuseToken(w, http.StatusBadRequest, "invalid_request", "Could not determine client ID from request.")
	case form.Get("client_secret") == "":
		refuseToken(w, http.StatusBadRequest, "invalid_request", "client_secret is missing.")
	case !same(form.Get("client_id"), c.options.ClientID):
		refuseToken(w, http.StatusUnauthorized, "invalid_client", "The OAuth client was not found.")
	case !same(form.Get("client_secret"), c.options.ClientSecret):
		refuseToken(w, http.StatusUnauthorized, "invalid_client", "The provided client secret is invalid.")
	default:
		return true
	}
	return false
}

// exchange turns a code into tokens. The caller holds the lock.
func (c *Cloud) exchange(w http.ResponseWriter, form url.Values) {
	now := c.options.Now()
	hash := hashOf(form.Get("code"))
	issued := c.codes[hash]
	switch {
	case issued == nil || !now.Before(issued.expires):
		refuseToken(w, http.StatusBadRequest, "invalid_grant", "Malformed auth code.")
		return
	case issued.exchanged: // somebody has a copy of it: end what it gave
		c.consents.forget(hash)
		if err := c.consents.save(); err != nil {
			broken(w, err)
			return
		}
		refuseToken(w, http.StatusBadRequest, "invalid_grant", "Bad Request")
		return
	case form.Get("redirect_uri") != issued.request.RedirectURI:
		refuseToken(w, http.StatusBadRequest, "redirect_uri_mismatch", "Bad Request")
		return
	case !verified(issued.request.Challenge, form.Get("code_verifier")):
		refuseToken(w, http.StatusBadRequest, "invalid_grant", "Invalid code verifier.")
		return
	}
	issued.exchanged = true
	c.grant(w, issued, hash, now)
}

// grant gives out the tokens of a consent. A refresh token comes with offline
// access only, and once there is one only when the app prompted for consent.
func (c *Cloud) grant(w http.ResponseWriter, issued *code, hash string, now time.Time) {
	s := c.consents.of(issued.account)
	if s == nil {
		s = &consent{Account: issued.account}
		c.consents.All = append(c.consents.All, s)
	}
	scopes := issued.granted
	if issued.request.Incremental {
		scopes = union(s.Scopes, scopes)
	}
	s.Scopes = union(s.Scopes, scopes)
	answer := tokens{
		AccessToken: s.addAccess(scopes, hash, now, now.Add(c.options.AccessTokenTTL)), ExpiresIn: c.lifetime(),
		Scope: strings.Join(scopes, " "), TokenType: "Bearer",
	}
	had := slices.ContainsFunc(s.Refresh, func(t refreshToken) bool { return t.live(now) })
	if issued.request.Offline && (issued.request.Again || !had) {
		var expires time.Time
		if c.options.Testing {
			expires = now.Add(testingTTL).UTC()
			answer.RefreshExpiresIn = int(testingTTL.Seconds())
		}
		answer.RefreshToken = s.addRefresh(scopes, hash, now, expires)
	}
	c.answerTokens(w, answer)
}

// refresh gives a new access token and leaves the refresh token as it is, unless
// the options have it rotate. The caller holds the lock.
func (c *Cloud) refresh(w http.ResponseWriter, token string) {
	now := c.options.Now()
	s, t := c.consents.byRefresh(token)
	if s == nil || !t.live(now) {
		refuseToken(w, http.StatusBadRequest, "invalid_grant", deadGrant)
		return
	}
	t.Used = now.UTC()
	answer := tokens{
		AccessToken: s.addAccess(t.Scopes, t.Code, now, now.Add(c.options.AccessTokenTTL)), ExpiresIn: c.lifetime(),
		Scope: strings.Join(t.Scopes, " "), TokenType: "Bearer",
	}
	if !t.Expires.IsZero() {
		answer.RefreshExpiresIn = int(t.Expires.Sub(now).Seconds())
	}
	if c.options.Rotate {
		old := *t
		s.Refresh = slices.DeleteFunc(s.Refresh, func(other refreshToken) bool { return other.Hash == old.Hash })
		answer.RefreshToken = s.addRefresh(old.Scopes, old.Code, now, old.Expires)
	}
	c.answerTokens(w, answer)
}

// lifetime is what expires_in says: a second less than the token lives.
func (c *Cloud) lifetime() int { return int(c.options.AccessTokenTTL.Seconds()) - 1 }

// tokens is the answer of the token endpoint. It does not say whose they are.
type tokens struct {
	AccessToken      string `json:"access_token"`
	ExpiresIn        int    `json:"expires_in"`
	RefreshToken     string `json:"refresh_token,omitempty"`
	Scope            string `json:"scope"`
	TokenType        string `json:"token_type"`
	RefreshExpiresIn int    `json:"refresh_token_expires_in,omitempty"`
}

func (c *Cloud) answerTokens(w http.ResponseWriter, answer tokens) {
	if err := c.consents.save(); err != nil {
		broken(w, err)
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	reply(w, answer)
}

// revoke is POST /revoke: any token ends the whole consent of its account.
func (c *Cloud) revoke(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	token, now := r.PostForm.Get("token"), c.options.Now()
	s, access := c.consents.byAccess(token)
	if s == nil || !now.Before(access.Expires) {
		var refresh *refreshToken
		if s, refresh = c.consents.byRefresh(token); s == nil || !refresh.live(now) {
			refuseToken(w, http.StatusBadRequest, "invalid_token", "Token expired or revoked")
			return
		}
	}
	c.endConsent(s.Account)
	if err := c.consents.save(); err != nil {
		broken(w, err)
		return
	}
	reply(w, struct{}{})
}

// verified is PKCE with S256. Without a challenge there must be no verifier.
func verified(challenge, verifier string) bool {
	if challenge == "" {
		return verifier == ""
	}
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:]) == challenge
}

func union(a, b []string) []string {
	return slices.Compact(slices.Sorted(slices.Values(append(slices.Clone(a), b...))))
}
