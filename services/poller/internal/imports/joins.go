package imports

import "github.com/stridelog/stridelog/provider"

// joins say which records under a foreign id are of which of the provider's.
type joins struct {
	stale     bool              // something was said since they were worked out
	foreignOf map[string]string // by the provider's id
	ownOf     map[string]string // by the foreign id
}

// provisional notes what an export has joined, until all joins are worked out.
func (j *joins) provisional(own, foreign string) {
	if j.foreignOf == nil {
		j.foreignOf, j.ownOf = map[string]string{}, map[string]string{}
	}
	if j.foreignOf[own] != foreign {
		j.foreignOf[own], j.ownOf[foreign], j.stale = foreign, own, true
	}
}

// join works out the joins of all that is known. A record that the API tells of, or
// that is removed, keeps its activity from being shown twice, too.
func (k *knowledge) join() {
	if !k.joins.stale {
		return
	}
	var own, foreign []provider.Sighting
	for _, a := range k.activities {
		switch {
		case !a.sighted || !a.found && !a.told && !a.held: // or the log does not take it
		case a.foreign:
			foreign = append(foreign, a.sighting)
		default:
			own = append(own, a.sighting)
		}
	}
	k.joins = joins{foreignOf: map[string]string{}, ownOf: map[string]string{}}
	if len(foreign) == 0 {
		return
	}
	for _, p := range provider.Pairs(own, foreign) {
		k.joins.foreignOf[own[p.Own].ID], k.joins.ownOf[foreign[p.Foreign].ID] = foreign[p.Foreign].ID, own[p.Own].ID
	}
}
