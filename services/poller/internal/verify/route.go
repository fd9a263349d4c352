package verify

import (
	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/platform/bus"
)

// checkRoute looks whether a route's file has the hash that its fact says.
func (v *Verification) checkRoute(d bus.Delivery) {
	route, ok := d.Event.Data.(*events.RouteFetched)
	if d.Err != nil || !ok {
		return
	}
	v.Hashed++
	if file, err := route.File(); err != nil || events.RouteHash(file) != route.ContentHash {
		v.Report(Difference{
			Sequence: d.Sequence, UserID: route.UserID, ExternalID: route.ExternalID, Damaged: true,
			What: "the route in the log does not have the hash that its fact says",
		})
	}
}
