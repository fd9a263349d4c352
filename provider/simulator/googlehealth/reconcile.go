package googlehealth

import (
	"net/http"
	"slices"
	"time"
)

// reconcile is GET …/dataPoints:reconcile: one stream, oldest first, in which
// records of the same workout are one. It does not say where they come from.
func (c *Cloud) reconcile(w http.ResponseWriter, r *http.Request, who caller) {
	q, p := c.readList(r, who)
	if p != nil {
		refuse(w, *p)
		return
	}
	oldest := func(x, y *entry) int { return compareEntries(y, x) }
	var merged []*entry
	for _, e := range merge(who.account.visible(who.now), who.now) {
		record := e.at(who.now)
		if q.bounds.hold(record.Start) && inFamily(record.Source, q.family) {
			merged = append(merged, e)
		}
	}
	slices.SortFunc(merged, oldest)
	c.answerPage(w, q, merged, who, oldest, true)
}

// merge keeps of records that overlap by four fifths of the shorter one the best:
// Google's own before those of other apps.
func merge(all []*entry, now time.Time) []*entry {
	var kept []*entry
	byDay := map[int64][]*Record{} // by the day of the start: only neighbours can overlap
	for _, own := range []bool{true, false} {
		for _, e := range all {
			r := e.at(now)
			if (r.Source.Platform != healthConnect) != own {
				continue
			}
			day := r.Start.Unix() / 86400
			overlaps := func(k *Record) bool { return same(k, r) }
			if !slices.ContainsFunc(byDay[day-1], overlaps) && !slices.ContainsFunc(byDay[day], overlaps) && !slices.ContainsFunc(byDay[day+1], overlaps) {
				kept = append(kept, e)
				byDay[day] = append(byDay[day], r)
			}
		}
	}
	return kept
}

func same(x, y *Record) bool {
	start, end := x.Start, x.End()
	if y.Start.After(start) {
		start = y.Start
	}
	if y.End().Before(end) {
		end = y.End()
	}
	return end.Sub(start)*5 >= min(x.Duration, y.Duration)*4
}
