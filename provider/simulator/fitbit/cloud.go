// Package fitbit is a fake of the Fitbit Web API: consent page, token endpoint
// with strict rotation, activity list with its paging, profile, quota. It speaks
// the wire format of docs and recorded answers and imports nothing of a connector.
//
// It is stricter than the real cloud where that finds mistakes: a spent refresh
// token ends its grant, and a code that comes twice does so too.
package fitbit

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/stridelog/stridelog/provider/simulator"
	"github.com/stridelog/stridelog/provider/simulator/consentpage"
	"github.com/stridelog/stridelog/provider/simulator/fault"
)

const (
	defaultTokenTTL = 8 * time.Hour
	defaultQuota    = 150 // requests an hour for one person and app
)

// Options say whose cloud it is.
type Options struct {
	ClientID     string
	ClientSecret string
	RedirectURIs []string // as registered; compared byte by byte
	People       []*simulator.Person
	// BaseURL is how the cloud's own links begin; empty is as the request came.
	BaseURL        string
	Now            func() time.Time // default time.Now
	AccessTokenTTL time.Duration    // default 8h
	QuotaPerHour   int              // default 150; see SetQuota
	MaxPage        int              // most entries of a page, whatever is asked for; default 100
	Latency        time.Duration    // before each answer
	// StateFile keeps the grants over a restart, as hashes; empty keeps none.
	StateFile string
	// Fault may say what goes wrong with a request; see SetFault.
	Fault func(*Call) *Fault
}

// Cloud is the fake. It is safe for concurrent use.
type Cloud struct {
	options Options
	pages   *consentpage.Pages
	gate    *fault.Gate

	mu       sync.Mutex
	accounts map[string]*account
	grants   *grants
	codes    map[string]*code // by hash
	quota    map[string]*usage
	allowed  map[string]allowance
}

// New makes a cloud, with the grants of its state file when there is one.
func New(o Options) (*Cloud, error) {
	if o.ClientID == "" || o.ClientSecret == "" || len(o.RedirectURIs) == 0 || len(o.People) == 0 {
		return nil, errors.New("new fake Fitbit cloud: ClientID, ClientSecret, RedirectURIs and People are all needed; give each")
	}
	for _, uri := range o.RedirectURIs {
		if u, err := url.Parse(uri); err != nil || u.Scheme == "" || u.Host == "" {
			return nil, fmt.Errorf("new fake Fitbit cloud: redirect URI %q is not absolute; give scheme and host", uri)
		}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.AccessTokenTTL <= 0 {
		o.AccessTokenTTL = defaultTokenTTL
	}
	if o.QuotaPerHour <= 0 {
		o.QuotaPerHour = defaultQuota
	}
	if o.MaxPage <= 0 || o.MaxPage > maxLimit {
		o.MaxPage = maxLimit
	}
	o.BaseURL = strings.TrimSuffix(o.BaseURL, "/")
	o.RedirectURIs = slices.Clone(o.RedirectURIs)
	c := &Cloud{
		options: o, accounts: map[string]*account{}, codes: map[string]*code{}, quota: map[string]*usage{}, allowed: map[string]allowance{},
	}
	c.gate = fault.NewGate(o.Latency, o.Fault, c.accountOf, badForm)
	for _, p := range o.People {
		if c.accounts[p.AccountID()] != nil {
			return nil, fmt.Errorf("new fake Fitbit cloud: two people have the account %s; give every person another name", p.AccountID())
		}
		c.accounts[p.AccountID()] = newAccount(p)
	}
	var err error
	if c.pages, err = consentpage.New("simulated Fitbit"); err != nil {
		return nil, fmt.Errorf("new fake Fitbit cloud: %w", err)
	}
	if c.grants, err = loadGrants(o.StateFile); err != nil {
		return nil, fmt.Errorf("new fake Fitbit cloud: %w", err)
	}
	return c, nil
}

// Requests counts the requests since New by endpoint: one of the Endpoint
// words, refused and faulty ones included.
func (c *Cloud) Requests() map[string]int { return c.gate.Requests() }

// Answers counts the answers since New by HTTP status. A dropped one has none.
func (c *Cloud) Answers() map[int]int { return c.gate.Answers() }

// ExpireAccessTokens makes every access token of an account expire now.
func (c *Cloud) ExpireAccessTokens(accountID string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.grants.expire(accountID, c.options.Now())
	return c.grants.save()
}

// Withdraw ends every grant of an account, as its owner does in the settings.
func (c *Cloud) Withdraw(accountID string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.grants.end(func(g *grant) bool { return g.Account == accountID })
	return c.grants.save()
}

// Grants is the number of an account's grants that are in force.
func (c *Cloud) Grants(accountID string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := 0
	for _, g := range c.grants.All {
		if g.Account == accountID {
			n++
		}
	}
	return n
}
