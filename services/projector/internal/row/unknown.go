package row

import (
	"fmt"
	"slices"

	"github.com/google/uuid"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/platform/bus"
)

// Unknown is a fact that this program cannot fold and a later one can: its event type,
// or its record's format, is not known here.
type Unknown struct {
	Sequence uint64
	UserID   uuid.UUID
	Type     string // of the event
	Format   string // of the record; empty where the type is not known
}

// Older is the reader of a program that knows some types of events less. Tests use it.
func (r *Reader) Older(less ...events.Type) *Reader {
	older := *r
	older.less = less
	return &older
}

// Knows says whether this program can fold what an older one kept as unknown.
func (r *Reader) Knows(eventType, format string) bool {
	if !r.knowsType(events.Type(eventType)) {
		return false
	}
	if format == "" {
		return true
	}
	_, ok := r.normalizers[format]
	return ok
}

func (r *Reader) knowsType(t events.Type) bool {
	_, err := events.Describe(t)
	return err == nil && !slices.Contains(r.less, t)
}

// Unknown is what there is to keep of a fact that this program cannot fold; nil for
// one that it can. Facts of an unknown type are about the person of their subject.
func (r *Reader) Unknown(d bus.Delivery) (*Unknown, error) {
	if d.Err != nil {
		return nil, d.Err
	}
	format := ""
	if d.Event.Known() && !slices.Contains(r.less, d.Event.Type()) {
		a, ok := d.Event.Data.(*events.ActivityFetched)
		if !ok {
			return nil, nil
		}
		if _, known := r.normalizers[a.Format]; known {
			return nil, nil
		}
		format = a.Format
	}
	id, err := uuid.Parse(d.Event.UserID)
	if err != nil || id.String() != d.Event.UserID {
		return nil, fmt.Errorf("%w: the user id of its subject is no UUID in lower case", ErrUnusable)
	}
	u := &Unknown{Sequence: d.Sequence, UserID: id, Type: string(d.Event.Type()), Format: format}
	return u, storable(u.Type, u.Format)
}
