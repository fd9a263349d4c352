package bus

import (
	"testing"

	"pgregory.net/rapid"
)

// A plan covers every message once and nobody else's, in ascending order, and purges
// only what is a file's length away from whoever else there is.
func TestAPlanErasesExactlyWhatIsThere(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		p := planner{whole: rapid.Bool().Draw(r, "whole")}
		sizes, last := map[uint64]int{}, uint64(0)
		for range rapid.IntRange(1, 5).Draw(r, "stretches") {
			p.close()
			last += rapid.Uint64Range(2, 9).Draw(r, "gap")
			size := rapid.IntRange(100, 4<<20).Draw(r, "size")
			for range rapid.IntRange(1, 60).Draw(r, "length") {
				if len(p.sizes) > 0 && !p.follows(last) {
					r.Fatalf("%d does not follow", last)
				}
				p.add(last, size)
				sizes[last] = size
				last++
			}
		}
		p.close()
		// distance is how many bytes of the stretch lie between a message and the stretch's end.
		distance := func(at uint64, step int) (bytes int) {
			for at += uint64(step); sizes[at] > 0; at += uint64(step) {
				bytes += sizes[at]
			}
			return bytes
		}
		covered, before := 0, uint64(0)
		for _, s := range p.steps {
			if s.From <= before || s.To < s.From {
				r.Fatalf("step %+v comes after %d", s, before)
			}
			before = s.To
			bytes := 0
			for at := s.From; at <= s.To; at++ {
				if sizes[at] == 0 {
					r.Fatalf("step %+v deletes %d of somebody else", s, at)
				}
				covered++
				bytes += sizes[at]
				if s.Purge && (!p.whole || distance(at, 1) < blockSize || distance(at, -1) < blockSize) {
					r.Fatalf("step %+v purges %d, which is %d and %d bytes from the ends", s, at, distance(at, -1), distance(at, 1))
				}
			}
			if s.Purge && bytes-sizes[s.To] >= purgeSize {
				r.Fatalf("step %+v purges %d bytes at once", s, bytes)
			}
		}
		if covered != len(sizes) {
			r.Fatalf("%d of %d messages are planned", covered, len(sizes))
		}
	})
}

func TestLongStretchesArePurgedInside(t *testing.T) {
	p := planner{whole: true}
	for sequence := range uint64(264_000) {
		p.add(sequence+1, 2779) // bytes of a fact, measured
	}
	p.close()
	secure, purged := uint64(0), uint64(0)
	for _, s := range p.steps {
		if n := s.To - s.From + 1; s.Purge {
			purged += n
		} else {
			secure += n
		}
	}
	if secure > 2*3100 || purged+secure != 264_000 {
		t.Errorf("%d go securely and %d with their files", secure, purged)
	}
}
