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

// AddState stores a state that is good for a span of time. It fails with
// ErrErased for an erased user.
func (s *Store) AddState(ctx context.Context, st State, span time.Duration) error {
	return s.ForUser(ctx, st.UserID, func(t Tx) error {
		_, err := t.tx.Exec(ctx, `INSERT INTO oauth.states (hash, provider, user_id, redirect_uri, verifier, expires_at)
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
