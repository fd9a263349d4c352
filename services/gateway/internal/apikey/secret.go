package apikey

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
)

const (
	keyPrefix   = "sl_"
	tokenPrefix = "slt_"
	randomSize  = 32
	// shownSize is how many characters of a secret lists show, so that people tell their
	// keys apart: 6 of them are random, 36 of 256 bits.
	shownSize = 6
)

// sum is what the database keeps of a secret. Secrets are 256 random bits, so a plain
// hash is enough, can be looked up, and tells nothing by the time that it takes.
type sum [sha256.Size]byte

func sumOf(secret string) sum { return sha256.Sum256([]byte(secret)) }

// newSecret makes a secret, and what lists show of it.
func newSecret(prefix string) (secret, shown string) {
	var random [randomSize]byte
	_, _ = rand.Read(random[:]) // crypto/rand never fails; it ends the program instead
	secret = prefix + base64.RawURLEncoding.EncodeToString(random[:])
	return secret, secret[:len(prefix)+shownSize]
}
