package row

import (
	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/platform/bus"
)

// Identify is what Read makes of an activity fact without reading the record: its
// ids, rank and whether it removes. It is nil for other facts. The errors are
// those of Read.
func Identify(d bus.Delivery) (*Version, error) {
	if d.Err != nil {
		return nil, d.Err
	}
	switch data := d.Event.Data.(type) {
	case *events.ActivityFetched:
		return version(d, data.UserID, data.Provider, data.ExternalID, data.Origin)
	case *events.ActivityRemoved:
		return removed(d, data)
	default:
		return nil, nil
	}
}
