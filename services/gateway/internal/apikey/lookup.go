package apikey

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

const (
	// lookTimeout bounds a query for secrets.
	lookTimeout = 10 * time.Second
	// mostAsked is how many secrets one query looks up; more wait for the next.
	mostAsked = 1000
	// mostWaiting is how many secrets wait at a time. Whoever comes then is told to try again.
	mostWaiting = 20_000
)

// ErrBusy says that too many unknown secrets are being looked up.
var ErrBusy = fmt.Errorf("too many unknown API keys are being looked up at a time")

// ask has a secret looked up by the next query, which begins at once when none runs.
func (v *Verifier) ask(s sum) <-chan answer {
	got := make(chan answer, 1)
	v.mu.Lock()
	defer v.mu.Unlock()
	if _, same := v.asked[s]; !same && len(v.asked) >= mostWaiting {
		got <- answer{err: ErrBusy}
		return got
	}
	v.asked[s] = append(v.asked[s], got)
	if !v.busy {
		v.busy = true
		go v.look()
	}
	return got
}

// look runs queries until nobody waits.
func (v *Verifier) look() {
	for {
		batch, changes := v.take()
		if batch == nil {
			return
		}
		found, err := v.find(batch)
		v.answer(batch, changes, found, err)
	}
}

// take is what the next query looks up. Secrets that were good before go first.
func (v *Verifier) take() (batch map[sum][]chan<- answer, changes int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.asked) == 0 {
		v.busy = false
		return nil, 0
	}
	batch = make(map[sum][]chan<- answer, min(len(v.asked), mostAsked))
	for _, trusted := range []bool{true, false} {
		for s, waiting := range v.asked {
			if _, was := v.known[s]; was == trusted && len(batch) < mostAsked {
				batch[s] = waiting
				delete(v.asked, s)
			}
		}
	}
	return batch, v.changes
}

// sought is a good secret's key. The last use is noted by the minute, not by the request.
const sought = `WITH found AS (
	SELECT s.hash, k.id, k.kind, k.scopes, k.bound, k.requests_per_minute, least(k.expires_at, s.valid_until) AS ends,
		array(SELECT user_id FROM gateway.api_key_users WHERE key_id = k.id) AS users,
		k.last_used_at
	FROM gateway.api_key_secrets s JOIN gateway.api_keys k ON k.id = s.key_id
	WHERE s.hash = ANY ($1) AND (k.expires_at > now()) IS NOT FALSE AND (s.valid_until > now()) IS NOT FALSE
), used AS (
	UPDATE gateway.api_keys SET last_used_at = now()
	WHERE id IN (SELECT id FROM found WHERE (last_used_at > now() - interval '1 minute') IS NOT TRUE)
)
SELECT hash, id, kind, scopes, bound, requests_per_minute, ends, users FROM found`

func (v *Verifier) find(batch map[sum][]chan<- answer) (map[sum]*Access, error) {
	ctx, cancel := context.WithTimeout(context.Background(), lookTimeout)
	defer cancel()
	sums := make([][]byte, 0, len(batch))
	for s := range batch {
		sums = append(sums, s[:])
	}
	rows, err := v.db.Query(ctx, sought, sums)
	if err != nil {
		return nil, fmt.Errorf("look up API keys: %w", err)
	}
	found := map[sum]*Access{}
	var (
		hash   []byte
		a      Access
		scopes []string
		limit  *int
		users  []uuid.UUID
	)
	_, err = pgx.ForEachRow(rows, []any{&hash, &a.ID, &a.Kind, &scopes, &a.Bound, &limit, &a.ends, &users}, func() error {
		one := a
		for _, name := range scopes {
			one.Scopes = append(one.Scopes, Scope(name))
		}
		if limit != nil {
			one.PerMinute = *limit
		}
		one.Users = append(one.Users, users...)
		found[sum(hash)] = &one
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("look up API keys: %w", err)
	}
	return found, nil
}

func (v *Verifier) answer(batch map[sum][]chan<- answer, changes int, found map[sum]*Access, err error) {
	v.mu.Lock()
	now := time.Now()
	for s := range batch {
		switch access := found[s]; {
		case err != nil: // it stays as trusted as it was
		case access == nil:
			delete(v.known, s)
		default:
			until := now.Add(remember)
			if changes != v.changes {
				until = now.Add(-time.Nanosecond)
			}
			v.makeRoom(now)
			v.known[s] = cachedAccess{access, until}
		}
	}
	v.mu.Unlock()
	for s, waiting := range batch {
		for _, w := range waiting {
			w <- answer{found[s], err}
		}
	}
}

// makeRoom forgets what nobody has shown for the time of trust, else anything.
func (v *Verifier) makeRoom(now time.Time) {
	if len(v.known) < mostCached {
		return
	}
	for s, known := range v.known {
		if now.After(known.until.Add(trust)) {
			delete(v.known, s)
		}
	}
	for s := range v.known {
		if len(v.known) < mostCached {
			return
		}
		delete(v.known, s)
	}
}
