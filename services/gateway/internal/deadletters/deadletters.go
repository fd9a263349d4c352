// Package deadletters reads the events that services gave up, from their stream.
package deadletters

import (
	"context"
	"encoding/binary"
	"math"
	"slices"

	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/services/gateway/internal/cursor"
	"github.com/stridelog/stridelog/services/gateway/internal/problem"
)

// Reader reads pages of dead letters.
type Reader struct{ bus *bus.Bus }

// NewReader reads with a bus.
func NewReader(b *bus.Bus) *Reader { return &Reader{bus: b} }

// List is one page, newest first, and the number on all pages.
func (r *Reader) List(ctx context.Context, word string, limit int) ([]bus.DeadLetter, cursor.Page, int, error) {
	filter := cursor.NewFilter("dead_letters")
	q := bus.DeadLetterQuery{Limit: limit + 1}
	at, err := filter.Start(word)
	switch {
	case err != nil, at != nil && sequence(*at) > math.MaxInt64: // no stream is so long
		return nil, cursor.Page{}, 0, problem.InvalidCursor("list")
	case at == nil:
	case at.Backwards:
		q.After = sequence(*at)
	default:
		q.Before = sequence(*at)
	}
	read, total, err := r.bus.DeadLetters(ctx, q)
	if err != nil {
		return nil, cursor.Page{}, 0, problem.Unavailable("The dead letters cannot be read now: check that NATS runs and can be reached.", err)
	}
	backwards := at != nil && at.Backwards
	if backwards { // the layout wants them in the order of the reading
		slices.Reverse(read)
	}
	places := make([]cursor.Place, len(read))
	for i, d := range read {
		places[i] = place(d.Sequence)
	}
	page := filter.Page(at, limit, places, cursor.Total{})
	read = read[:page.Count]
	if backwards {
		slices.Reverse(read)
	}
	return read, page, int(total), nil
}

// A place in this list is a sequence, kept where other lists have the id of a row.
func place(sequence uint64) (p cursor.Place) {
	binary.BigEndian.PutUint64(p.ID[:], sequence)
	return p
}

func sequence(p cursor.Place) uint64 { return binary.BigEndian.Uint64(p.ID[:]) }
