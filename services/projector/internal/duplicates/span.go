package duplicates

import (
	"bytes"
	"cmp"
	"slices"
	"time"

	"github.com/google/uuid"
)

// span is what touching workouts of one user take of time, half-open.
type span struct {
	user         uuid.UUID
	since, until time.Time
}

func (s span) overlaps(other span) bool {
	return s.user == other.user && s.since.Before(other.until) && other.since.Before(s.until)
}

func (s span) holds(other span) bool {
	return s.user == other.user && !other.since.Before(s.since) && !other.until.After(s.until)
}

// cluster are workouts that touch, as far as is known of their island.
type cluster struct {
	span
	// large are the islands in it that are known to hold more than Most. Nothing in
	// them need be looked at again.
	large []span
}

func (c *cluster) add(other cluster) {
	c.since, c.until = earlier(c.since, other.since), later(c.until, other.until)
	c.large = append(c.large, other.large...)
}

// grown says whether a cluster is more than one island of which all is known.
func (c *cluster) grown() bool { return len(c.large) != 1 || c.large[0] != c.span }

// outside are the parts of a cluster that are in no large island.
func (c *cluster) outside() (list []span) {
	slices.SortFunc(c.large, func(a, b span) int { return a.since.Compare(b.since) })
	rest := c.span
	for _, l := range c.large {
		if rest.since.Before(l.since) {
			list = append(list, span{c.user, rest.since, l.since})
		}
		rest.since = later(rest.since, l.until)
	}
	if rest.since.Before(rest.until) {
		list = append(list, rest)
	}
	return list
}

// merged joins the clusters of a user that overlap.
func merged(clusters []cluster) (list []cluster) {
	slices.SortFunc(clusters, func(a, b cluster) int {
		return cmp.Or(bytes.Compare(a.user[:], b.user[:]), a.since.Compare(b.since))
	})
	for _, c := range clusters {
		if last := len(list) - 1; last >= 0 && list[last].overlaps(c.span) {
			list[last].add(c)
			continue
		}
		list = append(list, c)
	}
	return list
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
