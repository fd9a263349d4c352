// Package providertest is the conformance suite of connectors: what the rest of
// Stridelog relies on, checked against a cloud that speaks real HTTP.
package providertest

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/provider"
)

// Harness is a provider's cloud with one person in it, and a connector that is
// configured to call it. Every test gets a new one.
type Harness struct {
	Connector   *provider.Connector
	Normalizers provider.Normalizers
	AccountID   string // of the person
	// Consent plays the person: opens the consent page, agrees to everything
	// and gives back the code that the redirect carries.
	Consent func(t *testing.T, authorizeURL string) (code string)
	// ConsentTo is Consent by a person who agrees to some of the scopes only.
	ConsentTo func(t *testing.T, authorizeURL string, scopes []string) (code string)
	// Add puts a record into the person's account. It begins on the clock of the
	// start's zone, where that is not UTC. The member, of the form "name":value, is in
	// the record verbatim; it may be empty.
	Add func(t *testing.T, start time.Time, member string) Record
	// Remove takes a record out of the account. Only a provider with get by id needs it.
	Remove func(t *testing.T, externalID string)
	// Variants are a record of Add as the provider may send it another time without
	// having changed it, by what is different: the language, links, omitted zeros.
	Variants func(raw []byte) map[string][]byte
	// Fail makes the cloud's next answer this fault. Where the provider can put
	// a token into an error, the fault does.
	Fail func(t *testing.T, at Endpoint, f Fault)
	// Lacks are the faults that the provider has no words for.
	Lacks []Fault
	// Trials are what each source is tried with, by its name. Shape and what it needs of
	// Add, Remove, With and Without are the harness's to say, the rest is the
	// connector's. The source of Add above needs none.
	Trials func(t *testing.T) map[string]Trial
	// Secrets are all codes, tokens and keys that the cloud knows so far.
	Secrets func() []string
}

// Record is a record as the cloud sends it.
type Record struct {
	ExternalID string
	Raw        []byte
	Start      time.Time
}

// Endpoint is a part of a provider's API.
type Endpoint string

// The endpoints that can fail.
const (
	TokenEndpoint Endpoint = "token"
	ListEndpoint  Endpoint = "list"
	// GetEndpoint is asked for one record; only providers with get by id have it.
	GetEndpoint Endpoint = "get"
	// IdentityEndpoint is asked whose token it is, where the token answer does not say.
	IdentityEndpoint Endpoint = "identity"
)

// Fault is an answer that is no success, in the provider's own words.
type Fault string

// The faults.
const (
	FaultRateLimited       Fault = "rate limited"
	FaultUnavailable       Fault = "server error"
	FaultHTML              Fault = "HTML instead of JSON"
	FaultTruncated         Fault = "truncated JSON"
	FaultGone              Fault = "API switched off"
	FaultConflict          Fault = "concurrent refresh"
	FaultInvalidClient     Fault = "client credentials refused"
	FaultInvalidGrant      Fault = "grant refused"
	FaultUnauthorized      Fault = "access token refused"
	FaultInsufficientScope Fault = "scope missing"
	FaultConnectionLost    Fault = "connection lost"
	FaultRateLimitedMute   Fault = "rate limited, and not until when"
	FaultNotFoundPage      Fault = "HTML with 404"
	FaultBadRequest        Fault = "request refused"
	FaultNotAdmitted       Fault = "project not admitted"
	FaultNotLinked         Fault = "account not linked"
)

const (
	redirectURI = "http://localhost:8000/api/v1/oauth/test/callback"
	verifier    = "a-verifier-of-the-conformance-suite-with-43-characters"
	state       = "state-of-the-conformance-suite"
)

func challenge() string {
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// authorizeURL asks for consent with everything a request can say.
func (h Harness) authorizeURL() string {
	return h.Connector.Authorizer.AuthorizeURL(provider.AuthorizeRequest{
		RedirectURI: redirectURI, State: state, CodeChallenge: challenge(), Scopes: h.Connector.DefaultScopes,
	})
}

// connect gives consent and exchanges the code.
func (h Harness) connect(t *testing.T) provider.Grant {
	t.Helper()
	code := h.Consent(t, h.authorizeURL())
	grant, err := h.Connector.Authorizer.Exchange(t.Context(), provider.Secret(code), verifier, redirectURI)
	if err != nil {
		t.Fatalf("exchange the code of a consent: %v", err)
	}
	return grant
}

// testSources tries every source, each for itself.
func testSources(t *testing.T, h Harness) {
	g := h.connect(t)
	trials := map[string]Trial{}
	if h.Trials != nil {
		trials = h.Trials(t)
	}
	if name := h.source(t).Name; trials[name].Shape == "" {
		trials[name] = Trial{
			Shape:  events.ShapeItem,
			Add:    func(at time.Time) string { return h.Add(t, at, "").ExternalID },
			Remove: func(id string) { h.Remove(t, id) },
		}
	}
	for _, s := range h.Connector.Sources {
		x, ok := trials[s.Name]
		if !ok {
			t.Errorf("nothing is tried on source %s: give the harness a trial", s.Name)
		}
		x.Provider, x.Source, x.Budgets, x.Token = h.Connector.Name, s, h.Connector.Budgets, g.AccessToken
		for _, fault := range x.Faults(t.Context()) {
			t.Error(fault)
		}
	}
}

// source is the source that the suite's records come from.
func (h Harness) source(t *testing.T) *provider.Source {
	t.Helper()
	i := slices.IndexFunc(h.Connector.Sources, func(s provider.Source) bool { return s.List != nil })
	if i < 0 {
		t.Fatal("nothing can be listed")
	}
	return &h.Connector.Sources[i]
}

// has says whether the provider has words for a fault.
func (h Harness) has(f Fault) bool { return !slices.Contains(h.Lacks, f) }

// wantError checks that an error is a provider's, of the class, and without any
// secret however it is printed.
func (h Harness) wantError(t *testing.T, err error, class provider.Class) *provider.Error {
	t.Helper()
	var e *provider.Error
	if !errors.As(err, &e) {
		t.Fatalf("got %v (%T), want a *provider.Error", err, err)
	}
	if e.Class != class {
		t.Errorf("class is %s, want %s (%v)", e.Class, class, err)
	}
	if e.Provider != h.Connector.Name || e.Op == "" {
		t.Errorf("the error does not say who or what: %#v", e)
	}
	h.wantNoSecret(t, err)
	return e
}

// wantNoSecret looks for every secret in everything an error can print.
func (h Harness) wantNoSecret(t *testing.T, err error) {
	t.Helper()
	secrets := append(h.Secrets(), verifier)
	if len(secrets) < 2 {
		t.Fatal("the cloud knows no secrets, so there is nothing to look for")
	}
	for at := err; at != nil; at = errors.Unwrap(at) {
		for _, text := range []string{at.Error(), fmt.Sprintf("%v %+v %#v %s %q", at, at, at, at, at)} {
			for _, secret := range secrets {
				if strings.Contains(text, secret) {
					t.Errorf("an error holds a secret: %T", at)
				}
			}
		}
		if many, ok := at.(interface{ Unwrap() []error }); ok {
			for _, one := range many.Unwrap() {
				h.wantNoSecret(t, one)
			}
		}
	}
}
