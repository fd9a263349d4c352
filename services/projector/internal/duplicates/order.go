package duplicates

import (
	"bytes"
	"cmp"
)

// compare is the total order in which workouts are walked: source, then start,
// then id. Of one provider's records those of its API come before imported ones.
func compare(a, b Workout) int {
	return cmp.Or(
		cmp.Compare(position(a.Provider), position(b.Provider)),
		cmp.Compare(a.Provider, b.Provider),
		cmp.Compare(b.OriginRank, a.OriginRank),
		a.Start.Compare(b.Start),
		bytes.Compare(a.ID[:], b.ID[:]),
	)
}

// position is a provider's in the order of sources; those that are not named come
// last, by name.
//
// Google Health comes before Fitbit: the Fitbit Web API is gone, so its records
// neither change nor are removed any more. A change of this order takes effect for
// what is stored at the next rebuild.
func position(provider string) int {
	switch provider {
	case "google_health":
		return 0
	case "fitbit":
		return 1
	default:
		return 2
	}
}
