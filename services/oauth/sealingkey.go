package oauth

import "github.com/stridelog/stridelog/services/oauth/internal/seal"

// NewSealingKey makes a key for Config.SealingKey: a Tink keyset (AES-256-GCM)
// as cleartext JSON. Whoever has it and the database can read the tokens, so it
// belongs in a place of its own; whoever loses it needs new consents.
func NewSealingKey() (string, error) { return seal.NewKey() }
