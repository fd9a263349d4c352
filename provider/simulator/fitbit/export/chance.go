package export

import (
	"crypto/sha256"
	"encoding/binary"
)

// draw is a number that a purpose and a record decide: the same on any machine.
func (a *Archive) draw(purpose, id string) uint64 {
	sum := sha256.Sum256([]byte(purpose + "\x00" + a.person.AccountID() + "\x00" + id))
	return binary.BigEndian.Uint64(sum[:8])
}

// oneIn is true for one record of so many.
func (a *Archive) oneIn(n uint64, purpose, id string) bool { return a.draw(purpose, id)%n == 0 }
