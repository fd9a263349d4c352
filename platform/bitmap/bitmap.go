// Package bitmap remembers which numbers of a dense range were seen, at one bit
// each: ten million sequences of a stream take 1.25 MB.
package bitmap

const word = 64 // bits

// Set is a set of numbers. It grows to the highest one. The zero value is empty.
type Set struct{ words []uint64 }

// Add puts n in.
func (s *Set) Add(n uint64) {
	at := int(n / word) //nolint:gosec // memory bounds it long before an int does
	if at >= len(s.words) {
		s.words = append(s.words, make([]uint64, at+1-len(s.words))...)
	}
	s.words[at] |= 1 << (n % word)
}

// Take takes n out and says whether it was in.
func (s *Set) Take(n uint64) bool {
	at := n / word
	if at >= uint64(len(s.words)) {
		return false
	}
	bit := uint64(1) << (n % word)
	was := s.words[at]&bit != 0
	s.words[at] &^= bit
	return was
}
