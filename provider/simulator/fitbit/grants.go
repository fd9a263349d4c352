package fitbit

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"time"

	"github.com/stridelog/stridelog/provider/simulator/statefile"
)

// keepExpired is how long an expired access token is told from an unknown one.
const keepExpired = time.Hour

// grant is one consent. Tokens are kept as hashes only.
type grant struct {
	Account string        `json:"account"`
	Scopes  []string      `json:"scopes"`
	Refresh string        `json:"refresh"` // hash of the refresh token in force
	Spent   []string      `json:"spent,omitempty"`
	Access  []accessToken `json:"access"`
	// Code is the hash of the code the grant came from; a second use ends it.
	Code string `json:"code,omitempty"`
}

type accessToken struct {
	Hash    string    `json:"hash"`
	Expires time.Time `json:"expires"`
}

// grants are all consents in force.
type grants struct {
	file string
	All  []*grant `json:"grants"`
}

// loadGrants reads the state file. No name and no file are an empty state.
func loadGrants(file string) (*grants, error) {
	s := &grants{file: file}
	return s, statefile.Load(file, s)
}

func (s *grants) save() error { return statefile.Save(s.file, s) }

func (s *grants) byAccess(token string) (*grant, accessToken, bool) {
	h := hashOf(token)
	for _, g := range s.All {
		for _, a := range g.Access {
			if a.Hash == h {
				return g, a, true
			}
		}
	}
	return nil, accessToken{}, false
}

// byRefresh finds the grant of a refresh token; spent says that the token was
// used before.
func (s *grants) byRefresh(token string) (g *grant, spent bool) {
	h := hashOf(token)
	for _, g := range s.All {
		if g.Refresh == h {
			return g, false
		}
		if slices.Contains(g.Spent, h) {
			return g, true
		}
	}
	return nil, false
}

// end takes consents out of force.
func (s *grants) end(which func(*grant) bool) {
	s.All = slices.DeleteFunc(s.All, which)
}

func (s *grants) expire(account string, now time.Time) {
	for _, g := range s.All {
		for i := range g.Access {
			if g.Account == account && g.Access[i].Expires.After(now) {
				g.Access[i].Expires = now
			}
		}
	}
}

// pair puts a new pair in force. The access tokens given before stay valid to
// their end; the refresh token before is spent.
func (g *grant) pair(access, refresh string, now, expires time.Time) {
	if g.Refresh != "" {
		g.Spent = append(g.Spent, g.Refresh)
	}
	g.Refresh = hashOf(refresh)
	g.Access = slices.DeleteFunc(g.Access, func(a accessToken) bool { return a.Expires.Add(keepExpired).Before(now) })
	g.Access = append(g.Access, accessToken{hashOf(access), expires.UTC()})
}

func hashOf(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}

// secret is so many random bytes as hex digits.
func secret(size int) string {
	b := make([]byte, size)
	_, _ = rand.Read(b) // it never fails: the Go documentation says so
	return hex.EncodeToString(b)
}
