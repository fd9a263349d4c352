package row

import (
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/platform/bus"
)

// Route is a file in the log that says where an activity went.
type Route struct {
	WorkoutID        uuid.UUID
	Sequence         uint64 // of the fact
	ActivitySequence uint64 // of the activity's version that it was asked for
	UserID           uuid.UUID
	Format           string
	At               time.Time // the fact's time
}

// IdentifyRoute is the row of a route's fact; it is nil for any other fact.
func IdentifyRoute(d bus.Delivery) (*Route, error) {
	if d.Err != nil {
		return nil, d.Err
	}
	return route(d)
}

// route is IdentifyRoute for a delivery that was read.
func route(d bus.Delivery) (*Route, error) {
	data, ok := d.Event.Data.(*events.RouteFetched)
	if !ok {
		return nil, nil
	}
	user, err := owner(d.Event, data.UserID, data.Provider)
	if err != nil {
		return nil, err
	}
	if err := storable(data.ExternalID, data.Format); err != nil {
		return nil, err
	}
	id, err := uuid.Parse(events.WorkoutID(data.UserID, data.Provider, data.ExternalID))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnusable, err)
	}
	return &Route{WorkoutID: id, Sequence: d.Sequence, ActivitySequence: data.ActivitySequence, UserID: user, Format: data.Format, At: d.Event.Time}, nil
}
