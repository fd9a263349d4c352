package events

import (
	"fmt"
	"slices"
)

// RouteName is the name of the one attachment that a route is.
const RouteName = "route"

// Fetched is a record as it travels: ActivityFetched and RouteFetched for the kinds of
// these names, ChunkFetched for chunks, else RecordFetched. It refuses an external id
// that does not say the parts that the record states beside it.
//
// An ActivityFetched has no member for both ends, offsets and dates of an activity: its
// record says them. A RouteFetched has none for most. They are left out.
func (k Kind) Fetched(r RecordFetched) (Data, error) {
	if r.Kind != k.Name {
		return nil, fmt.Errorf("a record of kind %q is no %s", r.Kind, k.Name)
	}
	if err := k.checkID(r); err != nil {
		return nil, err
	}
	switch {
	case k.Name == kindActivity:
		return activityOf(r), nil
	case k.Name == kindRoute:
		return routeOf(r)
	case k.Shape == ShapeChunk:
		return &ChunkFetched{r}, nil
	default:
		return &r, nil
	}
}

// checkID compares an external id that is made of parts with those that are stated.
func (k Kind) checkID(r RecordFetched) error {
	same := true
	switch k.Shape {
	case ShapeDay:
		d, err := ParseDayID(r.ExternalID)
		if err != nil {
			return err
		}
		same = d.Slot == r.Slot && (r.Resource == "" || d.Resource == r.Resource) && (r.LocalDate == "" || d.Date == r.LocalDate)
	case ShapeChunk:
		c, err := ParseChunkID(r.ExternalID)
		if err != nil {
			return err
		}
		same = c.Step == r.Step && c.Slot == r.Slot && sameParent(c.Parent, r.Parent)
	case ShapeAttachment:
		parent, _, err := ParseAttachmentID(r.ExternalID)
		if err != nil {
			return err
		}
		same = sameParent(&parent, r.Parent)
	}
	if !same {
		return fmt.Errorf("the external id of a record of kind %s does not name the parts that the record states", k.Name)
	}
	return nil
}

func sameParent(a, b *ParentRef) bool {
	return a == nil && b == nil || a != nil && b != nil && *a == *b
}

// FetchedOf is the record of a fact; ok is false for a fact of another type, and for a
// route whose file cannot be uncompressed. The record shares the fact's bytes and lists.
func FetchedOf(d Data) (r RecordFetched, ok bool) {
	r, ok = HeadOf(d)
	if route, compressed := d.(*RouteFetched); compressed {
		file, err := route.File()
		r.Raw = file
		return r, err == nil
	}
	return r, ok
}

// HeadOf is FetchedOf for those who do not look at the bytes: it uncompresses nothing, so
// that Raw of a route is empty, and one whose file cannot be uncompressed is a record.
func HeadOf(d Data) (r RecordFetched, ok bool) {
	switch data := d.(type) {
	case *RecordFetched:
		return *data, true
	case *ChunkFetched:
		return data.RecordFetched, true
	case *ActivityFetched:
		return recordOfActivity(data), true
	case *RouteFetched:
		return headOfRoute(data), true
	default:
		return RecordFetched{}, false
	}
}

func activityOf(r RecordFetched) *ActivityFetched {
	return &ActivityFetched{
		UserID: r.UserID, Provider: r.Provider, ConnectionID: r.ConnectionID, SyncID: r.SyncID, ImportID: r.ImportID,
		ProviderAccountID: r.ProviderAccountID, ExternalID: r.ExternalID, ForeignID: r.ForeignID, Aliases: r.Aliases,
		Slot: r.Slot, Part: r.Part, File: r.File, Format: r.Format, Context: r.Context, Door: r.Door,
		ProviderModifiedAt: r.ProviderModifiedAt, ListedAt: r.ListedAt, ContentHash: r.ContentHash, HashVersion: r.HashVersion,
		ReplacesSequence: r.ReplacesSequence, Origin: r.Origin, FetchedAt: r.FetchedAt, StartedAt: r.StartedAt,
		IdentityZone: r.IdentityZone, Raw: r.Raw,
	}
}

func recordOfActivity(a *ActivityFetched) RecordFetched {
	return RecordFetched{
		UserID: a.UserID, Provider: a.Provider, ConnectionID: a.ConnectionID, SyncID: a.SyncID, ImportID: a.ImportID,
		ProviderAccountID: a.ProviderAccountID, Kind: kindActivity, ExternalID: a.ExternalID, ForeignID: a.ForeignID, Aliases: a.Aliases,
		Slot: a.Slot, Part: a.Part, File: a.File, Format: a.Format, Context: a.Context, Door: a.Door,
		ProviderModifiedAt: a.ProviderModifiedAt, ListedAt: a.ListedAt, ContentHash: a.ContentHash, HashVersion: a.HashVersion,
		ReplacesSequence: a.ReplacesSequence, Origin: a.Origin, FetchedAt: a.FetchedAt, StartedAt: a.StartedAt,
		IdentityZone: a.IdentityZone, Raw: a.Raw,
	}
}

