package cursor

import "slices"

// Page says what of the rows that were read belongs on the page, and the cursors
// around it.
type Page struct {
	Count    int  // of the rows, counted from the first one read
	Reverse  bool // they were read oldest first
	HasMore  bool // there are older rows
	Next     *string
	Previous *string
}

// Page lays out a page of limit rows. read are the places of the rows in the
// order they were read, one more than limit where there are that many; at is
// where the reading began, nil for the newest row. The cursors carry the total.
func (f Filter) Page(at *Place, limit int, read []Place, total Total) Page {
	p := Page{Count: min(limit, len(read)), Reverse: at != nil && at.Backwards}
	further := len(read) > limit
	if p.Count == 0 {
		return p
	}
	newest, oldest := read[0], read[p.Count-1]
	if p.Reverse {
		newest, oldest = oldest, newest
	}
	// A page that was reached by a cursor has rows on the side it came from.
	older, newer := further, at != nil
	if p.Reverse {
		older, newer = true, further
	}
	p.HasMore = older
	if older {
		s := f.Encode(Place{Time: oldest.Time, ID: oldest.ID, Total: total})
		p.Next = &s
	}
	if newer {
		s := f.Encode(Place{Backwards: true, Time: newest.Time, ID: newest.ID, Total: total})
		p.Previous = &s
	}
	return p
}

// PageOf is Page for rows that are shown as they were read: it gives those of the
// page, newest first. It changes rows.
func PageOf[T any](f Filter, at *Place, limit int, rows []T, place func(T) Place) ([]T, Page) {
	places := make([]Place, len(rows))
	for i, r := range rows {
		places[i] = place(r)
	}
	p := f.Page(at, limit, places, Total{})
	rows = rows[:p.Count]
	if p.Reverse {
		slices.Reverse(rows)
	}
	return rows, p
}
