package oauth

import (
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/stridelog/stridelog/services/oauth/internal/redirect"
	"github.com/stridelog/stridelog/services/oauth/internal/rotation"
	"github.com/stridelog/stridelog/services/oauth/internal/seal"
)

// KeyRotation changes a Config.SealingKey beside running processes, step by step.
type KeyRotation = rotation.Rotation

// Resealed says what became of the rows that a rotation sealed anew.
type Resealed = rotation.Resealed

// ErrRotationOrder says that another step of a rotation comes first.
var ErrRotationOrder = rotation.ErrOrder

// NewKeyRotation goes on from the Config.SealingKey that the processes have now. It
// asks nothing of the database yet.
func NewKeyRotation(db *pgxpool.Pool, sealingKey string) (*KeyRotation, error) {
	return rotation.New(db, sealingKey)
}

// NewSealingKey makes a key for Config.SealingKey: a Tink keyset (AES-256-GCM)
// as cleartext JSON. Whoever has it and the database can read the tokens, so it
// belongs in a place of its own; whoever loses it needs new consents.
func NewSealingKey() (string, error) { return seal.NewKey() }

// CheckSealingKey says what is wrong with a Config.SealingKey, without showing it.
func CheckSealingKey(key string) error {
	_, err := seal.New(key)
	return err
}

// CheckRedirectOrigin says what is wrong with one entry of Config.RedirectAllowlist.
func CheckRedirectOrigin(entry string) error {
	_, err := redirect.Parse([]string{entry})
	return err
}
