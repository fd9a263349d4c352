package verify

import (
	"slices"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/platform/bus"
)

// checkAttachment looks whether an attachment's file has the hash that its fact says.
func (v *Verification) checkAttachment(d bus.Delivery) {
	if d.Err != nil || !slices.Contains(v.attachments, d.Event.Type()) {
		return
	}
	r, readable := events.FetchedOf(d.Event.Data)
	if readable && (!v.attached(r.Kind) || r.Parent == nil) {
		return // another kind travels under the same type
	}
	v.Hashed++
	what, of := "file", d.Event.About
	if readable {
		what, of = r.Kind, r.Parent.ExternalID
	}
	if !readable || events.RouteHash(r.Raw) != r.ContentHash {
		v.Report(Difference{
			Sequence: d.Sequence, UserID: d.Event.UserID, ExternalID: of, Damaged: true,
			What: "the " + what + " in the log does not have the hash that its fact says",
		})
	}
}

// attachmentTypes are those under which attachments travel.
func attachmentTypes(kinds events.KindTable) []events.Type {
	var types []events.Type
	for _, k := range kinds.All() {
		if k.Shape == events.ShapeAttachment {
			types = append(types, k.FetchedType())
		}
	}
	return types
}
