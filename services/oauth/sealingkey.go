package oauth

import (
	"github.com/stridelog/stridelog/services/oauth/internal/redirect"
	"github.com/stridelog/stridelog/services/oauth/internal/seal"
)

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
