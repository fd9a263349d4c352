package simulator

import (
	"crypto/sha256"
	"encoding/binary"
	"math/rand/v2"
)

// random draws numbers from a seed and a purpose, so that one draw more in one place
// changes nothing elsewhere. Only the generator comes from math/rand/v2; the
// ranges are made here, in whole numbers, so that no release and no
// architecture gives other bytes.
type random struct{ source *rand.PCG }

func newRandom(purpose ...string) random {
	hash := sha256.New()
	for _, p := range purpose {
		_, _ = hash.Write(append([]byte(p), 0))
	}
	sum := hash.Sum(nil)
	return random{rand.NewPCG(binary.BigEndian.Uint64(sum[:8]), binary.BigEndian.Uint64(sum[8:16]))}
}

// between draws a whole number from low to high, both included. An empty range
// gives low.
func (d random) between(low, high int) int {
	n := d.source.Uint64() // always drawn, so that the sequence does not depend on the range
	if high <= low {
		return low
	}
	return low + int(n%uint64(high-low+1))
}

// chance is true in so many cases of a hundred.
func (d random) chance(percent int) bool { return d.between(1, 100) <= percent }

func pick[T any](d random, choices []T) T { return choices[d.between(0, len(choices)-1)] }
