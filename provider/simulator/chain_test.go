package simulator_test

import (
	"testing"
	"time"

	"github.com/stridelog/stridelog/provider/simulator"
)

func TestAChainOverlapsFromLinkToLink(t *testing.T) {
	for _, length := range []time.Duration{time.Hour, 37*time.Minute + 11*time.Second, 90 * time.Second} {
		chain := simulator.Chain(simulator.Truth{ExternalID: "1", Start: time.Date(2026, 5, 1, 8, 0, 0, 0, time.UTC), Duration: length})
		overlap := func(a, b simulator.Truth) float64 { return float64(a.End().Sub(b.Start)) / float64(length) }
		if ab, bc, ac := overlap(chain[0], chain[1]), overlap(chain[1], chain[2]), overlap(chain[0], chain[2]); ab < 0.8 || bc < 0.8 || ac >= 0.8 {
			t.Errorf("%v: overlaps of %v, %v and %v", length, ab, bc, ac)
		}
		if chain[0].ExternalID != "" || !chain[2].OriginalStart.Equal(chain[2].Start) {
			t.Errorf("the links are not ready to be uploaded: %+v", chain[2])
		}
	}
}
