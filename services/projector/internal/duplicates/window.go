package duplicates

import (
	"bytes"
	"cmp"
	"slices"
	"time"

	"github.com/google/uuid"
)

// window is a span of one user's starts, half-open.
type window struct {
	user         uuid.UUID
	since, until time.Time
}

// around is where everything starts that can touch a span, and reach beyond it.
func around(user uuid.UUID, start, end time.Time, reach time.Duration) window {
	return window{user: user, since: start.Add(-Longest - reach), until: end.Add(reach)}
}

func (w window) holds(other window) bool {
	return !other.since.Before(w.since) && !other.until.After(w.until)
}

// with is the smallest window that holds both.
func (w window) with(other window) window {
	if other.since.Before(w.since) {
		w.since = other.since
	}
	if other.until.After(w.until) {
		w.until = other.until
	}
	return w
}

// merged joins the windows of a user that meet, so that no workout is in two.
func merged(windows []window) (list []window) {
	slices.SortFunc(windows, func(a, b window) int {
		return cmp.Or(bytes.Compare(a.user[:], b.user[:]), a.since.Compare(b.since))
	})
	for _, w := range windows {
		if last := len(list) - 1; last >= 0 && list[last].user == w.user && !w.since.After(list[last].until) {
			list[last] = list[last].with(w)
			continue
		}
		list = append(list, w)
	}
	return list
}
