package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// State is a consent under way. The state itself is known to the person's
// browser only; here is its hash.
type State struct {
	Hash        []byte
	Provider    string
	UserID      string
	RedirectURI string
	Verifier    []byte // sealed
}

// mostStates is how many states of a user are kept at a time, used or not. A person
// tries a few times; a client in a loop must not fill the table.
const mostStates = 30

// TooManyStatesError says that a user has as many states as are kept, and when the
// first of them ends.
type TooManyStatesError struct{ Until time.Time }

// Error implements error.
func (e TooManyStatesError) Error() string {
	return fmt.Sprintf("the user has %d consents under way; the first ends at %s", mostStates, e.Until.Format(time.RFC3339))
}

// AddState stores a state that is good for a span of time. It fails with
// ErrErased for an erased user, and with TooManyStatesError.
func (s *Store) AddState(ctx context.Context, st State, span time.Duration) error {
	return s.ForUser(ctx, st.UserID, func(t Tx) error {
		var n int
		var first *time.Time
		err := t.tx.QueryRow(ctx, "SELECT count(*), min(expires_at) FROM oauth.states WHERE user_id = $1 AND expires_at > now()", st.UserID).Scan(&n, &first)
		if err != nil {
			return fmt.Errorf("count the OAuth states of user %s: %w", st.UserID, err)
		}
		if n >= mostStates {
			return TooManyStatesError{Until: first.UTC()}
		}
		_, err = t.tx.Exec(ctx, `INSERT INTO oauth.states (hash, provider, user_id, redirect_uri, verifier, expires_at)
			VALUES ($1, $2, $3, $4, $5, now() + $6)`, st.Hash, st.Provider, st.UserID, st.RedirectURI, st.Verifier, span)
		if err != nil {
			return fmt.Errorf("store an OAuth state for user %s: %w", st.UserID, err)
		}
		return nil
	})
}

// UseState takes a state, once: only if it is unused, in time and of that
// provider. Otherwise it fails with ErrNotFound and changes nothing.
func (s *Store) UseState(ctx context.Context, hash []byte, provider string) (State, error) {
	st := State{Hash: hash, Provider: provider}
	err := s.pool.QueryRow(ctx, `UPDATE oauth.states SET used_at = now()
		WHERE hash = $1 AND provider = $2 AND used_at IS NULL AND expires_at > now()
		RETURNING user_id, redirect_uri, verifier`, hash, provider).Scan(&st.UserID, &st.RedirectURI, &st.Verifier)
	if errors.Is(err, pgx.ErrNoRows) {
		return State{}, ErrNotFound
	}
	if err != nil {
		return State{}, fmt.Errorf("use an OAuth state: %w", err)
	}
	return st, nil
}

// DropOldStates deletes the states whose time is over, used or not.
func (s *Store) DropOldStates(ctx context.Context) (int64, error) {
	tag, err := s.pool.Exec(ctx, "DELETE FROM oauth.states WHERE expires_at <= now()")
	if err != nil {
		return 0, fmt.Errorf("drop old OAuth states: %w", err)
	}
	return tag.RowsAffected(), nil
}
