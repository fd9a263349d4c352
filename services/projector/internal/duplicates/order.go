package duplicates

import (
	"bytes"
	"cmp"
)

// compare is the total order in which workouts are walked: the richer record comes
// first, and of equally rich ones that of the better source, then start, then id. Of
// one provider's records those of its API come before imported ones.
func compare(a, b *Workout) int {
	return cmp.Or(
		compareBool(a.credible(), b.credible()),
		cmp.Compare(b.counted(b.Measures), a.counted(a.Measures)),
		cmp.Compare(b.counted(b.Members), a.counted(a.Members)),
		cmp.Compare(a.SourceRank, b.SourceRank),
		cmp.Compare(a.Provider, b.Provider),
		cmp.Compare(b.OriginRank, a.OriginRank),
		a.Start.Compare(b.Start),
		bytes.Compare(a.ID[:], b.ID[:]),
	)
}

// compareBool puts true first.
func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return -1
	default:
		return 1
	}
}

// credible says whether a record is plausible and measured at all.
func (w *Workout) credible() bool { return w.Plausible && (w.Measured || w.Routed) }

// counted adds the route, which no record tells of itself, to a count of members.
func (w *Workout) counted(members int16) int16 {
	if w.Routed {
		return members + 1
	}
	return members
}
