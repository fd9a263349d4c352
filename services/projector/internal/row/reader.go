package row

import (
	"fmt"
	"slices"

	"github.com/google/uuid"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/provider"
)

// Reader makes rows of deliveries. It has no state.
type Reader struct {
	normalizers provider.Normalizers
	sources     []string
	less        []events.Type // that this program is taken not to know, see Older
}

// NewReader knows the formats of these normalizers. Sources are names of providers:
// of records of one workout that are worth the same, those of the first are shown.
// Providers that are not named come last.
func NewReader(n provider.Normalizers, sources []string) *Reader {
	return &Reader{normalizers: n, sources: sources}
}

// rank is a provider's place among the sources.
func (r *Reader) rank(provider string) int16 {
	if place := slices.Index(r.sources, provider); place >= 0 {
		return int16(place)
	}
	return int16(len(r.sources))
}

// Read makes a version of an activity fact, or a connection entry of a connection
// fact; both are nil for facts that are neither (UserErased, RouteFetched). Its errors wrap
// events.ErrUndecodable or ErrUnusable: such a delivery belongs among the dead
// letters. A record that cannot be normalized is no error but a version with a
// problem.
func (r *Reader) Read(d bus.Delivery) (*Version, *Connection, error) {
	if d.Err != nil {
		return nil, nil, d.Err
	}
	if !events.InRange(d.Event.Time) {
		return nil, nil, fmt.Errorf("%w: its time is out of range", ErrUnusable)
	}
	switch data := d.Event.Data.(type) {
	case *events.ActivityFetched:
		v, err := r.fetched(d, data)
		return v, nil, err
	case *events.ActivityRemoved:
		v, err := removed(d, data)
		return v, nil, err
	default:
		c, err := connection(d)
		return nil, c, err
	}
}

func version(d bus.Delivery, userID, providerName, externalID string, origin events.Origin) (*Version, error) {
	user, err := owner(d.Event, userID, providerName)
	if err != nil {
		return nil, err
	}
	if err := storable(externalID, d.Event.ID, string(origin)); err != nil {
		return nil, err
	}
	id, err := uuid.Parse(events.WorkoutID(userID, providerName, externalID))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnusable, err)
	}
	return &Version{
		WorkoutID: id, Sequence: d.Sequence, OriginRank: originRank(origin), At: d.Event.Time, UserID: user,
		Provider: providerName, ExternalID: externalID, FactID: d.Event.ID, Origin: string(origin),
		Trace: d.Event.TraceParent,
	}, nil
}

// originRank is an origin's rank as the tables of this layout have it. They are older
// than pushes, of which none says a workout yet.
func originRank(o events.Origin) int16 {
	switch o {
	case events.OriginAPI:
		return 2
	case events.OriginImport, events.OriginPush:
		return 1
	default:
		return 0
	}
}

func (r *Reader) fetched(d bus.Delivery, a *events.ActivityFetched) (*Version, error) {
	v, err := version(d, a.UserID, a.Provider, a.ExternalID, a.Origin)
	if err != nil {
		return nil, err
	}
	if err := storable(a.Format); err != nil {
		return nil, err
	}
	v.Format = &a.Format
	// The kind follows from the fact alone (decision 0005).
	v.Event, v.EventID = EventRecorded, events.WorkoutEventID(events.TypeWorkoutRecorded, v.WorkoutID.String(), v.FactID)
	if a.ReplacesSequence != 0 {
		v.Event, v.EventID = EventUpdated, events.WorkoutEventID(events.TypeWorkoutUpdated, v.WorkoutID.String(), v.FactID)
	}
	if problem := r.normalize(v, a); problem != "" {
		v.Problem = problemText(problem)
	}
	return v, nil
}

func removed(d bus.Delivery, a *events.ActivityRemoved) (*Version, error) {
	v, err := version(d, a.UserID, a.Provider, a.ExternalID, a.Origin)
	if err != nil {
		return nil, err
	}
	v.Removed, v.Event = true, EventRemoved
	v.EventID = events.WorkoutEventID(events.TypeWorkoutRemoved, v.WorkoutID.String(), v.FactID)
	return v, nil
}

func connection(d bus.Delivery) (*Connection, error) {
	c := &Connection{Sequence: d.Sequence, Provider: d.Event.Provider, At: d.Event.Time}
	var userID, providerName string
	switch data := d.Event.Data.(type) {
	case *events.ConnectionActivated:
		userID, providerName, c.ConnectionID = data.UserID, data.Provider, data.ConnectionID
		c.Event, c.Status = "activated", string(events.StatusActive)
	case *events.ConnectionStatusChanged:
		userID, providerName, c.ConnectionID = data.UserID, data.Provider, data.ConnectionID
		c.Event, c.Status, c.Reason = "status_changed", string(data.Status), data.Reason
	case *events.ConnectionRevoked:
		userID, providerName, c.ConnectionID = data.UserID, data.Provider, data.ConnectionID
		c.Event, c.Status, c.Reason = "revoked", string(events.StatusRevoked), data.By
	default:
		return nil, nil
	}
	user, err := owner(d.Event, userID, providerName)
	if err != nil {
		return nil, err
	}
	c.UserID = user
	return c, storable(c.ConnectionID, c.Status, c.Reason)
}
