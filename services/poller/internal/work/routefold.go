package work

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/services/poller/internal/ledger"
	"github.com/stridelog/stridelog/services/poller/internal/store"
)

// routeFold is what a stretch of the log says about routes. It stays empty for a
// provider that has none.
type routeFold struct {
	source  *provider.Source  // nil when the provider has no routes
	wanted  map[string]uint64 // versions that tell of a route, by external id
	fetched map[string]store.Route
	dropped map[string]bool
}

// NewRouteFold folds what a stretch of the log says about a connector's routes.
func NewRouteFold(c *provider.Connector) ledger.Reader { return &routeFold{source: routesOf(c)} }

// routeName is the name of the attachment, and of the source that gives it.
const routeName = "route"

// routesOf gives routes, where the provider has them.
func routesOf(c *provider.Connector) *provider.Source {
	source, _ := c.Source(routeName)
	return source
}

// Add folds one fact in. Facts come in the order of the log.
func (f *routeFold) Add(data events.Data, sequence uint64) {
	if f.source == nil {
		return
	}
	if f.wanted == nil {
		f.wanted, f.fetched, f.dropped = map[string]uint64{}, map[string]store.Route{}, map[string]bool{}
	}
	switch data := data.(type) {
	case *events.ActivityFetched:
		if data.Origin == events.OriginAPI && slices.Contains(f.source.Attach.Wants(provider.Record{Format: data.Format, Raw: data.Raw}), routeName) {
			f.wanted[data.ExternalID] = sequence
		}
	case *events.RouteFetched:
		if data.Origin == events.OriginImport { // says nothing about what the API has
			return
		}
		f.fetched[data.ExternalID] = store.Route{
			ExternalID: data.ExternalID, ActivitySequence: data.ActivitySequence,
			Sequence: sequence, ContentHash: data.ContentHash, NotBefore: data.FetchedAt,
		}
		if f.wanted[data.ExternalID] <= data.ActivitySequence {
			delete(f.wanted, data.ExternalID)
		}
	case *events.ActivityRemoved:
		if data.Origin == events.OriginAPI {
			f.dropped[data.ExternalID] = true
			delete(f.wanted, data.ExternalID)
			delete(f.fetched, data.ExternalID)
		}
	}
}

// Apply brings what is known of a target's routes up to the end of the stretch.
func (f *routeFold) Apply(ctx context.Context, tx tx, t store.Target, now time.Time) error {
	if len(f.dropped) > 0 {
		if err := store.DropRoutes(ctx, tx, t, slices.Collect(maps.Keys(f.dropped))); err != nil {
			return err
		}
	}
	for _, r := range f.fetched {
		if err := store.PutRoute(ctx, tx, t, r); err != nil {
			return err
		}
	}
	if len(f.wanted) > 0 {
		if err := store.WantRoutes(ctx, tx, t, f.wanted, now); err != nil {
			return err
		}
	}
	if len(f.dropped)+len(f.fetched) == 0 {
		return nil
	}
	return store.RefreshRoutes(ctx, tx, t)
}
