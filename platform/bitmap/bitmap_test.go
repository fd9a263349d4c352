package bitmap_test

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/stridelog/stridelog/platform/bitmap"
)

func TestASetIsWhatAMapSays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var set bitmap.Set
		model := map[uint64]bool{}
		number := rapid.Uint64Range(0, 300)
		t.Repeat(map[string]func(*rapid.T){
			"add": func(t *rapid.T) {
				n := number.Draw(t, "n")
				set.Add(n)
				model[n] = true
			},
			"take": func(t *rapid.T) {
				n := number.Draw(t, "n")
				if set.Take(n) != model[n] {
					t.Fatalf("%d: the map says %v", n, model[n])
				}
				delete(model, n)
			},
		})
	})
}
