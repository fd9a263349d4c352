// Package apikey makes, finds and ends API keys and the tokens of single people. Of their
// secrets only SHA-256 sums are stored.
package apikey

import (
	"context"
	"crypto/subtle"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/stridelog/stridelog/platform/postgres"
)

const (
	// remember is how long a good secret is accepted without another look. The end of a
	// key is told to every gateway at once, see Watch; this bounds what a lost notification
	// costs.
	remember = 10 * time.Second
	// trust is how long a secret that was good is looked up before others from an address
	// that sent bad ones.
	trust = time.Hour
	// mostCached bounds the memory: a secret has about 200 bytes in it.
	mostCached = 100_000
	// channel is that of NOTIFY: some key or token was changed or ended.
	channel = "gateway_api_keys"
)

// Verifier says what the secrets of callers allow. It looks unknown ones up together, one
// query at a time, so that whoever guesses costs the database little.
type Verifier struct {
	db    *pgxpool.Pool
	admin *sum // of the configured key; nil when none is configured

	mu    sync.Mutex
	known map[sum]cachedAccess
	asked map[sum][]chan<- answer // that wait for the next query
	busy  bool                    // a query runs
	// changes counts what Forget was told: what a query found before is not cached after.
	changes int
}

type cachedAccess struct {
	access *Access
	until  time.Time
}

type answer struct {
	access *Access // nil: the secret is not good
	err    error
}

// NewVerifier takes the configured admin key, which may be empty.
func NewVerifier(db *pgxpool.Pool, adminKey string) *Verifier {
	v := &Verifier{db: db, known: map[sum]cachedAccess{}, asked: map[sum][]chan<- answer{}}
	if adminKey != "" {
		s := sumOf(adminKey)
		v.admin = &s
	}
	return v
}

// Access is what a secret allows; nil when it is not good. An error means that this could
// not be found out.
func (v *Verifier) Access(ctx context.Context, secret string) (*Access, error) {
	if secret == "" {
		return nil, nil //nolint:nilnil // documented: no access, no failure
	}
	s := sumOf(secret)
	if v.isConfigured(s) {
		return configured(), nil
	}
	now := time.Now()
	if access, ok := v.cached(s, now); ok {
		return access, nil
	}
	select {
	case got := <-v.ask(s):
		if got.access.good(time.Now()) {
			return got.access, nil
		}
		return nil, got.err
	case <-ctx.Done():
		return nil, fmt.Errorf("look up an API key: %w", ctx.Err())
	}
}

// Trusted says whether a secret was good a while ago. It asks nobody.
func (v *Verifier) Trusted(secret string) bool {
	s := sumOf(secret)
	if v.isConfigured(s) {
		return true
	}
	_, ok := v.cached(s, time.Now().Add(-trust))
	return ok
}

func (v *Verifier) isConfigured(s sum) bool {
	return v.admin != nil && subtle.ConstantTimeCompare(s[:], v.admin[:]) == 1
}

func (a *Access) good(now time.Time) bool { return a != nil && !a.over(now) }

func (v *Verifier) cached(s sum, now time.Time) (*Access, bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	known, ok := v.known[s]
	if !ok || now.After(known.until) || known.access.over(time.Now()) {
		return nil, false
	}
	return known.access, true
}

// Forget has every secret looked up again, as after a change of keys.
func (v *Verifier) Forget() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.changes++
	now := time.Now()
	for s, known := range v.known {
		// What was good stays trusted, so that it is looked up before strangers' guesses.
		known.until = minTime(known.until, now.Add(-time.Nanosecond))
		v.known[s] = known
	}
}

// Watch forgets at every change that any gateway makes, until ctx ends.
func (v *Verifier) Watch(ctx context.Context, ready func(), log *slog.Logger) error {
	changes, err := postgres.Listen(ctx, v.db, channel)
	if err != nil {
		return fmt.Errorf("watch the API keys: %w", err)
	}
	ready()
	for range changes {
		v.Forget()
	}
	log.DebugContext(ctx, "the API keys are no longer watched")
	return nil
}

func minTime(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
