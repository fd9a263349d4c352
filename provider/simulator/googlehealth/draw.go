package googlehealth

import (
	"crypto/sha256"
	"encoding/binary"
	"strconv"

	"github.com/stridelog/stridelog/provider/simulator"
)

// hash is a number that the same words always give again.
func hash(words ...string) uint64 {
	h := sha256.New()
	for _, w := range words {
		_, _ = h.Write(append([]byte(w), 0))
	}
	return binary.BigEndian.Uint64(h.Sum(nil))
}

// draw is a whole number below n that a record and a purpose always give again.
func draw(n int, purpose, id string) int { return int(hash("draw", purpose, id) % uint64(n)) }

// longID is a number of 19 digits. It fits 64 bits without a sign; every other
// one does not fit them with one.
func longID(words ...string) string {
	return strconv.FormatUint(1_000_000_000_000_000_000+hash(words...)%8_999_999_999_999_999_999, 10)
}

// HealthUserID is a person's id at Google Health, digits only. Their AccountID is
// the legacyUserId.
func HealthUserID(p *simulator.Person) string { return longID("account", p.AccountID()) }
