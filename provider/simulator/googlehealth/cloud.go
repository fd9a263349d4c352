// Package googlehealth is a fake of the Google Health API v4: Google's consent
// page with its tick boxes, token and revoke endpoints, identity, settings,
// profile and devices, the data points of exercise with their routes, quota, and
// signed notifications. It speaks the wire format of the discovery document and
// of recorded answers, and imports nothing of a connector.
//
// Exercise is the only data type it holds, and it holds it for reading. Where the
// facts leave two readings open it takes the one that finds more mistakes.
package googlehealth

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/stridelog/stridelog/provider/simulator"
	"github.com/stridelog/stridelog/provider/simulator/consentpage"
	"github.com/stridelog/stridelog/provider/simulator/fault"
)

const (
	defaultTokenTTL     = time.Hour
	defaultPageTokenTTL = time.Hour
	defaultRetry        = 10 * time.Second
	defaultProject      = "123456789012"
	maxPage             = 25 // of exercise
)

// Options say whose cloud it is.
type Options struct {
	ClientID     string
	ClientSecret string
	RedirectURIs []string // as registered; compared byte by byte
	// People have an account each. The same person in the fake Fitbit cloud is the
	// same account before its owner moved: legacyUserId is its id there.
	People []*simulator.Person

	Now            func() time.Time // default time.Now
	AccessTokenTTL time.Duration    // default 1h
	PageTokenTTL   time.Duration    // default 1h
	MaxPage        int              // most records of a page, whatever is asked for; default 25
	Latency        time.Duration    // before each answer
	// ProjectNumber is in the path of subscribers; default 123456789012.
	ProjectNumber string
	// ServiceAccount may get tokens of the project at /token; nil is none. See also
	// ProjectToken.
	ServiceAccount *ServiceAccount

	// Verified gives the project the quota of one that passed Google's review.
	Verified bool
	// Testing is the publishing status in which a refresh token dies after 7 days.
	Testing bool
	// Rotate gives a new refresh token with every refresh and ends the one before,
	// which Google does not do today.
	Rotate bool
	// RetryAfter puts the header into the 429 of the quota; Google documents none.
	RetryAfter bool
	// KeepIDs gives a workout the id it has at Fitbit. By default it has another
	// one: whether ids are kept is not known.
	KeepIDs bool
	// Copies is how many workouts of a hundred come a second time, from another
	// app on the phone; default none.
	Copies int
	// TracksWithoutScope answers a track without the location scope with a file
	// that has no positions, as one project saw. By default it is refused.
	TracksWithoutScope bool

	// Client sends notifications; default one without a proxy.
	Client *http.Client
	// RetryEvery is how long after its first failure a notification comes again;
	// the wait doubles, up to an hour. Default 10s.
	RetryEvery time.Duration
	// OldSignatureHeader sends the signature under its older name.
	OldSignatureHeader bool

	// StateFile keeps the consents over a restart, tokens as hashes; empty keeps
	// none.
	StateFile string
	// Fault may say what goes wrong with a request; see SetFault.
	Fault func(*Call) *Fault
}

// Cloud is the fake. It is safe for concurrent use.
type Cloud struct {
	options Options
	pages   *consentpage.Pages
	gate    *fault.Gate
	seal    []byte // signs page tokens

	mu          sync.Mutex
	accounts    map[string]*account // by healthUserId
	project     ProjectState
	consents    *consents
	codes       map[string]*code // by hash
	operators   map[string]time.Time
	users       *quota
	whole       *quota
	retryAfter  bool
	emptyPages  func(accountID string, page int) bool
	keys        *keys
	subscribers map[string]*subscriber
	mail        *mail
}

// New makes a cloud, with the consents of its state file when there is one.
func New(o Options) (*Cloud, error) {
	if o.ClientID == "" || o.ClientSecret == "" || len(o.RedirectURIs) == 0 || len(o.People) == 0 {
		return nil, errors.New("new fake Google Health cloud: ClientID, ClientSecret, RedirectURIs and People are all needed; give each")
	}
	for _, uri := range o.RedirectURIs {
		if u, err := url.Parse(uri); err != nil || u.Scheme == "" || u.Host == "" {
			return nil, fmt.Errorf("new fake Google Health cloud: redirect URI %q is not absolute; give scheme and host", uri)
		}
	}
	o = o.withDefaults()
	c := &Cloud{
		options: o, seal: make([]byte, 32), accounts: map[string]*account{}, codes: map[string]*code{}, operators: map[string]time.Time{},
		users: newQuota(unverifiedPerUser), whole: newQuota(unverifiedInTotal), retryAfter: o.RetryAfter,
		emptyPages: func(_ string, page int) bool { return page == 1 }, subscribers: map[string]*subscriber{}, mail: newMail(),
	}
	_, _ = rand.Read(c.seal) // it never fails: the Go documentation says so
	if o.Verified {
		c.users, c.whole = newQuota(verifiedPerUser), newQuota(verifiedInTotal)
	}
	for _, p := range o.People {
		id := HealthUserID(p)
		if c.accounts[id] != nil {
			return nil, fmt.Errorf("new fake Google Health cloud: two people have the account %s; give every person another name", id)
		}
		c.accounts[id] = newAccount(p, o)
	}
	c.gate = fault.NewGate(o.Latency, o.Fault, c.accountOf, badForm)
	var err error
	if c.pages, err = consentpage.New("simulated Google"); err != nil {
		return nil, fmt.Errorf("new fake Google Health cloud: %w", err)
	}
	if c.consents, err = loadConsents(o.StateFile); err != nil {
		return nil, fmt.Errorf("new fake Google Health cloud: %w", err)
	}
	if c.keys, err = newKeys(); err != nil {
		return nil, fmt.Errorf("new fake Google Health cloud: %w", err)
	}
	return c, nil
}

func (o Options) withDefaults() Options {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.AccessTokenTTL <= 0 {
		o.AccessTokenTTL = defaultTokenTTL
	}
	if o.PageTokenTTL <= 0 {
		o.PageTokenTTL = defaultPageTokenTTL
	}
	if o.MaxPage <= 0 || o.MaxPage > maxPage {
		o.MaxPage = maxPage
	}
	if o.Client == nil {
		o.Client = &http.Client{Transport: &http.Transport{}}
	}
	if o.RetryEvery <= 0 {
		o.RetryEvery = defaultRetry
	}
	if o.ProjectNumber == "" {
		o.ProjectNumber = defaultProject
	}
	o.RedirectURIs = slices.Clone(o.RedirectURIs)
	return o
}

// Requests counts the requests since New by endpoint: one of the Endpoint words,
// refused and faulty ones included.
func (c *Cloud) Requests() map[string]int { return c.gate.Requests() }

// Answers counts the answers since New by HTTP status. A dropped one has none.
func (c *Cloud) Answers() map[int]int { return c.gate.Answers() }

// SetEmptyPages says before which pages of an account, counted from 0, the list
// gives an empty one that carries a token. By default it does so before page 1. The
// function may not call the cloud.
func (c *Cloud) SetEmptyPages(before func(accountID string, page int) bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.emptyPages = before
}
