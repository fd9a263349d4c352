package cursor

import "slices"

// Page says what of the rows that were read belongs on the page, and the cursors
// around it.
type Page struct {
	Count    int  // of the rows, counted from the first one read
	Reverse  bool // they were read against the order of the list
	HasMore  bool // there are rows after it
	Next     *string
	Previous *string
}

// Page lays out a page of limit rows. read are the places of the rows in the
// order they were read, one more than limit where there are that many; at is
// where the reading began, nil for the first row. The cursors carry the total.
func (f Filter) Page(at *Place, limit int, read []Place, total Total) Page {
	p := Page{Count: min(limit, len(read)), Reverse: at != nil && at.Backwards}
	further := len(read) > limit
	if p.Count == 0 {
		return p
	}
	first, last := read[0], read[p.Count-1]
	if p.Reverse {
		first, last = last, first
	}
	// A page that was reached by a cursor has rows on the side it came from.
	after, before := further, at != nil
	if p.Reverse {
		after, before = true, further
	}
	p.HasMore = after
	if after {
		s := f.Encode(Place{Time: last.Time, ID: last.ID, Total: total})
		p.Next = &s
	}
	if before {
		s := f.Encode(Place{Backwards: true, Time: first.Time, ID: first.ID, Total: total})
		p.Previous = &s
	}
	return p
}

// PageOf is Page for rows that are shown as they were read: it gives those of the
// page, in the order of the list. It changes rows.
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
