package row

import (
	"fmt"
	"slices"

	"github.com/google/uuid"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/platform/bus"
)

// Unknown is a fact that this program cannot fold and a later one can: its event type,
// its record's kind or its record's format is not known here.
type Unknown struct {
	Sequence uint64
	UserID   uuid.UUID
	Type     string // of the event
	// Format is the record's; of a record of a kind <kind>/<format>, without a format for
	// its removal. It is empty where the type is not known.
	Format string
	// Version says that the fact is a version of a workout, too, with a problem.
	Version bool
}

// Older is the reader of a program that knows some types of events less. Tests use it.
func (r *Reader) Older(less ...events.Type) *Reader {
	older := *r
	older.less = less
	return &older
}

// Knows says whether this program can make more of what an older one kept as unknown:
// fold it, or say of what kind it is.
func (r *Reader) Knows(eventType, format string) bool {
	if !r.knowsType(events.Type(eventType)) {
		return false
	}
	if format == "" {
		return true
	}
	_, ok := r.normalizers[format]
	return ok && !ofKind(events.Type(eventType))
}

// ofKind says whether events of a type name the kind of their record. No such kind is
// folded by this program.
func ofKind(t events.Type) bool {
	fence, ok := events.FenceOf(t)
	return ok && fence != events.FenceActivity
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
	format, version, foldable := "", false, false
	if d.Event.Known() && !slices.Contains(r.less, d.Event.Type()) {
		format, version, foldable = r.notation(d.Event.Data)
	}
	if foldable {
		return nil, nil
	}
	id, err := uuid.Parse(d.Event.UserID)
	if err != nil || id.String() != d.Event.UserID {
		return nil, fmt.Errorf("%w: the user id of its subject is no UUID in lower case", ErrUnusable)
	}
	u := &Unknown{Sequence: d.Sequence, UserID: id, Type: string(d.Event.Type()), Format: format, Version: version}
	return u, storable(u.Type, u.Format)
}

// notation is the format of a fact's record as Unknown has it, and whether this program
// folds such facts.
func (r *Reader) notation(data events.Data) (format string, version, foldable bool) {
	if a, ok := data.(*events.ActivityFetched); ok {
		_, known := r.normalizers[a.Format]
		return a.Format, true, known
	}
	if !ofKind(data.EventType()) {
		return "", false, true
	}
	if f, ok := events.HeadOf(data); ok {
		return f.Kind + "/" + f.Format, false, false
	}
	removed, _ := events.RemovedOf(data)
	return removed.Kind + "/", false, false
}
