package fitbit

import "github.com/stridelog/stridelog/provider"

// join gives every entry the row that says more about the same activity (section 3);
// an entry has one row and a row one entry.
func (e *export) join() {
	e.newestRows()
	var foreign []provider.Sighting
	var rows []int
	for i := range e.rows {
		if s, ok := e.rows[i].sighting(); ok {
			foreign, rows = append(foreign, s), append(rows, i)
		}
	}
	if len(foreign) == 0 {
		return
	}
	var own []provider.Sighting
	var entries []*version
	for _, v := range e.entries {
		if s, ok := v.sighting(); ok {
			own, entries = append(own, s), append(entries, v)
		}
	}
	for _, p := range provider.Pairs(own, foreign) {
		entries[p.Own].row = rows[p.Foreign]
		e.rows[rows[p.Foreign]].taken = true
	}
}
