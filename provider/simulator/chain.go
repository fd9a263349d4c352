package simulator

import "time"

// Chain gives three workouts made from one: each overlaps the next by five sixths,
// the first and the last by four sixths only. Whoever links workouts that overlap
// by four fifths links the second to the first, and the third to no more than the
// second. They have no ids and can be uploaded to any cloud.
func Chain(first Truth) [3]Truth {
	var chain [3]Truth
	shift := (first.Duration / 6).Truncate(time.Second)
	for i := range chain {
		t := first.Copy()
		t.ExternalID = ""
		t.Start = first.Start.Add(time.Duration(i) * shift)
		t.OriginalStart, t.OriginalDuration = t.Start, t.Duration
		chain[i] = t
	}
	return chain
}
