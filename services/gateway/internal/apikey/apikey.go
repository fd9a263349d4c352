// Package apikey makes and checks API keys. Only their SHA-256 is stored.
package apikey

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

const (
	prefix     = "sl_"
	firstName  = "first admin key"
	randomSize = 32
	// remember is how long a good key is accepted without looking again, and so
	// how long one that was deleted may go on working.
	remember = 10 * time.Second
	// trust is how long a key that was good is looked up before others from an address
	// that sent bad ones.
	trust = time.Hour
)

// Keys are the keys of one installation.
type Keys struct {
	db         *pgxpool.Pool
	configured *[sha256.Size]byte // nil when no key is configured

	mu   sync.Mutex
	good map[[sha256.Size]byte]time.Time // until when; only good keys are in it
}

// New takes the configured admin key, which may be empty.
func New(db *pgxpool.Pool, adminKey string) *Keys {
	k := &Keys{db: db, good: map[[sha256.Size]byte]time.Time{}}
	if adminKey != "" {
		sum := sha256.Sum256([]byte(adminKey))
		k.configured = &sum
	}
	return k
}

// Accepts says whether a key is good. An error means that it could not be found out.
func (k *Keys) Accepts(ctx context.Context, key string) (bool, error) {
	if key == "" {
		return false, nil
	}
	sum := sha256.Sum256([]byte(key))
	if k.configured != nil && subtle.ConstantTimeCompare(sum[:], k.configured[:]) == 1 {
		return true, nil
	}
	if k.remembered(sum, time.Now()) {
		return true, nil
	}
	var id uuid.UUID
	err := k.db.QueryRow(ctx, `UPDATE gateway.api_keys SET last_used_at = now() WHERE hash = $1 RETURNING id`, sum[:]).Scan(&id)
	if errors.Is(err, pgx.ErrNoRows) {
		k.mu.Lock()
		delete(k.good, sum)
		k.mu.Unlock()
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("look up an API key: %w", err)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.good[sum] = time.Now().Add(remember)
	return true, nil
}

func (k *Keys) remembered(sum [sha256.Size]byte, now time.Time) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	until, ok := k.good[sum]
	return ok && !now.After(until)
}

// Trusted says whether a key was good a while ago. It asks nobody.
func (k *Keys) Trusted(key string) bool {
	sum := sha256.Sum256([]byte(key))
	if k.configured != nil && subtle.ConstantTimeCompare(sum[:], k.configured[:]) == 1 {
		return true
	}
	return k.remembered(sum, time.Now().Add(-trust))
}

// MakeFirst makes an admin key if there is no key at all. Of several processes
// that start at once, one makes it.
func (k *Keys) MakeFirst(ctx context.Context) (key string, made bool, err error) {
	err = pgx.BeginFunc(ctx, k.db, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `LOCK TABLE gateway.api_keys IN SHARE ROW EXCLUSIVE MODE`); err != nil {
			return err
		}
		var exists bool
		if err := tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM gateway.api_keys)`).Scan(&exists); err != nil || exists {
			return err
		}
		var secret [randomSize]byte
		_, _ = rand.Read(secret[:]) // crypto/rand never fails; it ends the program instead
		key = prefix + base64.RawURLEncoding.EncodeToString(secret[:])
		sum := sha256.Sum256([]byte(key))
		made = true
		_, err := tx.Exec(ctx, `INSERT INTO gateway.api_keys (id, hash, name, admin) VALUES ($1, $2, $3, true)`, uuid.New(), sum[:], firstName)
		return err
	})
	if err != nil {
		return "", false, fmt.Errorf("make the first API key: %w", err)
	}
	return key, made, nil
}