// routeOf is the fact of a route. Its wire names no origin but import's, and the
// activity alone.
func routeOf(r RecordFetched) (*RouteFetched, error) {
	if r.ExternalID != AttachmentID(ParentRef{kindActivity, r.Parent.ExternalID}, RouteName) {
		return nil, fmt.Errorf("a record of kind %s is not named %q of an %s", kindRoute, RouteName, kindActivity)
	}
	fact := &RouteFetched{
		UserID: r.UserID, Provider: r.Provider, ConnectionID: r.ConnectionID, ImportID: r.ImportID, ProviderAccountID: r.ProviderAccountID,
		ExternalID: r.Parent.ExternalID, Format: r.Format, ContentHash: r.ContentHash, ActivitySequence: r.ParentSequence,
		Points: r.Points, Origin: r.Origin, FetchedAt: r.FetchedAt,
	}
	if r.Origin == OriginAPI {
		fact.Origin = ""
	}
	return fact, fact.Compress(r.Raw)
}

func headOfRoute(f *RouteFetched) RecordFetched {
	parent := ParentRef{Kind: kindActivity, ExternalID: f.ExternalID}
	r := RecordFetched{
		UserID: f.UserID, Provider: f.Provider, ConnectionID: f.ConnectionID, ImportID: f.ImportID, ProviderAccountID: f.ProviderAccountID,
		Kind: kindRoute, ExternalID: AttachmentID(parent, RouteName), Parent: &parent, Format: f.Format, ContentHash: f.ContentHash,
		ParentSequence: f.ActivitySequence, Points: f.Points, Origin: f.Origin, FetchedAt: f.FetchedAt,
	}
	if f.Origin == "" {
		r.Origin = OriginAPI
	}
	return r
}

// Removed is a removal as it travels. A route has none: it ends with its activity.
func (k Kind) Removed(r RecordRemoved) (Data, error) {
	switch {
	case r.Kind != k.Name:
		return nil, fmt.Errorf("the removal of a record of kind %q is none of a %s", r.Kind, k.Name)
	case k.Name == kindActivity:
		return &ActivityRemoved{
			UserID: r.UserID, Provider: r.Provider, ConnectionID: r.ConnectionID, SyncID: r.SyncID, ImportID: r.ImportID,
			ExternalID: r.ExternalID, ReplacesSequence: r.ReplacesSequence, Origin: r.Origin, Proof: r.Proof, RemovedAt: r.RemovedAt,
		}, nil
	case k.Name == kindRoute:
		return nil, fmt.Errorf("a %s is not removed by itself: remove its %s", kindRoute, kindActivity)
	case k.Shape == ShapeChunk:
		return &ChunkRemoved{r}, nil
	default:
		return &r, nil
	}
}

// RemovedOf is the removal that a fact says; ok is false for a fact of another type.
func RemovedOf(d Data) (r RecordRemoved, ok bool) {
	switch data := d.(type) {
	case *RecordRemoved:
		return *data, true
	case *ChunkRemoved:
		return data.RecordRemoved, true
	case *ActivityRemoved:
		return RecordRemoved{
			UserID: data.UserID, Provider: data.Provider, ConnectionID: data.ConnectionID, SyncID: data.SyncID, ImportID: data.ImportID,
			Kind: kindActivity, ExternalID: data.ExternalID, ReplacesSequence: data.ReplacesSequence, Origin: data.Origin,
			Proof: data.Proof, RemovedAt: data.RemovedAt,
		}, true
	default:
		return RecordRemoved{}, false
	}
}

// FetchedType and RemovedType are the types that records of a kind travel under;
// RemovedType is empty for a kind whose records end with their parents.
func (k Kind) FetchedType() Type {
	switch {
	case k.Name == kindActivity:
		return TypeActivityFetched
	case k.Name == kindRoute:
		return TypeRouteFetched
	case k.Shape == ShapeChunk:
		return TypeChunkFetched
	default:
		return TypeRecordFetched
	}
}

// RemovedType is described with FetchedType.
func (k Kind) RemovedType() Type {
	switch {
	case k.Name == kindActivity:
		return TypeActivityRemoved
	case k.Name == kindRoute:
		return ""
	case k.Shape == ShapeChunk:
		return TypeChunkRemoved
	default:
		return TypeRecordRemoved
	}
}

// FetchedID is the ce-id of a record's fact. It covers the sequence that the fact
// replaces, so that a record that changed from A to B and back makes three facts; that
// of a route covers the version of its activity instead.
func (k Kind) FetchedID(r RecordFetched) string {
	switch k.Name {
	case kindActivity:
		return ActivityFactID(TypeActivityFetched, r.UserID, r.Provider, r.ExternalID, r.ReplacesSequence, r.ContentHash)
	case kindRoute:
		parent, _, err := ParseAttachmentID(r.ExternalID)
		if err != nil {
			return "" // Fetched refuses it
		}
		return RouteFactID(r.UserID, r.Provider, parent.ExternalID, r.ParentSequence, r.ContentHash)
	default:
		delivery := r.Delivery
		if delivery == "" {
			delivery = DeliverySnapshot
		}
		return recordFactID(k.FetchedType(), k.Name, r.UserID, r.Provider, r.ExternalID, r.ReplacesSequence, delivery, r.ContentHash)
	}
}

// RemovedID is the ce-id of a removal.
func (k Kind) RemovedID(r RecordRemoved) string {
	if k.Name == kindActivity {
		return ActivityFactID(TypeActivityRemoved, r.UserID, r.Provider, r.ExternalID, r.ReplacesSequence, "")
	}
	return recordFactID(k.RemovedType(), k.Name, r.UserID, r.Provider, r.ExternalID, r.ReplacesSequence, "", "")
}

// travelsElsewhere says whether records of a kind have wire types that are older than
// RecordFetched.
func travelsElsewhere(kind string) bool {
	return slices.Contains([]string{kindActivity, kindRoute}, kind)
}
