package googlehealth

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"slices"
	"time"

	"github.com/stridelog/stridelog/provider/simulator/statefile"
)

const (
	// maxRefreshTokens live for one account and app; the oldest dies silently.
	maxRefreshTokens = 100
	// unusedFor is how long a refresh token may lie unused: six months.
	unusedFor = 183 * 24 * time.Hour
)

// consent is everything that one account granted to the app. Revoking any token
// ends all of it. Tokens are kept as hashes only.
type consent struct {
	Account string         `json:"account"`
	Scopes  []string       `json:"scopes"` // all ever granted, for incremental consent
	Refresh []refreshToken `json:"refresh"`
	Access  []accessToken  `json:"access"`
}

type refreshToken struct {
	Hash   string    `json:"hash"`
	Scopes []string  `json:"scopes"`
	Used   time.Time `json:"used"`
	// Expires is zero for a token without an end.
	Expires time.Time `json:"expires,omitzero"`
	Code    string    `json:"code,omitempty"` // hash of the code it came from
}

type accessToken struct {
	Hash    string    `json:"hash"`
	Scopes  []string  `json:"scopes"`
	Expires time.Time `json:"expires"`
	Code    string    `json:"code,omitempty"`
}

// consents are all consents in force.
type consents struct {
	file string
	All  []*consent `json:"consents"`
}

func loadConsents(file string) (*consents, error) {
	s := &consents{file: file}
	return s, statefile.Load(file, s)
}

func (s *consents) save() error { return statefile.Save(s.file, s) }

// of is an account's consent; nil without one.
func (s *consents) of(account string) *consent {
	for _, one := range s.All {
		if one.Account == account {
			return one
		}
	}
	return nil
}

func (s *consents) byAccess(token string) (*consent, *accessToken) {
	h := hashOf(token)
	for _, one := range s.All {
		for i := range one.Access {
			if one.Access[i].Hash == h {
				return one, &one.Access[i]
			}
		}
	}
	return nil, nil
}

func (s *consents) byRefresh(token string) (*consent, *refreshToken) {
	h := hashOf(token)
	for _, one := range s.All {
		for i := range one.Refresh {
			if one.Refresh[i].Hash == h {
				return one, &one.Refresh[i]
			}
		}
	}
	return nil, nil
}

// end takes an account's consent out of force, with everything it gave.
func (s *consents) end(account string) {
	s.All = slices.DeleteFunc(s.All, func(one *consent) bool { return one.Account == account })
}

// forget ends what a code gave that came a second time.
func (s *consents) forget(code string) {
	for _, one := range s.All {
		one.Refresh = slices.DeleteFunc(one.Refresh, func(t refreshToken) bool { return t.Code == code })
		one.Access = slices.DeleteFunc(one.Access, func(t accessToken) bool { return t.Code == code })
	}
}

// addAccess gives out an access token and drops those that are over.
func (o *consent) addAccess(scopes []string, code string, now, expires time.Time) string {
	token := "ya29." + secret(150)
	o.Access = slices.DeleteFunc(o.Access, func(t accessToken) bool { return !now.Before(t.Expires) })
	o.Access = append(o.Access, accessToken{hashOf(token), scopes, expires.UTC(), code})
	return token
}

// addRefresh gives out a refresh token; the oldest dies when there are too many.
func (o *consent) addRefresh(scopes []string, code string, now, expires time.Time) string {
	token := "1//" + secret(60)
	o.Refresh = append(o.Refresh, refreshToken{hashOf(token), scopes, now.UTC(), expires, code})
	if excess := len(o.Refresh) - maxRefreshTokens; excess > 0 {
		o.Refresh = slices.Delete(o.Refresh, 0, excess)
	}
	return token
}

// live says whether a refresh token can still be used.
func (t *refreshToken) live(now time.Time) bool {
	return (t.Expires.IsZero() || now.Before(t.Expires)) && now.Before(t.Used.Add(unusedFor))
}

// ExpireAccessTokens makes every access token of an account expire now.
func (c *Cloud) ExpireAccessTokens(accountID string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.options.Now().UTC()
	if s := c.consents.of(accountID); s != nil {
		for i := range s.Access {
			s.Access[i].Expires = now
		}
	}
	return c.consents.save()
}

// Withdraw ends the consent of an account, as its owner does in the settings.
func (c *Cloud) Withdraw(accountID string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.endConsent(accountID)
	return c.consents.save()
}

// endConsent also ends the state that only removing the app ends.
func (c *Cloud) endConsent(accountID string) {
	c.consents.end(accountID)
	if a := c.accounts[accountID]; a != nil && (a.state == AccountDenied || a.state == AccountDataDenied) {
		a.state = AccountLinked
	}
}

// Grants is the number of an account's refresh tokens that are in force.
func (c *Cloud) Grants(accountID string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := 0
	if s := c.consents.of(accountID); s != nil {
		for i := range s.Refresh {
			if s.Refresh[i].live(c.options.Now()) {
				n++
			}
		}
	}
	return n
}

func hashOf(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}

// secret is so many random bytes as Google writes them: base64 for URLs.
func secret(size int) string {
	b := make([]byte, size)
	_, _ = rand.Read(b) // it never fails: the Go documentation says so
	return base64.RawURLEncoding.EncodeToString(b)
}
